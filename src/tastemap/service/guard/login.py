"""The login of people: a form that takes a key, and a cookie for it."""

from __future__ import annotations

import functools
import logging
import time
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from tastemap.service.database.errors import DatabaseError
from tastemap.service.database.store import Store
from tastemap.service.guard.gate import Gate, address_of, current_keys
from tastemap.service.guard.refusals import RefusedError
from tastemap.service.guard.scopes import LOGIN, LOGOUT
from tastemap.service.guard.sessions import issue, key_of_session, session_in, set_cookie
from tastemap.service.live.beside import in_thread

LOG = logging.getLogger("tastemap.service")
SEE_OTHER = 303
MOST_FIELDS = 10


@functools.cache
def _template() -> Template:
    # Not the environment of the explorer: its pages need the model, and the login must not.
    loader = PackageLoader("tastemap.service", "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template("login.html")


def login_router(gate: Gate, session_s: int) -> APIRouter:
    """The routes ``/login`` and ``/logout``; a session lasts `session_s` seconds."""
    router = APIRouter(include_in_schema=False)

    @router.get(LOGIN)
    async def form(request: Request) -> Response:
        if gate.is_open(await current_keys(_store(request))):
            return _to(request, "/")
        return _form(request, request.query_params.get("next", "/"))

    @router.post(LOGIN)
    async def login(request: Request) -> Response:
        try:
            given = parse_qs((await request.body()).decode("latin-1"), max_num_fields=MOST_FIELDS)
        except ValueError:
            return _form(request, "/", _too_many_fields())
        secret, wanted = given.get("key", [""])[0].strip(), given.get("next", ["/"])[0]
        keys = await current_keys(_store(request))
        try:
            kept, key = gate.key_of(secret, keys, address_of(request.scope))
        except RefusedError as refused:
            return _form(request, wanted, refused)
        answer = _to(request, wanted)
        session = issue(kept, key.session_secret, int(time.time()) + session_s)
        answer.headers["set-cookie"] = set_cookie(session, session_s, secure=_is_secure(request))
        return answer

    @router.post(LOGOUT)
    async def logout(request: Request) -> Response:
        await _end_sessions(request)
        answer = _to(request, LOGIN)
        answer.headers["set-cookie"] = set_cookie("", 0, secure=_is_secure(request))
        return answer

    return router


async def _end_sessions(request: Request) -> None:
    """End the session of a request wherever else its cookie lies, and all others of its key."""
    store, now = _store(request), time.time()
    session = session_in(request.headers.get("cookie", "").encode("latin-1"))
    try:
        key = None if session is None else key_of_session(session, await current_keys(store), now)
        if key is not None:
            await in_thread(store.end_sessions, key.name, now)
    except DatabaseError as error:  # the browser forgets its cookie all the same
        LOG.warning("a logout ended one cookie and no copies of it: %s", error.message)


def local_path(wanted: str) -> str:
    """`wanted` if it is a path of this service, else the first page.

    >>> local_path("/item?id=7"), local_path("//elsewhere.example"), local_path("https://elsewhere.example")
    ('/item?id=7', '/', '/')
    """
    is_local = (
        wanted.startswith("/") and not wanted.startswith("//") and wanted.isprintable() and "\\" not in wanted
    )
    return wanted if is_local else "/"


def _form(request: Request, wanted: str, refused: RefusedError | None = None) -> Response:
    shown = {
        "root": request.scope.get("root_path", ""),
        "next": local_path(wanted),
        "error": None if refused is None else refused.message,
    }
    text = _template().render(login=shown)
    if refused is None:
        return HTMLResponse(text)
    request.state.error_code = refused.code
    return HTMLResponse(text, refused.status, headers=refused.headers)


def _too_many_fields() -> RefusedError:
    return RefusedError(
        400, "invalid_form", f"The form may hold {MOST_FIELDS} fields. Got more; send key and next."
    )


def _to(request: Request, wanted: str) -> Response:
    return RedirectResponse(request.scope.get("root_path", "") + local_path(wanted), SEE_OTHER)


def _is_secure(request: Request) -> bool:
    return bool(request.scope["scheme"] == "https")


def _store(request: Request) -> Store:
    store: Store = request.app.state.service.store
    return store
