"""The explorer: HTML pages for people, each with a twin in JSON that holds the same data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from importlib import resources

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import Response
from starlette.staticfiles import StaticFiles

from tastemap.service.guard.headers import STATIC
from tastemap.service.live.service import Service
from tastemap.service.live.serving import Serving
from tastemap.service.pages import atlas, for_you, home, item, looking, user
from tastemap.service.pages.drawings import drawing_of
from tastemap.service.pages.page import Build, Fields, Page, add_page, service_of
from tastemap.service.pages.render import error_page

FromQuery = Callable[[Service, Mapping[str, str]], Awaitable[Fields]]


def _asked(answer: FromQuery) -> Build:
    """A page that the service and the query of a request are enough for."""
    return lambda request: answer(service_of(request), request.query_params)


def _begin_to_draw(request: Request, serving: Serving) -> Fields:
    """Who is at the start may look inside next: the charts are begun."""
    drawing_of(request, serving)
    return {}


PAGES = (
    Page("/", "home.html", _asked(home.page), _begin_to_draw),
    Page("/for-you", "for_you.html", _asked(for_you.page)),
    Page("/item", "item.html", _asked(item.page)),
    Page("/user", "user.html", _asked(user.page)),
    atlas.MAP,
    *looking.PAGES,
)
"""Every page; a page's module says what it shows, `templates/` how."""


def add_pages(app: FastAPI) -> None:
    """Let an application answer with the explorer's pages, their twins, and the files they load."""
    router = APIRouter(include_in_schema=False)
    for page in PAGES:
        add_page(router, page)
    looking.add_files(router)
    router.add_api_route(f"{STATIC}{{name}}", _file)
    router.add_api_route("/{name}", _nowhere)
    app.include_router(router)


_files = StaticFiles(directory=str(resources.files("tastemap.service").joinpath("static")))


async def _file(request: Request, name: str) -> Response:
    """A script, a style or a picture; a browser asks each time whether it has changed."""
    found = await _files.get_response(name, request.scope)
    found.headers["Cache-Control"] = "no-cache"
    return found


async def _nowhere(request: Request, name: str) -> Response:
    """A page for people who mistyped an address; programs get the error that every other path gives."""
    if "text/html" not in request.headers.get("accept", ""):
        raise HTTPException(404, "Not found")
    sentence = f"There is no page at /{name}. The pages are listed above."
    return error_page(request, service_of(request).serving, 404, "No such page", sentence)
