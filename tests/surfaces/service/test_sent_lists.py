"""Lists that are kept as they were sent are sent again only while they would come out the same."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from tastemap.service.answers import lists as answers
from tastemap.service.database import DatabaseError
from tastemap.service.database.store import Store
from tastemap.service.routes import kept, recommendations
from tests.surfaces.service.conftest import Serve

PATH = "/v1/users/3/recommendations?k=4&reasons=2"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """A place for each list that was made, not sent again."""
    found: list[object] = []

    async def listed(*arguments: object) -> object:
        found.append(arguments)
        return await answers.listed(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(recommendations, "listed", listed)
    return found


def test_the_same_question_is_answered_from_what_was_sent(client: TestClient, made: list[object]) -> None:
    first, second = client.get(PATH), client.get(PATH)
    assert first.content == second.content
    assert len(made) == 1
    client.get(PATH + "&min_support=1")
    client.get("/v1/users/4/recommendations?k=4&reasons=2")
    assert len(made) == 3


def test_an_event_a_version_and_an_erasure_make_it_anew(client: TestClient, made: list[object]) -> None:
    before = client.get(PATH).json()
    client.post("/v1/events", json={"user_id": 3, "item_id": before["items"][0]["item_id"], "rating": 1})
    after = client.get(PATH).json()
    assert after["basis"] == "history"
    assert client.get(PATH).json() == after
    assert len(made) == 2
    client.post("/v1/model/reload", json={})
    assert client.get(PATH).json() == after
    assert len(made) == 3
    client.delete("/v1/users/3")
    assert client.get(PATH).json()["basis"] == "popularity"


def test_what_was_said_in_an_outage_is_not_said_again(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Store, "events_of", unreachable)
        assert client.get(PATH).json()["notes"]
    assert client.get(PATH).json()["notes"] == []


def unreachable(*_: object, **limits: int) -> None:
    raise DatabaseError("gone")


def test_lists_that_are_long_or_not_asked_for_again_are_let_go(
    serve: Serve, made: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "LISTS_KEPT", 2)
    client = serve("als")
    for user in (1, 2, 3, 1):
        client.get(f"/v1/users/{user}/recommendations")
    assert len(made) == 4
    client.get("/v1/users/3/recommendations")
    assert len(made) == 4
    monkeypatch.setattr(kept, "LARGEST_KEPT", 100)
    client.get(PATH)
    client.get(PATH)
    assert len(made) == 6


@pytest.mark.parametrize(("room", "n_made"), [(0, 1), (-1, 2)])
def test_a_long_query_counts_with_its_list(
    client: TestClient, made: list[object], monkeypatch: pytest.MonkeyPatch, room: int, n_made: int
) -> None:
    query = "where=" + " and ".join(["year >= 1900"] * 100)
    path = f"/v1/users/3/recommendations?{query}"
    answer = client.get(path)
    size = len(answer.content) + len(answer.url.query)
    made.clear()
    client.post("/v1/model/reload", json={})
    monkeypatch.setattr(kept, "LARGEST_KEPT", size + room)
    assert client.get(path).content == client.get(path).content
    assert len(made) == n_made
