from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tastemap.service.database import DatabaseError
from tastemap.service.routes import operations

SAID = "connection to server at 10.0.0.7, user shop, refused"


@pytest.fixture
def pings(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """``pings(answer)``: the database's answer to a ping is what `answer` does."""
    application: Any = client.app

    def put(answer: Callable[[], None]) -> None:
        monkeypatch.setattr(application.state.service.store, "ping", answer)

    return put


def test_anybody_is_told_no_more_than_whether_the_database_answers(
    client: TestClient, pings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "FRESH_S", 0.0)
    assert client.get("/readyz").json() == {
        "status": "ready",
        "version": 1,
        "database": "ok",
        "writes": "ok",
        "notes": [],
    }

    def fail() -> None:
        raise DatabaseError(SAID)

    pings(fail)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (200, "unavailable")


def test_probes_ask_the_database_once_a_second_however_many_there_are(
    client: TestClient, pings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert operations.FRESH_S == 1.0
    monkeypatch.setattr(operations, "FRESH_S", 1e6)
    asked: list[int] = []
    held = threading.Event()

    def answer() -> None:
        asked.append(1)
        held.wait(10)

    pings(answer)
    with ThreadPoolExecutor(8) as pool:
        probes = [pool.submit(client.get, "/readyz") for _ in range(8)]
        while not asked:
            time.sleep(0.01)
        held.set()
        assert {probe.result().json()["database"] for probe in probes} == {"ok"}
    assert len(asked) == 1


@pytest.mark.parametrize(
    "path",
    [
        *("/healthz", "/readyz", "/metrics", "/login", "/static/colors.css", "/static/nothing.css", "/nowhere"),
        *("/", "/for-you.json", "/item?id=1", "/map.json", "/report"),
        *("/v1/items?limit=2", "/v1/items/1", "/v1/items/1/similar", "/v1/openapi.json", "/v1/nowhere"),
        *("/v1/users/1", "/v1/users/1/history", "/v1/users/1/export", "/v1/users/1/recommendations?k=2"),
        *("/v1/users/1/predictions?item_id=1", "/v1/users/1/explanations/1", "/v1/users/1/recommendations?k=0"),
        *("/v1/model", "/v1/model/evaluation", "/v1/model/versions", "/v1/events"),
    ],
)
def test_head_is_answered_as_get_without_the_body(client: TestClient, path: str) -> None:
    varying = {"x-request-id", "content-security-policy", "date"}
    if path in ("/metrics", "/v1/model"):  # which count the request before, or tell the age of the model
        varying |= {"content-length"}
    get, head = (client.request(method, path, follow_redirects=False) for method in ("GET", "HEAD"))
    assert head.status_code == get.status_code
    assert {name: head.headers[name] for name in head.headers if name not in varying} == {
        name: get.headers[name] for name in get.headers if name not in varying
    }
    assert head.content == b""


def test_probes_by_head_find_a_service_that_is_well(client: TestClient) -> None:
    assert [client.head(path).status_code for path in ("/healthz", "/readyz", "/metrics")] == [200] * 3
    text = client.get("/metrics").text
    assert 'method="HEAD",route="/healthz",status="200"' in text
