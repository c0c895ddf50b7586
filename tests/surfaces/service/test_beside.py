"""What takes long leaves the event loop; what is asked most stays in it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tastemap.service.answers import lists, people
from tastemap.service.database.records import Event
from tastemap.service.database.store import Store
from tastemap.service.live import effort, reading, service
from tastemap.service.live.beside import AT_ONCE, beside
from tastemap.service.live.reading import TOO_MANY
from tests.surfaces.service.conftest import Serve

LIST = "/v1/users/3/recommendations"
HISTORY = [{"item_id": item, "rating": 4} for item in range(10)]


def in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Names of work done, each with whether the event loop did it."""
    seen: list[tuple[str, bool]] = []

    def watch(owner: object, name: str) -> None:
        work: Callable[..., Any] = getattr(owner, name)

        def noting(*given: Any) -> Any:
            seen.append((name, in_loop()))
            return work(*given)

        monkeypatch.setattr(owner, name, noting)

    watch(lists, "list_for")
    watch(service, "person_of_history")
    watch(people, "explanation")
    watch(people, "history")
    watch(people, "user")
    watch(people, "export")
    return seen


@pytest.mark.parametrize("query", ["", "?k=40&reasons=3", "?pin=3&exclude=4", "?min_support=3"])
def test_usual_lists_are_made_in_the_event_loop(
    client: TestClient, places: list[tuple[str, bool]], query: str
) -> None:
    assert client.get(LIST + query).status_code == 200
    assert places == [("list_for", True)]


def test_a_diverse_list_is_made_in_a_thread(client: TestClient, places: list[tuple[str, bool]]) -> None:
    assert client.get(f"{LIST}?diversity=0.5").status_code == 200
    assert places == [("list_for", False)]


def test_a_new_filter_is_read_in_a_thread_and_a_known_one_in_the_event_loop(
    client: TestClient, places: list[tuple[str, bool]]
) -> None:
    answers = [client.get(f"{LIST}?where=kind%20%3D%20Drama&k={k}").json()["items"] for k in (3, 4)]
    assert answers[0] == answers[1][:3]
    assert places == [("list_for", False), ("list_for", True)]
    assert client.get(f"{LIST}?where=kind").json()["error"]["code"] == "invalid_filter"
    assert places[2:] == [("list_for", False)]


def test_reasons_that_are_not_additive_are_looked_for_in_a_thread(
    client: TestClient, places: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effort, "adds_up", lambda recommender: False)
    client.get(f"{LIST}?reasons=1")
    client.get(LIST)
    client.get("/v1/users/3/explanations/5")
    client.post("/v1/recommendations", json={"history": HISTORY})
    assert places == [
        ("list_for", False),
        ("list_for", True),
        ("explanation", False),
        ("person_of_history", False),
        ("list_for", True),
    ]


def test_long_histories_are_folded_in_and_explained_in_a_thread(
    client: TestClient, places: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"history": HISTORY, "item_id": 20}
    whole = client.post("/v1/explanations", json=body).json()
    assert places == [("person_of_history", True), ("explanation", True)]
    monkeypatch.setattr(effort, "MANY_ENTRIES", 9)
    assert client.post("/v1/explanations", json=body).json() == whole
    client.post("/v1/recommendations", json={"history": HISTORY, "drop": [3]})
    assert places[2:] == [
        ("person_of_history", False),
        ("explanation", False),
        ("person_of_history", True),
        ("list_for", True),
    ]


