"""Work that goes on in a thread after nobody waits for it any more."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import tastemap.service
from tastemap.service.answers import lists
from tastemap.service.database.store import Store
from tastemap.service.live.beside import AT_ONCE, beside, in_thread, threads_end
from tastemap.service.live.service import Service
from tests.surfaces.service.conftest import Serve, serving

WAIT_S = 60


class Work:
    """Holds its thread until it is let go; counts who is at it."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.begun = self.most = self.at_it = 0
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            self.begun += 1
            self.at_it += 1
            self.most = max(self.most, self.at_it)
        assert self.let_go.wait(WAIT_S)
        with self._lock:
            self.at_it -= 1


@pytest.fixture
def work() -> Iterator[Work]:
    made = Work()
    yield made
    made.let_go.set()


def test_work_that_nobody_waits_for_keeps_its_place_until_it_ends(work: Work) -> None:
    async def ask() -> None:
        for _ in range(2 * AT_ONCE):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await beside(work)
        assert (work.begun, work.at_it) == (AT_ONCE, AT_ONCE)
        work.let_go.set()
        assert await beside(lambda: "free again") == "free again"
        await threads_end()

    asyncio.run(ask())
    assert (work.begun, work.most, work.at_it) == (AT_ONCE, AT_ONCE, 0)  # who had no place never began


def test_the_end_waits_for_what_runs_and_begins_nothing_more(work: Work) -> None:
    async def ask() -> None:
        cut_off = [asyncio.create_task(beside(work)) for _ in range(2 * AT_ONCE)]
        while work.at_it < AT_ONCE:
            await asyncio.sleep(0.01)
        for one in cut_off:
            one.cancel()
        ending = asyncio.create_task(threads_end())
        await asyncio.sleep(0.1)
        assert not ending.done()
        work.let_go.set()
        await ending
        assert work.at_it == 0

    asyncio.run(ask())
    assert work.begun == AT_ONCE


@pytest.mark.parametrize("run", [beside, in_thread])
def test_what_work_raises_comes_to_who_asked(run: Callable[..., object]) -> None:
    async def ask() -> None:
        with pytest.raises(ZeroDivisionError):
            await run(lambda: 1 // 0)  # type: ignore[misc]

    asyncio.run(ask())


def test_who_asked_for_too_much_is_told_in_time_though_the_work_goes_on(
    serve: Serve, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "list_for", lambda *_: work())
    client = serve("als", request_timeout_s=0.2)
    for _ in range(AT_ONCE + 1):
        answer = client.get("/v1/users/3/recommendations?diversity=0.5")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "timeout")
    assert work.at_it == AT_ONCE
    work.let_go.set()


@pytest.fixture
def order(work: Work, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happened while a worker looked for a new version, and at its end."""
    seen: list[str] = []
    close = Store.close

    def follow(service: Service) -> bool:
        work()
        seen.append("looked for versions")
        return False

    def closing(store: Store) -> None:
        seen.append("closed the database")
        close(store)

    monkeypatch.setattr(Service, "follow", follow)
    monkeypatch.setattr(Store, "close", closing)
    return seen


def test_the_database_is_closed_when_nobody_uses_it(
    fitted: dict[str, Path], tmp_path: Path, work: Work, order: list[str]
) -> None:
    def ended(client: TestClient) -> None:
        while not work.at_it:
            assert client.get("/healthz").status_code == 200
        threading.Timer(0.3, work.let_go.set).start()  # while the service ends

    with serving(fitted["als"], database=f"sqlite:///{tmp_path / 'events.db'}") as client:
        ended(client)
    assert order == ["looked for versions", "closed the database"]


def test_nothing_in_the_service_runs_in_threads_whose_places_are_given_back_too_soon() -> None:
    folder = Path(str(tastemap.service.__file__)).parent
    modules = [path for path in folder.rglob("*.py") if path.name != "beside.py"]
    assert len(modules) > 50
    others = re.compile(r"anyio\.to_thread|run_in_threadpool|asyncio\.to_thread|run_in_executor")
    assert [path.name for path in modules if others.search(path.read_text(encoding="utf-8"))] == []
