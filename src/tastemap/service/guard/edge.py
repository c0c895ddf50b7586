"""The outermost part of the application, which each request passes on its way in and each answer out."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tastemap.errors import TastemapError
from tastemap.service.database.errors import DatabaseError
from tastemap.service.guard.bodies import LOGIN_BYTES, check_encoding, check_type, has_body, read_body, replay
from tastemap.service.guard.gate import ANYBODY, Gate, current_keys
from tastemap.service.guard.headers import STATIC, security_headers
from tastemap.service.guard.refusals import OVERLOADED_S, Header, RefusedError, internal_error, retry_after
from tastemap.service.guard.request_ids import request_id
from tastemap.service.guard.rooms import Room
from tastemap.service.guard.scopes import API, HEALTH, LOGIN, LOGOUT, SAFE
from tastemap.service.settings import ServiceSettings
from tastemap.service.statuses import said_of
from tastemap.service.telemetry.logs import log_request

LOG = logging.getLogger("tastemap.service")
KEYLESS_AT_ONCE = 32
"""Requests without a key that a worker takes at once: logins and the files of their page."""
UNMATCHED = "(none)"
"""The route of requests that no route answers; their paths may hold anything and are not logged."""
UNNAMED = "other"
"""The code under which errors are counted whose maker named none."""
_MATCHING = re.compile(r":\w+(?=})")
_OURS = frozenset(
    name
    for name, _ in (*security_headers("/", b"", ""), (b"content-security-policy", b""), (b"x-request-id", b""))
)


class Edge:
    """ASGI middleware around everything: ids, limits, keys, headers, log lines, figures.

    One class and one pass, since every layer of middleware costs each request a few microseconds. The state
    of a request gets ``request_id``, ``caller`` (a :class:`Caller`) and, for pages, ``nonce``; whoever answers
    with an error puts its code there as ``error_code``, by which it is counted.

    Parameters
    ----------
    app : ASGI application
    gate : Gate
    settings : ServiceSettings
    """

    def __init__(self, app: ASGIApp, gate: Gate, settings: ServiceSettings) -> None:
        self._app = app
        self._gate = gate
        self._settings = settings
        self._in_flight = Room(settings.max_in_flight)
        self._arriving = Room(settings.max_in_flight)
        self._keyless = Room(KEYLESS_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, refuse a WebSocket, or pass on the start and end of the application."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": "there are no WebSockets here"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        fields = dict(scope["headers"])
        answer = _Answer(scope, fields, send)
        telemetry = scope["app"].state.telemetry
        telemetry.in_flight.inc()
        try:
            await self._answer(scope, fields, receive, answer)
        except (Exception, asyncio.CancelledError) as error:
            refused = self._refusal_of(error, scope, answer.request_id)
            telemetry.observe_error(refused.status, refused.code)
            await answer.refuse(refused)
        else:
            if answer.status >= 400:
                telemetry.observe_error(answer.status, scope["state"].get("error_code", UNNAMED))
        finally:
            telemetry.in_flight.dec()
            seconds = time.perf_counter() - started
            route = route_of(scope)
            telemetry.observe_request(route, scope["method"], answer.status, seconds)
            log_request(answer.request_id, scope, route, answer.status, seconds, answer.size)

    async def _answer(
        self, scope: Scope, fields: Mapping[bytes, bytes], receive: Receive, answer: _Answer
    ) -> None:
        async with asyncio.timeout(self._settings.request_timeout_s):
            if scope["path"] in HEALTH:  # what body there may be stays unread
                await self._pass_on(scope, receive, answer.send)
                return
            has_one = has_body(fields)
            self._in_flight.check(closes=has_one)
            caller = await self._gate.admit(scope["app"].state.service.store, scope, fields)
            scope["state"]["caller"] = caller
            # Without a key one may be slow to send and slow to read, at the cost of others without a key only.
            keyless = caller.scope is None
            if has_one:
                room = self._keyless if keyless else self._arriving
                room.check(closes=True)
                with room:
                    receive = await self._with_body(scope, fields, receive)
            with self._keyless if keyless else self._in_flight:
                await self._pass_on(scope, receive, answer.send)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request to the application; HEAD as GET, since the server drops the body."""
        if scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        asked = {**scope, "method": "GET"}
        try:
            await self._app(asked, receive, send)
        finally:
            scope["route"] = asked.get("route")

    async def _with_body(self, scope: Scope, fields: Mapping[bytes, bytes], receive: Receive) -> Receive:
        """Read the body before anybody looks at it, so that no framework's error can hide ours."""
        settings, limit = self._settings, self._settings.max_body_bytes
        if scope["path"] in (LOGIN, LOGOUT):
            check_type(fields, wanted=b"application/x-www-form-urlencoded")
            limit = min(limit, LOGIN_BYTES)
        elif scope["method"] not in SAFE:
            check_type(fields, wanted=b"application/json")
        check_encoding(fields)
        body = await read_body(receive, fields, limit, settings.body_timeout_s)
        return replay(body, receive)

    def _refusal_of(self, error: BaseException, scope: Scope, request_id: str) -> RefusedError:
        if isinstance(error, RefusedError):
            return error
        if isinstance(error, TimeoutError):
            seconds = self._settings.request_timeout_s
            return RefusedError(
                503, "timeout", f"No answer within {seconds:g} s.", headers=retry_after(OVERLOADED_S)
            )
        if isinstance(
            error, asyncio.CancelledError
        ):  # by the server at its end; there is no task above this one
            return RefusedError(
                503,
                "shutting_down",
                "The service was stopped before it had an answer.",
                headers=retry_after(OVERLOADED_S),
                closes=True,
            )
        if isinstance(error, DatabaseError):
            said = said_of(error, request_id)
            return RefusedError(503, error.code, said, headers=retry_after(OVERLOADED_S))
        LOG.error("request %s to %s failed", request_id, route_of(scope), exc_info=error)
        return internal_error(request_id)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the keys once at start; say in one sentence why a start failed, where one is known."""
        failure: Message | None = None

        async def watched(message: Message) -> None:
            nonlocal failure
            if message["type"] == "lifespan.startup.complete":
                state = scope["app"].state
                await current_keys(state.service.store)
                scope.setdefault("state", {})["telemetry"] = (
                    state.telemetry
                )  # for the protocol, which refuses too
            if message["type"] == "lifespan.startup.failed":
                failure = message  # with a traceback; the exception that follows knows better
                return
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except TastemapError as error:
            if failure is None:
                raise
            await send({"type": "lifespan.startup.failed", "message": error.message})
        except BaseException:
            if failure is not None:
                await send(failure)
            raise


class _Answer:
    """What is sent to one request, with the headers of every answer; counts what went out."""

    def __init__(self, scope: Scope, fields: Mapping[bytes, bytes], send: Send) -> None:
        self._path = scope["path"]
        self._send = send
        state: dict[str, Any] = scope.setdefault("state", {})
        self.request_id = state["request_id"] = request_id(fields.get(b"x-request-id"))
        state["caller"] = ANYBODY
        is_data = self._path.startswith((API, STATIC))
        self._nonce = "" if is_data else secrets.token_urlsafe(16)
        state["nonce"] = self._nonce
        self.status = 0
        self.size = 0

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = self._completed(message.get("headers", ()))
            if self.status == 503 and not any(name == b"retry-after" for name, _ in message["headers"]):
                message["headers"].append((b"retry-after", b"%d" % OVERLOADED_S))
        else:
            self.size += len(message.get("body", b""))
        await self._send(message)

    async def refuse(self, refused: RefusedError) -> None:
        """Say no; if the answer has begun already it stays unfinished, which ends the connection."""
        if self.status:
            return
        status, headers, body = refused.raw()
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    def _completed(self, headers: Any) -> list[Header]:
        content_type, kept = b"", []
        for header in headers:
            name = header[0]
            if name == b"content-type":
                content_type = header[1]
            if name not in _OURS or (name == b"cache-control" and self._path.startswith(STATIC)):
                kept.append(header)
        added = security_headers(self._path, content_type, self._nonce)
        return [*kept, (b"x-request-id", self.request_id.encode()), *added]


def route_of(scope: Scope) -> str:
    """The template of the path, such as ``/v1/users/{user_id}``: it names the route and no user."""
    route = scope.get("route")
    path = getattr(route, "path", None)
    if path is None:
        return UNMATCHED
    # Newer releases of FastAPI name a route without the prefix of its router.
    is_short = scope["path"].startswith(API) and not path.startswith(API)
    whole = f"{API[:-1]}{path}" if is_short else str(path)
    return _MATCHING.sub("", whole)  # how a route matches is nobody's business
