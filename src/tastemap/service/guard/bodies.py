"""Reading a body: of the right type, not too large, not too slow."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.types import Message, Receive

from tastemap.service.guard.refusals import RefusedError

LOGIN_BYTES = 4096
"""Largest body of the login form."""


def has_body(fields: Mapping[bytes, bytes]) -> bool:
    """Whether a request with these headers brings a body."""
    return b"transfer-encoding" in fields or fields.get(b"content-length", b"0") != b"0"


def check_type(fields: Mapping[bytes, bytes], *, wanted: bytes) -> None:
    """Raise unless the body is of the type `wanted`."""
    kind = fields.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind != wanted:
        came = f"{kind.decode('latin-1')[:100]!r}" if kind else "no Content-Type"
        raise RefusedError(
            415,
            "unsupported_type",
            f"The body must be sent as {wanted.decode()}. Got {came}.",
            closes=True,
            allowed=wanted.decode(),
        )


def check_encoding(fields: Mapping[bytes, bytes]) -> None:
    """Raise if the body is compressed: nothing here unpacks one, which may be as large as it likes inside."""
    coding = fields.get(b"content-encoding", b"identity").strip().lower()
    if coding not in (b"", b"identity"):
        raise RefusedError(
            415,
            "unsupported_encoding",
            f"The body must be sent as it is. Got Content-Encoding {coding.decode('latin-1')[:100]!r}.",
            closes=True,
        )


async def read_body(receive: Receive, fields: Mapping[bytes, bytes], limit: int, timeout_s: float) -> bytes:
    """The whole body, at most `limit` bytes of it, within `timeout_s` seconds.

    Raises
    ------
    RefusedError
        413 if it is larger: by its `Content-Length` before a byte is read, else as soon as it is; 408 if it
        is late; 400 if the client goes away.
    """
    length = fields.get(b"content-length", b"0")
    # Five digits more than any limit are enough; int() of a long text takes quadratic time.
    if len(length) > 20 or not length.isdigit() or int(length) > limit:
        raise too_large(limit)
    try:
        async with asyncio.timeout(timeout_s):
            return await _gather(receive, limit)
    except TimeoutError:
        raise RefusedError(
            408,
            "slow_body",
            f"The body did not arrive within {timeout_s:g} seconds.",
            closes=True,
            timeout_s=timeout_s,
        ) from None


def too_large(limit: int) -> RefusedError:
    """The refusal of a body larger than `limit` bytes."""
    return RefusedError(
        413,
        "body_too_large",
        f"A body may hold {limit:,} bytes. Send it in parts.",
        closes=True,
        limit=limit,
    )


async def _gather(receive: Receive, limit: int) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedError(400, "incomplete_body", "The connection ended within the body.", closes=True)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise too_large(limit)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read, then what comes after it."""
    message: Message | None = {"type": "http.request", "body": body, "more_body": False}

    async def again() -> Message:
        nonlocal message
        if message is None:
            return await receive()
        first, message = message, None
        return first

    return again
