"""The server's HTTP protocol with limits on what comes before the application sees a request.

uvicorn waits for headers without end and takes any amount of them. This closes connections whose headers do not
arrive in time, and refuses those that are too large.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tastemap.service.guard.refusals import RefusedError


class LimitedProtocol(HttpToolsProtocol):
    """HTTP/1.1 with the line and headers of a request limited in bytes and time."""

    max_head_bytes = 2**16
    head_timeout_s = 10.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to wait for the first request."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._expect_no_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read; what belongs to a head counts towards its limits."""
        if self._late is None and (self.cycle is None or self.cycle.response_complete):
            self._expect_head()
        self._head_bytes += len(data)
        super().data_received(data)
        if self._late is not None and self._head_bytes > self.max_head_bytes:
            self._refuse_head()

    def on_headers_complete(self) -> None:
        """The head is there: hand the request over."""
        self._expect_no_head()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        self._head_bytes = 0
        self._late = self.loop.call_later(self.head_timeout_s, self._close)

    def _expect_no_head(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _close(self) -> None:
        self._late = None
        if not self.transport.is_closing():
            self.transport.close()

    def _refuse_head(self) -> None:
        self._expect_no_head()
        refused = RefusedError(
            431,
            "head_too_large",
            f"The headers of a request may hold {self.max_head_bytes:,} bytes.",
            closes=True,
        )
        status, headers, body = refused.raw()
        lines = [
            b"HTTP/1.1 %d Request Header Fields Too Large" % status,
            *(b"%s: %s" % pair for pair in headers),
        ]
        self.transport.write(b"\r\n".join([*lines, b"", body]))
        self.transport.close()
