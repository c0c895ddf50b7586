"""How the service says no: one shape of body, whatever the reason."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from tastemap.errors import TastemapError

Header = tuple[bytes, bytes]
OVERLOADED_S = 1.0
"""Who is sent away because the service is busy may come again after this long."""


class RefusedError(TastemapError):
    """A request that is not answered.

    Parameters
    ----------
    status : int
        The HTTP status.
    code : str
        What programs tell refusals apart by.
    message : str
        A sentence for people.
    headers : dict of str to str, optional
        Headers of the answer, such as ``Retry-After``.
    closes : bool, default False
        Whether the connection ends, since what is left of the request is not read.
    details
        What a program needs.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        closes: bool = False,
        **details: object,
    ) -> None:
        super().__init__(message, **details)
        self.status = status
        self.code = code
        self.headers = dict(headers or {}) | ({"connection": "close"} if closes else {})

    def raw(self) -> tuple[int, list[Header], bytes]:
        """Status, headers and body as ASGI sends them."""
        body = orjson.dumps(self.body(), default=str)
        named = [(name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items()]
        sized = (b"content-length", str(len(body)).encode())
        return self.status, [(b"content-type", b"application/json"), sized, *named], body


def retry_after(seconds: float) -> dict[str, str]:
    """The header that says when to come again: whole seconds, at least one."""
    return {"retry-after": str(max(1, -int(-seconds // 1)))}


def internal_error(request_id: str) -> RefusedError:
    """What is said of a failure of the service itself; the log has the rest under the request's id."""
    return RefusedError(
        500,
        "internal",
        f"Internal error, a defect of Tastemap; the log of the service tells more under request {request_id}.",
        request_id=request_id,
    )
