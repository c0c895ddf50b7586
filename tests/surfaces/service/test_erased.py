"""After an erasure nothing of the user can be read off any answer or page, in this worker and in others."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from fastapi.testclient import TestClient

import tastemap as tm
from tastemap.data import RatingScale, make_interactions
from tastemap.models.recommender import Recommender
from tastemap.service.app import FOLLOWED_EVERY_S
from tastemap.service.database.store import Store
from tastemap.service.database.urls import default_url
from tastemap.service.live.service import Service
from tastemap.service.live.serving import Serving
from tests.surfaces.service.conftest import serving
from tests.toys import as_dataset

ERASED, OTHERS = "alicia", ["alice", "bob", *(f"u{number}" for number in range(18))]
RARE = 5
"""An item that two users have, of whom one is erased."""


def of_rows(theirs: dict[int, float]) -> Recommender:
    """A model with these ratings of the user who will be erased; all models are alike but for the rows."""
    rng = np.random.default_rng(0)
    rows = {(user, item): float(rng.integers(1, 6)) for user in OTHERS for item in (1, 2, 3, 4)}
    rows |= {("alice", RARE): 5.0}
    own = {(ERASED, item): value for item, value in theirs.items()}
    fitted = _dataset(rows | {(ERASED, item): 3.0 for item in (1, 2, 3, 4, RARE)}, "none")
    made = tm.fit(fitted, "als", settings={"n_factors": 2, "n_epochs": 2, "validation_fraction": 0.2}, rng=0)
    assert made.validation is not None
    kept = made.validation.filter(pl.col("user_id") != ERASED)
    extra = kept.head(1).with_columns(
        user_id=pl.lit(ERASED), rating=pl.lit(theirs[1]).cast(kept["rating"].dtype)
    )
    return replace(made, train=_dataset(rows | own, f"{theirs[1]}"), validation=pl.concat([kept, extra]))


def _dataset(rows: dict[tuple[str, int], float], kind: str) -> Any:
    (users, items), values = zip(*rows, strict=True), list(rows.values())
    data, _ = make_interactions(
        list(users),
        list(items),
        np.array(values, np.float32),
        timestamps=[86_400 * (40 * place % 997) for place in range(len(rows))],
        rating_scale=RatingScale(1.0, 5.0),
    )
    kinds = [*("m" if place % 2 else "f" for place in range(len(OTHERS))), kind]
    return replace(as_dataset(data), user_features=pl.DataFrame({"user_id": [*OTHERS, ERASED], "kind": kinds}))


@pytest.fixture
def twins(tmp_path: Path) -> Iterator[list[TestClient]]:
    """Two services that differ in the rows of one user alone."""
    with ExitStack() as ending:
        found = []
        for name, theirs in (
            ("one", {1: 1.0, RARE: 1.0}),
            ("other", {1: 4.0, 2: 5.0, 3: 1.0, 4: 2.0, RARE: 2.5}),
        ):
            made = of_rows(theirs)
            for seed in (1, 2):  # two versions, to be compared
                tm.save(replace(made, seed=seed), tmp_path / name / "model")
            found.append(ending.enter_context(serving(tmp_path / name / "model")))
        yield found


ITEMS = [f"/v1/items/{item}" for item in range(1, 6)]
SAY = {
    "/v1/items",
    "/v1/items?q=a",
    "/v1/model",
    *ITEMS,
    *(f"{item}/similar?min_common_users=0" for item in ITEMS),
    "/v1/items/4/similar?min_common_users=21",
    "/v1/users/nobody/recommendations?k=5",
    "/v1/users/u1/recommendations?min_support=2&exclude_seen=false",
    "/v1/users/alici",
    "/home.json",
    *(f"/item{kind}?id={item}" for kind in ("", ".json") for item in range(1, 6)),
    "/user.json?id=u1",
    "/map.json",
    "/data.json",
    "/data",
    "/training.json",
    "/report.json?against=1",
}
"""What says something of the user before the erasure."""
ASKED = sorted(
    {*SAY, "/", "/for-you", "/for-you.json", "/map", "/user?id=u1", "/user?id=alici", "/training", "/report"}
    | {"/v1/users/u1", "/v1/users/u1/history", "/v1/users/u1/recommendations?reasons=3", "/report.json"}
)


def read(client: TestClient, path: str) -> Any:
    """An answer, but for what differs from one artifact to another."""
    answer = client.get(path)
    deadline = time.monotonic() + 60
    while "measuring" in answer.text:
        assert time.monotonic() < deadline, path
        time.sleep(0.05)
        answer = client.get(path)
    if path in ("/data", "/training", "/report"):
        client.app.state.drawings._own.thread.join(60)  # type: ignore[attr-defined]
        answer = client.get(path)
    if not answer.headers["content-type"].startswith("application/json"):
        return answer.status_code, answer.text
    body = answer.json()
    for name in ("digest", "saved", "age_s", "next_cursor"):
        body.pop(name, None)
    if path == "/map.json":  # places and their order are of the fit
        del body["layouts"]
        columns = body["items"]
        order = np.argsort(columns["item_id"])
        body["items"] = {name: [of[i] for i in order] for name, of in columns.items() if of is not None}
    return answer.status_code, body


def test_nothing_of_an_erased_user_can_be_read_off_any_answer(twins: list[TestClient]) -> None:
    one, other = twins
    telling = {path for path in ASKED if read(one, path) != read(other, path)}
    assert telling >= SAY - {"/v1/users/alici"}, SAY - telling
    assert ERASED in str(read(one, "/v1/users/alici"))
    for client in twins:
        assert client.delete(f"/v1/users/{ERASED}").status_code == 200
    for path in ASKED:
        found = read(one, path)
        assert found == read(other, path), path
        assert ERASED not in str(found), path
    rare = one.get(f"/v1/items/{RARE}").json()
    assert (rare["popularity"], rare["mean_rating"], rare["ratings"]) == (1, 5.0, [{"rating": 5.0, "count": 1}])
    near = one.get(f"/v1/items/{RARE}/similar?min_common_users=0").json()["similar"]
    assert {row["common_users"] for row in near} == {1}


def test_what_was_fitted_stays_until_the_refit(twins: list[TestClient]) -> None:
    client = twins[0]
    before = client.get("/v1/items/1").json()["bias"], client.get("/map.json").json()["items"]["item_id"]
    service: Service = client.app.state.service  # type: ignore[attr-defined]
    model = service.serving.recommender.model
    client.delete(f"/v1/users/{ERASED}")
    assert service.serving.recommender.model is model
    assert (
        client.get("/v1/items/1").json()["bias"],
        client.get("/map.json").json()["items"]["item_id"],
    ) == before


def test_other_workers_show_nothing_of_an_erased_user_within_a_second(
    tmp_path: Path, database_url: str
) -> None:
    folder = tm.save(of_rows({1: 1.0, RARE: 1.0}), tmp_path / "model")
    with serving(folder, database=database_url) as first, serving(folder, database=database_url) as second:
        assert second.get(f"/v1/items/{RARE}").json()["popularity"] == 2
        first.delete(f"/v1/users/{ERASED}")
        erased = time.monotonic()
        assert first.get(f"/v1/items/{RARE}").json()["popularity"] == 1
        while second.get(f"/v1/items/{RARE}").json()["popularity"] == 2:
            assert time.monotonic() < erased + 10 * FOLLOWED_EVERY_S
            time.sleep(0.02)
    with serving(folder, database=database_url) as later:
        assert later.get(f"/v1/items/{RARE}").json()["popularity"] == 1


def test_a_look_that_began_before_an_erasure_brings_nobody_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(default_url(tmp_path / "model"))
    service = Service(tm.save(of_rows({1: 1.0, RARE: 1.0}), tmp_path / "model"), store)
    read_before = store.erased_since

    def slowly(after: int) -> frozenset[str]:
        found = read_before(after)
        service.erase(ERASED)
        return found

    monkeypatch.setattr(store, "erased_since", slowly)
    service.hide_erased()
    assert service.serving.erased == {ERASED}
    store.close()


def test_many_erasures_at_a_time_copy_the_rows_few_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(default_url(tmp_path / "model"))
    service = Service(tm.save(of_rows({1: 1.0, RARE: 1.0}), tmp_path / "model"), store)
    begun, go_on, copied = threading.Event(), threading.Event(), []
    hiding = Serving.hiding

    def slowly(serving: Serving, erased: Collection[str]) -> Serving:
        copied.append(set(erased))
        begun.set()
        assert go_on.wait(30)
        return hiding(serving, erased)

    monkeypatch.setattr(Serving, "hiding", slowly)
    with ThreadPoolExecutor(1 + len(OTHERS)) as pool:
        first = pool.submit(service.erase, ERASED)
        assert begun.wait(30)
        rest = [pool.submit(service.erase, user) for user in OTHERS]
        while len(service._to_hide) < len(OTHERS):
            time.sleep(0.01)
        go_on.set()
        for one in (first, *rest):
            one.result(30)
    assert copied == [{ERASED}, {ERASED, *OTHERS}]
    assert service.serving.erased == {ERASED, *OTHERS}
    store.close()


def test_who_came_back_before_a_fit_is_not_hidden_by_an_older_erasure(tmp_path: Path) -> None:
    folder, store = tmp_path / "model", Store.open(default_url(tmp_path / "model"))
    made = tm.save(of_rows({1: 1.0, RARE: 1.0}), folder)
    seq = store.erase(ERASED, 0.0)
    store.record_fit(tm.artifacts.identify(made).digest, seq, 0.0)
    service = Service(folder, store)
    assert service.serving.erased == frozenset()
    service._hide(frozenset([ERASED]), seq - 1)  # read of the version before
    assert service.serving.erased == frozenset()
    store.close()


def test_where_everybody_was_erased_every_page_still_answers(twins: list[TestClient]) -> None:
    client = twins[0]
    for user in (ERASED, *OTHERS):
        assert client.delete(f"/v1/users/{user}").status_code == 200
    for path in ASKED:
        if "user" not in path:
            assert client.get(path).status_code == 200, path
    assert client.get("/v1/users/u1/recommendations").json()["basis"] == "popularity"
    assert client.get("/home.json").json()["example_user"] is None
