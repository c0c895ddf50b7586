"""What a service says of a disk that takes no more: readiness, figures, answers; and afterwards."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.surfaces.service.running import started

EVENTS = 400
"""They fill the write-ahead log well beyond what the service writes elsewhere, such as its log."""


def ask(url: str, body: object = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text, status = answer.read(), answer.status
    except urllib.error.HTTPError as error:
        text, status = error.read(), error.code
    return status, text.decode() if url.endswith("/metrics") else json.loads(text)


def until(url: str, writes: str) -> dict[str, Any]:
    """What readiness says once it says this of writes: it asks the database once a second."""
    for _ in range(600):
        status, told = ask(f"{url}/readyz")
        assert status == 200
        if told["writes"] == writes:
            return dict(told)
        time.sleep(0.05)
    raise AssertionError(told)


@pytest.fixture
def limited(fitted: dict[str, Path], tmp_path: Path) -> Iterator[tuple[str, int, Path]]:
    """A running service, its process and the log that its database writes ahead."""
    model = tmp_path / "als"
    shutil.copytree(fitted["als"], model)
    process, url = started(model, tmp_path)
    try:
        yield url, process.pid, tmp_path / "als.events.db-wal"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def test_a_disk_that_takes_no_more_shows_in_readiness_and_is_forgotten_once_it_does(
    limited: tuple[str, int, Path],
) -> None:
    url, pid, ahead = limited
    batch = {"events": [{"user_id": 900 + n, "item_id": 5, "rating": 4} for n in range(EVENTS)]}
    assert ask(f"{url}/v1/events/batch", batch)[0] == 201
    assert until(url, "ok")["notes"] == []
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (ahead.stat().st_size, hard))

    event = {"user_id": 3, "item_id": 5, "rating": 4}
    status, refused = ask(f"{url}/v1/events", event)
    assert (status, refused["error"]["code"]) == (503, "database_unavailable")
    told = until(url, "failing")
    assert (told["status"], told["database"]) == ("ready", "ok")
    (note,) = told["notes"]
    assert note.startswith("The last write to the database failed: the disk ")
    assert "als" not in note
    assert "tastemap_writes_failing 1.0" in ask(f"{url}/metrics")[1]
    status, found = ask(f"{url}/v1/users/3/recommendations?k=3")
    assert (status, found["basis"], len(found["items"])) == (200, "user", 3)

    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))
    assert until(url, "ok")["notes"] == []
    assert ask(f"{url}/v1/events", event)[0] == 201
    assert ask(f"{url}/v1/users/3/recommendations?k=3")[1]["basis"] == "history"
    figures = ask(f"{url}/metrics")[1]
    assert "tastemap_writes_failing 0.0" in figures
    assert "tastemap_writes_failed_total 0.0" not in figures


def test_a_database_that_is_gone_is_told_apart_from_a_full_disk(limited: tuple[str, int, Path]) -> None:
    url, _, ahead = limited
    assert ask(f"{url}/v1/events", {"user_id": 3, "item_id": 5, "rating": 4})[0] == 201
    ahead.with_name("als.events.db").rename(ahead.with_name("elsewhere.db"))
    assert ask(f"{url}/v1/events", {"user_id": 3, "item_id": 6, "rating": 4})[0] == 503
    told = until(url, "failing")
    assert told["database"] == "unavailable"
    assert told["notes"][0].startswith("The last write to the database failed: the file is gone")
