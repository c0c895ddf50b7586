"""Items that come in by events: the same in every worker, and gone with who is erased."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tastemap.service import app as application
from tastemap.service.database import NewEvent, Store
from tastemap.service.live.service import Service
from tastemap.service.pages import price
from tests.surfaces.service.conftest import Serve


@pytest.fixture
def folder(fitted: dict[str, Path]) -> Path:
    return fitted["als"]


def rate(store: Store, users: Sequence[object], *items: int) -> None:
    store.append([NewEvent(str(user), str(item), 1.0 + item % 5) for user in users for item in (3, *items)])


def shown(service: Service) -> list[tuple[Any, ...]]:
    """All that a worker knows of its items."""
    recommender = service.serving.recommender
    model: Any = recommender.model
    vectors = np.column_stack([model.item_factors, model.item_bias])
    return [
        (id, count, *row)
        for id, count, row in zip(
            recommender.items.ids.to_list(),
            recommender.train.interactions.popularity.tolist(),
            vectors.tolist(),
            strict=True,
        )
    ]


def test_services_that_look_at_different_moments_answer_alike(folder: Path, database_url: str) -> None:
    """One looks after every event, one now and then, one when all is over."""
    store = Store.open(database_url)
    often, seldom = Service(folder, store), Service(folder, store)
    n_changes = 0
    for user in [1, 2, 3, *range(1001, 1020)]:
        rate(store, [user], 500, *([501] if user % 2 else []))
        n_changes += often.take_in_items(math.inf)
        if user % 5 == 0:
            seldom.take_in_items(math.inf)
    rate(store, [1001, 4], 7, 500)  # after the last doubling
    for erased in (None, "1003"):
        if erased is not None:
            store.erase(erased, 1.0)
            rate(store, [erased], 500)
        late = Service(folder, store)
        for service in (often, seldom, late):
            service.take_in_items(math.inf)
        assert shown(often) == shown(seldom) == shown(late)
    assert n_changes >= 4
    assert {500, 501} <= {row[0] for row in shown(often)}
    assert often.serving.tag == seldom.serving.tag == late.serving.tag != often.serving.digest[:8]
    store.close()


def test_an_erased_user_leaves_a_new_item_at_once(folder: Path, database_url: str) -> None:
    store = Store.open(database_url)
    rate(store, [1, 2, 3, 1001, 1002, 1003, 1004], 500)
    service = Service(folder, store)
    service.take_in_items(math.inf)
    index = service.serving.recommender.items.index(500)
    assert service.serving.support[index] == 3  # of users that the model knows
    store.erase("2", 1.0)
    rate(store, [2], 500)  # after the erasure: the fit's vector of this user is not used
    assert service.take_in_items(time.time() - 30) is True
    assert service.serving.support[index] == 2
    rows = service._whole.recommender.train.interactions
    user = service._whole.recommender.users.index(2)
    assert user not in rows.of_item(index)[0]
    rate(store, range(1005, 1009), 500)  # the users are ten again, and all until now counts
    assert service.take_in_items(math.inf) is True
    rows = service._whole.recommender.train.interactions
    assert user not in rows.of_item(index)[0]
    for newer in range(1005, 1009):
        store.erase(str(newer), 1.0)
    store.erase("1001", 1.0)
    store.erase("1002", 1.0)
    store.erase("3", 1.0)
    assert service.take_in_items(time.time() - 30) is True
    assert service._whole is service._loaded
    store.close()


def test_a_cursor_ends_when_an_item_comes_in(serve_either: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "FOLLOWED_EVERY_S", 1e6)
    live = serve_either("als")
    service: Service = live.app.state.service  # type: ignore[attr-defined]
    first = live.get("/v1/items?limit=2").json()
    user = live.get("/v1/users/1/history?limit=1").json()["next_cursor"]
    rate(service.store, [1, 2, 3, 1001, 1002], -5)  # before all items of the fit
    assert live.get(f"/v1/items?limit=2&cursor={first['next_cursor']}").status_code == 200
    service.take_in_items(math.inf)
    for path, cursor in (("/v1/items", first["next_cursor"]), ("/v1/users/1/history", user)):
        answer = live.get(path, params={"cursor": cursor})
        assert answer.status_code == 409, path
        assert answer.json()["error"]["code"] == "stale_cursor"
    again = live.get("/v1/items?limit=2").json()["next_cursor"]
    assert live.get(f"/v1/items?limit=2&cursor={again}").status_code == 200


def test_the_map_and_the_price_of_diversity_are_those_of_the_fit(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "FOLLOWED_EVERY_S", 1e6)
    client = serve("als")
    service: Service = client.app.state.service  # type: ignore[attr-defined]
    before = client.get("/map.json").json()
    maps, found = client.app.state.maps, service.serving.recommender  # type: ignore[attr-defined]
    layout = maps.of(found)
    client.get("/for-you.json")
    rate(service.store, [1, 2, 3, 1001, 1002], 500)
    service.take_in_items(math.inf)
    after = client.get("/map.json").json()
    assert (before["newer"], after["newer"]) == (0, 1)
    assert after["items"] == before["items"]
    assert 500 not in after["items"]["item_id"]
    client.get("/for-you.json")
    assert maps.of(service.serving.fitted) is layout  # not begun anew
    assert found.model in price._measured
    assert service.serving.recommender.model not in price._measured
    assert "1 item came in after the model was fitted" in client.get("/map").text
    rate(service.store, [1, 2, 3, 1001, 1002], 501)
    service.take_in_items(math.inf)
    assert "2 items came in after the model was fitted" in client.get("/map").text
