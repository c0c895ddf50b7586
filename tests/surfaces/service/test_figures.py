from __future__ import annotations

import re

from fastapi.testclient import TestClient

from tests.surfaces.service.conftest import Serve


def errors_of(client: TestClient) -> dict[tuple[str, str], float]:
    """What ``tastemap_errors_total`` counts, by code and status."""
    found = re.findall(
        r'^tastemap_errors_total{code="(\w+)",status="(\d+)"} (\S+)$', client.get("/metrics").text, re.MULTILINE
    )
    return {(code, status): float(count) for code, status, count in found}


def test_errors_are_counted_wherever_they_come_from(serve: Serve) -> None:
    client = serve("als", max_body_bytes=1000)
    as_json = {"content-type": "application/json"}
    for _ in range(2):
        client.get("/v1/users/nobody")
    client.get("/v1/users/3/recommendations", params={"k": 0})
    client.post("/v1/events", content=b"{", headers=as_json)
    client.post("/v1/events", content=b"1" * 1001, headers=as_json)
    client.put("/v1/events", content=b"{}", headers=as_json)
    client.get("/v1/nowhere")
    client.get("/v1/users/3/recommendations")
    assert errors_of(client) == {
        ("unknown_user", "404"): 2,
        ("invalid_request", "422"): 1,
        ("invalid_json", "400"): 1,
        ("body_too_large", "413"): 1,
        ("method_not_allowed", "405"): 1,
        ("not_found", "404"): 1,
    }


def test_errors_of_pages_and_their_twins_are_counted_too(client: TestClient) -> None:
    answers = [client.get(path, params={"id": "nobody"}) for path in ("/user", "/user.json")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert sum(count for (_, status), count in errors_of(client).items() if status == "404") == 2
