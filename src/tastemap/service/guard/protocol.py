"""The server's HTTP protocol with limits on what comes before the application sees a request.

uvicorn waits for headers without end, takes any amount of them and of requests ahead of their turn, and refuses
in a form of its own. This closes connections whose headers do not arrive in time, bounds what is kept of a
client, and refuses as the application does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sized
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from tastemap.service.guard.edge import UNMATCHED
from tastemap.service.guard.gate import ANYBODY
from tastemap.service.guard.headers import security_headers
from tastemap.service.guard.refusals import RefusedError
from tastemap.service.guard.request_ids import request_id
from tastemap.service.guard.scopes import API
from tastemap.service.telemetry.logs import log_request

MOST_WAITING = 64
"""Requests that a client may send before the one in front of them is answered."""
_FAILURES = logging.getLogger("tastemap.service.protocol")
_FAILURES.setLevel(
    logging.ERROR
)  # of refusals uvicorn warns in words of its own; the line of the request tells


class LimitedProtocol(HttpToolsProtocol):
    """HTTP/1.1 with heads limited in bytes and time, and requests ahead of their turn in number."""

    max_head_bytes = 2**16
    head_timeout_s = 10.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _FAILURES
        # Bytes since the parser came to the end of a head or of a piece of body: a head, or what stands around
        # the pieces, of which the parser keeps all.
        self._unfinished = 0
        self._late: asyncio.TimerHandle | None = None
        self._is_done = False
        self._refusal: RefusedError | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to wait for the first request."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self.flow = _InTurn(self.transport, self.pipeline)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._expect_no_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read; what is no body counts towards the limit of a head, whether a request is open or not."""
        if self._is_done:
            return
        if self._late is None and (self.cycle is None or self.cycle.response_complete):
            self._expect_head()
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > self.max_head_bytes and not self._is_done:
            self._refuse(self._head_too_large())

    def on_message_begin(self) -> None:
        """A head begins; behind a request that is not answered yet it has no more time than any other."""
        super().on_message_begin()
        if self._late is None:
            self._expect_head()

    def on_headers_complete(self) -> None:
        """The head is there: hand the request over, unless too much has come at once."""
        self._expect_no_head()
        if self._unfinished > self.max_head_bytes and self._head_size() > self.max_head_bytes:
            self._refusal = self._head_too_large()
            raise self._refusal  # which the parser stops at, and uvicorn takes to send_400_response
        if len(self.pipeline) >= MOST_WAITING:
            self._end_in_turn()
            raise BlockingIOError
        self._unfinished = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of body, which has limits of its own."""
        self._unfinished = 0
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser has stopped at."""
        if not self._is_done:
            self._refuse(
                self._refusal
                or RefusedError(400, "malformed_http", "What came is not valid HTTP.", closes=True)
            )

    def _expect_head(self) -> None:
        self._late = self.loop.call_later(self.head_timeout_s, self._give_up)

    def _expect_no_head(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        self._late = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:
            self._end_in_turn()

    def _end_in_turn(self) -> None:
        """Read no more, and end the connection once all requests are answered that came whole."""
        self._is_done = True
        self.cycle.keep_alive = False  # of the last one; those before it are answered first

    def _refuse(self, refused: RefusedError) -> None:
        """Say no where it is this client's turn to be told, and end the connection; log and count it."""
        self._expect_no_head()
        self._is_done = True
        id = request_id(None)
        status, headers, body = refused.raw()
        self._tell(id, refused, len(body))
        is_open = self.cycle is not None and not self.cycle.response_complete
        if is_open and not self.cycle.more_body:
            self._end_in_turn()  # what was said now would be taken for the answer to the open request
            return
        if not is_open or not (self.pipeline or self.cycle.response_started):
            headers += [(b"x-request-id", id.encode()), *security_headers(API, b"", "")]
            lines = b"".join(b"%s: %s\r\n" % pair for pair in headers)
            self.transport.write(STATUS_LINE[status] + lines + b"\r\n" + body)
        self.transport.close()

    def _tell(self, id: str, refused: RefusedError, size: int) -> None:
        telemetry = self.app_state.get("telemetry")
        if telemetry is not None:
            telemetry.observe_error(refused.status, refused.code)
        asked = {"method": "-", "state": {"caller": ANYBODY}}
        log_request(id, asked, UNMATCHED, refused.status, 0.0, size)

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + len(b": \r\n") for name, value in self.headers)

    def _head_too_large(self) -> RefusedError:
        return RefusedError(
            431,
            "head_too_large",
            f"The headers of a request may hold {self.max_head_bytes:,} bytes.",
            closes=True,
        )


class _InTurn(FlowControl):
    """Reads nothing more while whole requests wait; uvicorn reads on after each answer, whatever waits."""

    def __init__(self, transport: asyncio.Transport, waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        """Read on, unless requests wait."""
        if not self._waiting:
            super().resume_reading()
