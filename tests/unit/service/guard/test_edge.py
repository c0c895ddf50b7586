from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import Response

from tastemap.service.guard.edge import KEYLESS_AT_ONCE
from tests.unit.service.conftest import Guard
from tests.unit.service.guarded import Guarded

ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def code_of(answer: Any) -> str:
    assert set(answer.json()) == {"error"}
    assert set(answer.json()["error"]) == {"code", "message", "details"}
    return str(answer.json()["error"]["code"])


@pytest.mark.parametrize("path", ["/", "/v1/users/7", "/v1/fails", "/nowhere", "/static/a.css", "/healthz"])
def test_every_answer_carries_the_headers_that_keep_browsers_careful(guard: Guard, path: str) -> None:
    answer = guard().client.get(path)
    assert answer.headers.items() >= ALWAYS.items()
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-request-id"]
    assert [name for name, _ in answer.headers.multi_items()].count("content-security-policy") == 1


def test_a_page_may_run_scripts_with_the_nonce_of_this_answer_only(guard: Guard) -> None:
    first, second = (guard().client.get("/") for _ in range(2))
    nonce = first.text.removeprefix("<p>").removesuffix("</p>")
    assert len(nonce) >= 20
    assert f"script-src 'self' 'nonce-{nonce}';" in first.headers["content-security-policy"]
    assert first.text != second.text


def test_answers_are_kept_nowhere_but_files_are(guard: Guard) -> None:
    client = guard().client
    assert client.get("/v1/users/7").headers["cache-control"] == "no-store"
    assert client.get("/").headers["cache-control"] == "no-store"
    style = client.get("/static/a.css").headers
    assert (style["etag"], style["cache-control"]) == ('"1"', "no-cache")


def test_a_request_id_is_taken_or_made(guard: Guard) -> None:
    client = guard().client
    assert client.get("/", headers={"X-Request-Id": "order-7"}).headers["x-request-id"] == "order-7"
    assert client.get("/", headers={"X-Request-Id": "two words"}).headers["x-request-id"] != "two words"


def test_a_defect_is_told_without_its_details_and_logged_with_them(
    guard: Guard, caplog: pytest.LogCaptureFixture
) -> None:
    answer = guard().client.get("/v1/fails", headers={"X-Request-Id": "order-7"})
    assert (answer.status_code, code_of(answer)) == (500, "internal")
    assert "order-7" in answer.text
    assert "secret of the defect" not in answer.text
    assert "secret of the defect" in caplog.text
    assert "order-7" in caplog.text


def test_a_request_that_hangs_ends(guard: Guard) -> None:
    answer = guard(request_timeout_s=0.05).client.get("/v1/hangs")
    assert (answer.status_code, code_of(answer)) == (503, "timeout")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Host": "evil.example"}, 421, "unknown_host"),
        ({"Origin": "http://evil.example"}, 403, "foreign_origin"),
        ({"Origin": "null"}, 403, "foreign_origin"),
        ({"Sec-Fetch-Site": "cross-site"}, 403, "foreign_origin"),
        ({"Content-Type": "text/plain"}, 415, "unsupported_type"),
        ({"Content-Type": ""}, 415, "unsupported_type"),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415, "unsupported_encoding"),
        ({"X-Forwarded-For": "192.0.2.7"}, 403, "proxied"),
    ],
)
def test_a_write_that_a_page_of_another_site_could_send_is_refused(
    guard: Guard, headers: dict[str, str], status: int, code: str
) -> None:
    answer = guard().client.post(
        "/v1/events", content=b"{}", headers={"Content-Type": "application/json"} | headers
    )
    assert (answer.status_code, code_of(answer)) == (status, code)


def test_a_write_of_our_own_page_passes_whole(guard: Guard) -> None:
    answer = guard().client.post(
        "/v1/events",
        content=b"[" + b"1," * 1000 + b"1]",
        headers={"Content-Type": "application/json; charset=utf-8", "Origin": "http://localhost"},
    )
    assert answer.json() == {"bytes": 2003, "caller": None}


