"""No acknowledged event is lost and none is kept twice: kills of the whole service, and several processes."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import subprocess
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tastemap.service.database.store import Store
from tastemap.service.database.urls import default_url
from tests.surfaces.service.running import ask, running, serving_process, started, workers_of

N_EVENTS = 20_000
A_BATCH = 20
N_SHARED = 6_000


def of_number(n: int) -> dict[str, Any]:
    return {"user_id": n % 60, "item_id": n % 40, "rating": 3, "key": f"k{n}"}


def batch(first: int) -> list[dict[str, Any]]:
    return [of_number(n) for n in range(first, first + A_BATCH)]


def keys_in(url: str) -> list[str | None]:
    """The key of each event that a database holds."""
    store = Store.open(url)
    keys = [event.client_key for event in store.events()]
    store.close()
    return keys


def posted(url: str, service: subprocess.Popen[str], kill_after: int) -> set[str]:
    """Keys of events that were acknowledged until all processes of the service were killed."""
    acknowledged: set[str] = set()
    alive = [service.pid, *workers_of(service)]
    turn = threading.Lock()

    def post(first: int) -> None:
        events = batch(first)
        try:
            ask(f"{url}/v1/events/batch", {"events": events})
        except (OSError, http.client.HTTPException):  # the server is gone
            return
        acknowledged.update(event["key"] for event in events)
        with turn:
            while len(acknowledged) >= kill_after and alive:
                os.kill(alive.pop(0), signal.SIGKILL)  # the parent first: it starts no worker again

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(post, range(0, N_EVENTS, A_BATCH)))
    assert not alive
    return acknowledged


def test_a_service_killed_under_load_has_every_acknowledged_event_once(
    fitted: dict[str, Path], tmp_path: Path, database_url: str
) -> None:
    folder = shutil.copytree(fitted["als"], tmp_path / "als")
    process, url = started(folder, tmp_path, "--workers", "2", "--database", database_url)
    acknowledged = posted(url, process, N_EVENTS // 2)
    assert process.wait(30) == -signal.SIGKILL
    assert process.stdout is not None
    process.stdout.close()
    assert N_EVENTS // 2 <= len(acknowledged) < N_EVENTS
    assert acknowledged <= set(keys_in(database_url))
    with running(folder, tmp_path, "--database", database_url) as again:
        # What is sent again, because nobody knows whether it was kept, is not kept twice.
        for first in range(0, N_EVENTS, 1_000):
            events = [of_number(n) for n in range(first, first + 1_000)]
            receipts = ask(f"{again}/v1/events/batch", {"events": events})["events"]
            for event, receipt in zip(events, receipts, strict=True):
                assert receipt["duplicate"] or event["key"] not in acknowledged
    keys = keys_in(database_url)
    assert len(keys) == len(set(keys)) == N_EVENTS


def test_two_servers_that_write_into_one_file_at_once_keep_every_event_once(
    fitted: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(fitted["als"], tmp_path / "als")
    told: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    was_first: set[str] = set()

    def post(url: str, first: int) -> None:
        receipts = ask(f"{url}/v1/events/batch", {"events": batch(first)})["events"]
        for event, receipt in zip(batch(first), receipts, strict=True):
            told[event["key"]].append((receipt["seq"], receipt["duplicate"]))
            if not receipt["duplicate"]:
                was_first.add(url)

    (tmp_path / "other").mkdir()
    with (
        serving_process(folder, tmp_path) as (_, one),
        serving_process(folder, tmp_path / "other") as (_, other),
        ThreadPoolExecutor(8) as pool,
    ):
        # Each event goes to both, which get it at about the same time.
        sent = [pool.submit(post, url, first) for first in range(0, N_SHARED, A_BATCH) for url in (one, other)]
        for each in sent:
            each.result()
        assert was_first == {one, other}
        assert ask(f"{one}/v1/users/3/export") == ask(f"{other}/v1/users/3/export")
    keys = keys_in(default_url(folder))
    assert len(keys) == len(set(keys)) == len(told) == N_SHARED
    for receipts in told.values():
        assert len({seq for seq, _ in receipts}) == 1
        assert sorted(duplicate for _, duplicate in receipts) == [False, True]
    assert len({receipts[0][0] for receipts in told.values()}) == N_SHARED
