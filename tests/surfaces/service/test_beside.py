"""What takes long leaves the event loop; what is asked most stays in it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from fastapi.testclient import TestClient

from tastemap.service.answers import lists, people
from tastemap.service.database.records import Event
from tastemap.service.database.store import Store
from tastemap.service.live import effort, service
from tastemap.service.live.beside import AT_ONCE, beside
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
    monkeypatch.setattr("tastemap.service.routes.users.MANY_ENTRIES", 2)
    events = [{"user_id": 3, "item_id": item, "rating": 4} for item in range(3)]
    assert client.post("/v1/events/batch", json={"events": events}).status_code == 201
    for path in ("", "/history", "/export"):
        client.get(f"/v1/users/4{path}")
        client.get(f"/v1/users/3{path}")
    assert [place for _, place in places] == [True, False] * 3


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
        async with anyio.create_task_group() as group:
            for _ in range(4 * AT_ONCE):
                group.start_soon(beside, work)

    anyio.run(ask)
    assert most == AT_ONCE


def test_models_say_whether_their_reasons_add_up(serve: Serve) -> None:
    for name in ("als", "ials", "popularity"):
        client = serve(name)
        assert effort.adds_up(client.app.state.service.serving.recommender)  # type: ignore[attr-defined]