def test_many_pairs_of_entries_and_items_are_explained_in_a_thread(
    client: TestClient, places: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    n = client.get("/v1/users/3").json()["n_ratings"]
    monkeypatch.setattr(effort, "MANY_PAIRS", 10 * n)
    client.get(f"{LIST}?reasons=1&k=10")
    client.get(f"{LIST}?reasons=1&k=11")
    client.get(f"{LIST}?k=11")
    assert places[1:] == [("list_for", True), ("list_for", False), ("list_for", True)]


def test_many_events_are_laid_over_in_a_thread(
    client: TestClient, places: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    has = client.get("/v1/users/3").json()["n_ratings"]
    monkeypatch.setattr(reading, "MANY_ENTRIES", has)
    events = [{"user_id": user, "item_id": 1, "rating": 4} for user in (3, 777)]
    assert client.post("/v1/events/batch", json={"events": events}).status_code == 201
    for user, is_few in ((777, True), (3, False)):
        places.clear()
        for path in ("/v1/users/{}", "/v1/users/{}/history", "/v1/users/{}/export", "/user.json?id={}"):
            assert client.get(path.format(user)).status_code == 200
        found = [place for place in places if place[0] != "list_for"]
        assert found == [(name, is_few) for name in ("user", "history", "export", "user", "history")]


def test_many_events_are_read_in_a_thread_and_only_so_many_count(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[bool, int]] = []
    read = Store.events_of

    def noting(store: Store, user_id: str, after: int, *, most: int) -> list[Event]:
        asked.append((in_loop(), most))
        return read(store, user_id, after, most=most)

    monkeypatch.setattr(Store, "events_of", noting)
    monkeypatch.setattr(reading, "MANY_ENTRIES", 3)
    for module in (reading, service):
        monkeypatch.setattr(module, "MOST_EVENTS", 5)
    for n, expected in ((3, [(True, 4)]), (4, [(True, 4), (False, 5)]), (9, [(True, 4), (False, 5)])):
        events = [{"user_id": f"9{n}", "item_id": item, "rating": 4} for item in range(n)]
        client.post("/v1/events/batch", json={"events": events})
        asked.clear()
        found = client.get(f"/v1/users/9{n}/recommendations?k=40").json()
        assert asked == expected
        assert (TOO_MANY in found["notes"]) == (n == 9)
    rows = client.get("/v1/users/99/history").json()
    assert {row["item_id"] for row in rows["items"]} == {4, 5, 6, 7, 8}  # the latest
    assert TOO_MANY in rows["notes"]


def test_who_is_erased_stays_so_however_much_comes_later(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (reading, service):
        monkeypatch.setattr(module, "MOST_EVENTS", 5)
    monkeypatch.setattr(reading, "MANY_ENTRIES", 3)
    assert client.delete("/v1/users/3").status_code == 200
    events = [{"user_id": 3, "item_id": item, "rating": 4} for item in range(8)]
    assert client.post("/v1/events/batch", json={"events": events}).status_code == 201
    rows = client.get("/v1/users/3/history?limit=500").json()["items"]
    assert {row["item_id"] for row in rows} == {4, 5, 6, 7}
    assert {row["source"] for row in rows} == {"event"}


def test_events_are_read_in_the_event_loop_from_a_file_and_in_a_thread_from_a_server(
    live: TestClient, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where: list[bool] = []
    read = Store.events_of

    def noting(store: Store, user_id: str, after: int, **limits: int) -> list[Event]:
        where.append(in_loop())
        return read(store, user_id, after, **limits)

    monkeypatch.setattr(Store, "events_of", noting)
    for path in ("/recommendations", "/history", ""):
        assert live.get(f"/v1/users/3{path}").status_code == 200
    assert where == [database_url.startswith("sqlite")] * 3


def test_no_more_than_two_pieces_of_long_work_run_at_once() -> None:
    running, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(AT_ONCE, timeout=60)

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait()
        with lock:
            running -= 1

    async def ask() -> None:
        await asyncio.gather(*(beside(work) for _ in range(4 * AT_ONCE)))

    asyncio.run(ask())
    assert most == AT_ONCE


def test_models_say_whether_their_reasons_add_up(serve: Serve) -> None:
    for name in ("als", "ials", "popularity"):
        client = serve(name)
        assert effort.adds_up(client.app.state.service.serving.recommender)  # type: ignore[attr-defined]


def test_a_page_shows_only_so_many_rows_of_a_history(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    n = client.get("/v1/users/3").json()["n_ratings"]
    monkeypatch.setattr("tastemap.service.pages.user.SHOWN", 2)
    for most, label in ((n, "Show all"), (n - 1, f"Show {n - 1}")):
        monkeypatch.setattr("tastemap.service.pages.user.MOST_SHOWN", most)
        assert f">{label}</a>" in client.get("/user?id=3").text
        assert len(client.get("/user.json?id=3").json()["history"]) == 2
        whole = client.get("/user.json?id=3&all=1").json()["history"]
        ratings = [row["rating"] for row in whole]
        assert len(ratings) == most
        assert ratings == sorted(ratings, reverse=True)
        assert ">Show" not in client.get("/user?id=3&all=1").text
