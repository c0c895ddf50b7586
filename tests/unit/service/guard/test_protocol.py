from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from tastemap.service.guard.protocol import MOST_WAITING, LimitedProtocol

GET = b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"


@dataclass
class Side:
    """One connection to an application that answers when it is let."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    protocol: LimitedProtocol
    may_answer: asyncio.Event
    asked: list[Scope]
    refused: list[tuple[int, str]] = field(default_factory=list)

    async def send(self, *parts: bytes) -> None:
        """Send, and let the server read each part for itself; what it reads no more is dropped."""
        for part in parts:
            self.writer.write(part)
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.05)

    async def end(self) -> bytes:
        """What came until the server ended the connection."""
        return await asyncio.wait_for(self.reader.read(), 10)


class Telemetry:
    """What was counted."""

    def __init__(self) -> None:
        self.refused: list[tuple[int, str]] = []

    def observe_error(self, status: int, code: str) -> None:
        """Remember a refusal."""
        self.refused.append((status, code))


@asynccontextmanager
async def connected() -> AsyncIterator[Side]:
    """A connection to the protocol over a socket."""
    may_answer, asked, made, telemetry = asyncio.Event(), list[Scope](), list[LimitedProtocol](), Telemetry()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(scope)
        await may_answer.wait()
        more = True
        while more:
            more = (await receive()).get("more_body", False)
        body = scope["path"].encode()
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})

    def make() -> LimitedProtocol:
        made.append(LimitedProtocol(Config(app, ws="none"), ServerState(), {"telemetry": telemetry}))
        return made[-1]

    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        await asyncio.sleep(0.05)
        try:
            yield Side(reader, writer, made[0], may_answer, asked, telemetry.refused)
        finally:
            writer.close()
            may_answer.set()


def run(play: Callable[[Side], Awaitable[None]]) -> None:
    """Play with one connection."""

    async def whole() -> None:
        async with connected() as side:
            await play(side)

    asyncio.run(whole())


def answers(came: bytes) -> list[bytes]:
    return came.split(b"HTTP/1.1 ")[1:]


@pytest.mark.parametrize("part", [b"A: " + b"b" * 60_000 + b"\r\n", b"b" * 60_000])
def test_a_head_behind_an_open_request_is_limited_too(part: bytes) -> None:
    async def play(side: Side) -> None:
        await side.send(GET % 1, b"GET /2 HTTP/1.1\r\nA: ", *[part] * 500)
        assert sum(len(value) for _, value in side.protocol.headers) < 4 * LimitedProtocol.max_head_bytes
        assert side.refused == [(431, "head_too_large")]
        side.may_answer.set()
        [answer] = answers(await side.end())
        assert answer.startswith(b"200")
        assert answer.endswith(b"/1")

    run(play)


def test_a_head_behind_an_open_request_must_come_in_time_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LimitedProtocol, "head_timeout_s", 0.1)

    async def play(side: Side) -> None:
        await side.send(GET % 1, b"GET /2 HTT")
        await asyncio.sleep(0.2)
        side.may_answer.set()
        [answer] = answers(await side.end())
        assert b"connection: close" in answer
        assert answer.endswith(b"/1")

    run(play)


def test_what_follows_a_body_is_limited_too() -> None:
    async def play(side: Side) -> None:
        chunked = b"POST /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        await side.send(chunked, b"1\r\na\r\n0\r\nA: ", b"b" * 60_000, b"b" * 10_000)
        [answer] = answers(await side.end())
        assert answer.startswith(b"431")
        assert side.refused == [(431, "head_too_large")]

    run(play)


def test_a_long_body_in_small_pieces_is_no_head() -> None:
    async def play(side: Side) -> None:
        side.may_answer.set()
        chunked = b"POST /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        await side.send(chunked, *[b"1\r\na\r\n" * 5_000] * 20, b"0\r\n\r\n")
        [answer] = answers(await side.end())
        assert answer.startswith(b"200")

    run(play)


@pytest.mark.parametrize(("room", "status"), [(0, b"200"), (1, b"431")])
def test_the_limit_of_a_head_is_exact_where_it_comes_in_one_piece(room: int, status: bytes) -> None:
    async def play(side: Side) -> None:
        side.may_answer.set()
        most = LimitedProtocol.max_head_bytes - len(b"/1") - len(b"Connection: close\r\n") - len(b"A: \r\n")
        await side.send(b"GET /1 HTTP/1.1\r\nConnection: close\r\nA: " + b"b" * (most + room) + b"\r\n\r\n")
        [answer] = answers(await side.end())
        assert answer.startswith(status)

    run(play)


def test_requests_ahead_of_their_turn_are_answered_in_order_up_to_a_number() -> None:
    async def play(side: Side) -> None:
        await side.send(b"".join(GET % number for number in range(10 * MOST_WAITING)))
        assert len(side.protocol.pipeline) == MOST_WAITING
        side.may_answer.set()
        told = answers(await side.end())
        assert [answer.rsplit(b"\r\n", 1)[1] for answer in told] == [
            b"/%d" % n for n in range(MOST_WAITING + 1)
        ]
        assert b"connection: close" in told[-1]

    run(play)


def test_nothing_is_read_while_requests_wait() -> None:
    async def play(side: Side) -> None:
        await side.send(GET % 0, GET % 1 + GET % 2)
        assert side.protocol.flow.read_paused
        side.protocol.flow.resume_reading()  # as uvicorn does after each answer
        await side.send(GET % 3)
        assert len(side.protocol.pipeline) == 2
        side.may_answer.set()
        await side.send(b"GET /4 HTTP/1.1\r\nConnection: close\r\n\r\n")
        told = answers(await side.end())
        assert [answer.rsplit(b"\r\n", 1)[1] for answer in told] == [b"/%d" % n for n in range(5)]

    run(play)


def test_what_comes_after_a_good_request_does_not_take_its_answer() -> None:
    async def play(side: Side) -> None:
        await side.send(b"POST /1 HTTP/1.1\r\nContent-Length: 1\r\n\r\nab and more\r\n\r\n")
        side.may_answer.set()
        [answer] = answers(await side.end())
        assert answer.startswith(b"200")
        assert b"connection: close" in answer
        assert side.refused == [(400, "malformed_http")]

    run(play)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01 no HTTP at all\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
        b"GET \xff HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_as_everything_else(sent: bytes) -> None:
    async def play(side: Side) -> None:
        await side.send(sent)
        [answer] = answers(await side.end())
        head, body = answer.split(b"\r\n\r\n")
        fields: dict[str, Any] = dict(line.split(": ", 1) for line in head.decode().splitlines()[1:])
        assert head.startswith(b"400 Bad Request")
        assert json.loads(body)["error"]["code"] == "malformed_http"
        assert int(fields["content-length"]) == len(body)
        assert fields["content-type"] == "application/json"
        assert fields["x-content-type-options"] == "nosniff"
        assert len(fields["x-request-id"]) == 16
        assert side.refused == [(400, "malformed_http")]
        assert not side.asked

    run(play)
