"""A real server of the command line, and clients that mean it no good."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import pytest

from tests.architecture.source import ROOT
from tests.saved import factors_recommender

BODY_S, HEAD_S, LIMIT = 0.5, 0.5, 100_000
SERVER = """
import sys
from tastemap.service.guard.protocol import LimitedProtocol
from tastemap.service.server import run
from tastemap.service.settings import ServiceSettings

folder, body_s, head_s, limit = sys.argv[1:]
LimitedProtocol.head_timeout_s = float(head_s)
settings = ServiceSettings.of(folder=folder, port=0, body_timeout_s=body_s, max_body_bytes=limit)
run(settings, lambda url: print(url, flush=True))
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where a server listens, with short times."""
    from tastemap.artifacts import save

    folder = save(factors_recommender(), tmp_path_factory.mktemp("served") / "model")
    arguments = [sys.executable, "-c", SERVER, str(folder), str(BODY_S), str(HEAD_S), str(LIMIT)]
    process = subprocess.Popen(
        arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    yield int(process.stdout.readline().rsplit(":", 1)[1])
    process.terminate()
    assert process.wait(30) == 0
    process.stdout.close()
    shutil.rmtree(folder)


def exchange(port: int, *parts: bytes, pause: float = 0.0) -> tuple[int, bytes]:
    """Send bytes and read until the server ends the connection: the status (0: no answer) and all that came."""
    came = b""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as connection:
        # The server may have said what it had to say and stopped listening.
        with suppress(BrokenPipeError, ConnectionResetError):
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
        with suppress(ConnectionResetError):
            while data := connection.recv(65536):
                came += data
    return (int(came.split(b" ", 2)[1]), came) if came else (0, came)


def head(line: str, *headers: str, host: str = "localhost") -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", f"Host: {host}", *headers, "", ""]).encode("latin-1")


def post(*headers: str) -> bytes:
    return head("POST /v1/events", "Content-Type: application/json", *headers)


def code_of(came: bytes) -> str:
    found: Any = json.loads(came.split(b"\r\n\r\n", 1)[1])
    assert set(found) == {"error"}
    return str(found["error"]["code"])


def is_well(port: int) -> bool:
    return exchange(port, head("GET /healthz", "Connection: close"))[0] == 200


def test_a_body_of_ten_megabytes_is_refused_before_it_is_sent(port: int) -> None:
    status, came = exchange(port, post("Content-Length: 10000000"))
    assert (status, code_of(came)) == (413, "body_too_large")
    assert is_well(port)


def test_a_body_in_chunks_without_end_is_cut_off(port: int) -> None:
    chunk = b"2710\r\n" + b"1" * 10_000 + b"\r\n"
    status, came = exchange(port, post("Transfer-Encoding: chunked"), *[chunk] * 1000)
    assert (status, code_of(came)) == (413, "body_too_large")
    assert is_well(port)


def test_a_body_that_does_not_come_is_not_waited_for(port: int) -> None:
    status, came = exchange(port, post("Content-Length: 10"), b"{")
    assert (status, code_of(came)) == (408, "slow_body")


def test_a_body_that_trickles_is_not_waited_for_either(port: int) -> None:
    status, came = exchange(port, post("Content-Length: 1000"), *[b"1"] * 20, pause=BODY_S / 10)
    assert (status, code_of(came)) == (408, "slow_body")


def test_a_connection_that_says_nothing_is_closed(port: int) -> None:
    assert exchange(port) == (0, b"")


@pytest.mark.parametrize("trickle", [b"A: b\r\n", b"\r\n"])
def test_headers_that_trickle_are_not_waited_for(port: int, trickle: bytes) -> None:
    start = b"" if trickle == b"\r\n" else b"GET / HTTP/1.1\r\n"
    assert exchange(port, start, *[trickle] * 20, pause=HEAD_S / 10) == (0, b"")
    assert is_well(port)


def test_a_second_request_on_a_connection_must_come_in_time_too(port: int) -> None:
    status, came = exchange(port, head("GET /healthz"), b"GET /he", pause=0.1)
    assert status == 200
    assert came.count(b"HTTP/1.1") == 1


def test_headers_without_end_are_refused(port: int) -> None:
    status, came = exchange(port, b"GET / HTTP/1.1\r\n", *[b"A: " + b"b" * 1000 + b"\r\n"] * 1000)
    assert (status, code_of(came)) == (431, "head_too_large")
    assert is_well(port)


def test_what_the_server_refuses_by_itself_has_the_headers_of_every_answer_and_is_counted(port: int) -> None:
    refused = exchange(port, b"no HTTP\r\n\r\n")[1], exchange(port, b"GET /", b"a" * 70_000)[1]
    for came in refused:
        named = {line.split(b":")[0].lower() for line in came.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]}
        assert named >= {b"x-request-id", b"content-security-policy", b"cache-control", b"content-length"}
    assert [code_of(came) for came in refused] == ["malformed_http", "head_too_large"]
    counted = exchange(port, head("GET /metrics", "Connection: close"))[1].decode()
    for labels in ('code="malformed_http",status="400"', 'code="head_too_large",status="431"'):
        assert f"tastemap_errors_total{{{labels}}}" in counted


def test_a_path_without_end_is_refused(port: int) -> None:
    status, _ = exchange(port, b"GET /", *[b"a" * 10_000] * 100)
    assert status == 431


@pytest.mark.parametrize(
    "body", [b"{", b"[1,", b"\xff\xfe", b"NaN", b"null", b"[" * 50_000, b'{"user_id": 1e400}']
)
def test_a_body_that_is_no_event_is_refused(port: int, body: bytes) -> None:
    status, came = exchange(port, post(f"Content-Length: {len(body)}", "Connection: close"), body)
    assert status in (400, 422)
    assert code_of(came)
    assert is_well(port)


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: +5",),
        ("Transfer-Encoding: chunked, identity",),
        ("Bad Header: x",),
        ("X: a\x00b",),
    ],
)
def test_a_request_that_two_servers_would_read_differently_is_refused(
    port: int, headers: tuple[str, ...]
) -> None:
    status, came = exchange(port, post(*headers), b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert status == 400
    assert came.count(b"HTTP/1.1") == 1


def test_an_id_cannot_put_headers_into_an_answer(port: int) -> None:
    status, came = exchange(
        port,
        head(
            "GET /v1/users/a%0d%0aSet-Cookie:%20b=c/recommendations", "X-Request-Id: a\tb", "Connection: close"
        ),
    )
    assert status in (200, 404, 422)
    assert b"set-cookie" not in came.split(b"\r\n\r\n", 1)[0].lower()
    assert b"a\tb" not in came


@pytest.mark.parametrize(
    "host", ["evil.example", "", "localhost.evil.example", "[::1", "localhost, evil.example"]
)
def test_a_foreign_host_gets_nothing(port: int, host: str) -> None:
    status, came = exchange(port, head("GET /v1/items", "Connection: close", host=host))
    assert (status, code_of(came)) == (421, "unknown_host")


def test_a_second_host_is_refused(port: int) -> None:
    status, _ = exchange(port, head("GET /v1/items", "Host: evil.example", "Connection: close"))
    assert status == 400


def test_an_upgrade_to_a_web_socket_is_not_taken(port: int) -> None:
    asked = (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: YQ==",
    )
    status, _ = exchange(port, head("GET /v1/users/u1", *asked), b"", pause=HEAD_S)
    assert status != 101
    assert is_well(port)


@pytest.mark.parametrize(
    "path", ["/static/..%2f..%2fapp.py", "/static/../app.py", "/static//etc/passwd", "/%2e%2e/"]
)
def test_no_path_leads_out_of_the_files(port: int, path: str) -> None:
    status, came = exchange(port, head(f"GET {path}", "Connection: close"))
    assert status in (307, 404)  # 307: the same path without its last slash
    assert b"import" not in came


def test_many_idle_connections_keep_nobody_out(port: int) -> None:
    idle = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(200)]
    try:
        assert is_well(port)
    finally:
        for connection in idle:
            connection.close()


def test_logins_that_do_not_arrive_keep_nobody_else_out(port: int) -> None:
    form = head("POST /login", "Content-Type: application/x-www-form-urlencoded", "Content-Length: 100")
    slow = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(300)]
    try:
        for connection in slow:
            connection.sendall(form + b"k")
        status, came = exchange(port, head("GET /v1/items?limit=1", "Connection: close"))
    finally:
        for connection in slow:
            connection.close()
    assert status == 200, came