def test_headers_that_may_stand_once_are_refused_twice(guard: Guard) -> None:
    answer = guard().client.get("/v1/users/7", headers=[("X-Api-Key", "a"), ("X-Api-Key", "b")])
    assert (answer.status_code, code_of(answer)) == (400, "doubled_header")


@pytest.mark.parametrize("limit", [10, 1000])
def test_a_body_may_be_as_large_as_the_limit_and_no_larger(guard: Guard, limit: int) -> None:
    client = guard(max_body_bytes=limit).client
    json_body = {"Content-Type": "application/json"}
    assert client.post("/v1/events", content=b"1" * limit, headers=json_body).json()["bytes"] == limit
    answer = client.post("/v1/events", content=b"1" * (limit + 1), headers=json_body)
    assert (answer.status_code, code_of(answer)) == (413, "body_too_large")
    assert answer.json()["error"]["details"]["limit"] == limit


def test_a_body_without_a_length_is_counted_as_it_comes(guard: Guard) -> None:
    taken = 0

    def parts() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield b"1" * 100

    client = guard(max_body_bytes=1000).client
    answer = client.post("/v1/events", content=parts(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, code_of(answer)) == (413, "body_too_large")


@pytest.mark.parametrize("length", ["-1", "1e3", "9" * 5000, "0x10", " "])
def test_a_length_that_is_none_is_refused(guard: Guard, length: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": length}
    assert guard().client.post("/v1/events", content=b"{}", headers=headers).status_code == 413


def test_a_worker_sheds_load_but_answers_probes(guard: Guard) -> None:
    made = guard(max_in_flight=1)
    edge: Any = made.app.build_middleware_stack()
    while not hasattr(edge, "_in_flight"):
        edge = edge.app
    made.app.middleware_stack = edge
    edge._in_flight._taken = 1
    answer = made.client.get("/v1/users/7")
    assert (answer.status_code, code_of(answer), answer.headers["retry-after"]) == (503, "overloaded", "1")
    assert made.client.get("/healthz").status_code == 200
    edge._in_flight._taken = 0
    assert made.client.get("/v1/users/7").status_code == 200


def test_a_client_that_asks_too_often_waits(guard: Guard) -> None:
    made = guard(rate_limit=0.001, rate_burst=2)
    key = {"X-API-Key": made.add_key("shop")}
    assert [made.client.get("/v1/users/7", headers=key).status_code for _ in range(3)] == [200, 200, 429]
    answer = made.client.get("/v1/users/7", headers=key)
    assert code_of(answer) == "too_many_requests"
    assert 900 < int(answer.headers["retry-after"]) <= 1000
    assert made.client.get("/v1/users/7", headers={"X-API-Key": made.add_key("till")}).status_code == 200


def test_nobody_is_limited_where_all_is_open(guard: Guard) -> None:
    client = guard(rate_limit=0.001, rate_burst=1).client
    assert {client.get("/v1/users/7").status_code for _ in range(5)} == {200}


def test_a_line_is_logged_without_ids_and_secrets(guard: Guard, caplog: pytest.LogCaptureFixture) -> None:
    made = guard()
    secret = made.add_key("shop")
    with caplog.at_level(logging.INFO, "tastemap.access"):
        made.client.get("/v1/users/maria?email=m@example.org", headers={"X-API-Key": secret})
    fields: dict[str, Any] = vars(caplog.records[-1])["fields"]
    assert {
        "method": "GET",
        "route": "/v1/users/{user_id}",
        "status": 200,
        "key": "shop",
    }.items() <= fields.items()
    assert not any(word in json.dumps(fields) for word in ("maria", "example.org", secret))


def test_figures_name_routes_and_not_users(guard: Guard) -> None:
    made: Guarded = guard()
    made.client.get("/v1/users/maria")
    made.client.get("/v1/nowhere/maria")
    made.client.get("/v1/fails")
    exposed = made.telemetry.exposed()[0].decode()
    counted = 'tastemap_request_duration_seconds_count{method="GET",route="%s",status="%d"} 1.0'
    assert counted % ("/v1/users/{user_id}", 200) in exposed
    assert counted % ("(none)", 404) in exposed
    assert 'tastemap_errors_total{code="internal",status="500"} 1.0' in exposed
    assert 'tastemap_errors_total{code="other",status="404"} 1.0' in exposed  # a framework's own answer
    assert "tastemap_requests_in_flight 0.0" in exposed
    assert "maria" not in exposed


def test_every_answer_that_is_an_error_is_counted_once_by_status_and_code(guard: Guard) -> None:
    made = guard()
    made.add_key("shop")
    made.client.get("/v1/users/7")
    made.client.post("/login", data={"key": "tm_wrong"})
    made.client.get("/healthz")
    exposed = made.telemetry.exposed()[0].decode()
    counted = [line for line in exposed.splitlines() if line.startswith("tastemap_errors_total{")]
    assert sorted(counted) == [
        'tastemap_errors_total{code="key_needed",status="401"} 1.0',
        'tastemap_errors_total{code="wrong_key",status="401"} 1.0',
    ]


def test_a_busy_answer_says_when_to_come_again_whoever_made_it(guard: Guard) -> None:
    made = guard()

    @made.app.get("/busy.json")
    async def busy() -> Response:
        return Response("{}", 503)

    assert made.client.get("/busy.json").headers["retry-after"] == "1"


def messages(*parts: bytes, held: asyncio.Event | None = None) -> Any:
    """A `receive` that gives these parts of a body, the last of them once `held` is set."""
    left = list(parts)

    async def receive() -> dict[str, object]:
        if len(left) == 1 and held is not None:
            await held.wait()
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    return receive


async def asked(made: Guarded, path: str, receive: Any, **headers: str) -> int:
    """The status of a POST, or of a GET if nothing is received."""
    statuses = []

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 0))

    named = {"host": "localhost"} | headers
    scope = {
        "type": "http",
        "method": "POST" if receive else "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "scheme": "http",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()],
        "client": ("192.0.2.7", 1),
    }
    await made.app(scope, receive or messages(b""), send)
    return int(statuses[0])


FORM = {"content_type": "application/x-www-form-urlencoded", "content_length": "5"}
JSON = {"content_type": "application/json", "content_length": "2"}


def test_what_comes_without_a_key_has_a_room_of_its_own(guard: Guard) -> None:
    made = guard(max_in_flight=1)
    key = {"x_api_key": made.add_key("shop")}

    async def many() -> None:
        held = asyncio.Event()
        logins = [
            asyncio.create_task(asked(made, "/login", messages(b"k", b"ey=a", held=held), **FORM))
            for _ in range(KEYLESS_AT_ONCE)
        ]
        await asyncio.sleep(0.05)
        assert await asked(made, "/login", messages(b"key=a"), **FORM) == 503
        assert await asked(made, "/v1/users/7", None, **key) == 200
        assert await asked(made, "/healthz", None) == 200
        held.set()
        assert set(await asyncio.gather(*logins)) == {401, 429}
        assert await asked(made, "/login", messages(b"key=a"), **FORM) == 429

    asyncio.run(many())


def test_a_body_that_is_still_arriving_is_not_in_flight(guard: Guard) -> None:
    made = guard(max_in_flight=1)
    key = {"x_api_key": made.add_key("shop")}

    async def many() -> None:
        held = asyncio.Event()
        slow = asyncio.create_task(asked(made, "/v1/events", messages(b"{", b"}", held=held), **JSON, **key))
        await asyncio.sleep(0.05)
        assert await asked(made, "/v1/users/7", None, **key) == 200
        # Of bodies too there are no more at once than requests may be in flight, or memory would have no limit.
        assert await asked(made, "/v1/events", messages(b"{}"), **JSON, **key) == 503
        held.set()
        assert await slow == 200

    asyncio.run(many())


def test_a_probe_brings_no_body_that_is_waited_for(guard: Guard) -> None:
    made = guard()

    async def probe() -> None:
        never = asyncio.Event()
        assert (
            await asyncio.wait_for(asked(made, "/healthz", messages(b"k", b"", held=never), **JSON), 1) == 405
        )

    asyncio.run(probe())
