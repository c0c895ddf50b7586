"""The explorer: HTML pages for people, each with a twin in JSON that holds the same data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib import resources

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import Response
from starlette.staticfiles import StaticFiles

from tastemap.errors import TastemapError
from tastemap.service.guard.headers import STATIC
from tastemap.service.live.service import Service
from tastemap.service.pages import for_you, home, item, user
from tastemap.service.pages.looking import add_looking
from tastemap.service.pages.render import error_page, failed, html, twin
from tastemap.service.statuses import status_of

Build = Callable[[Service, Mapping[str, str]], Awaitable[dict[str, object]]]
"""From the service and the query of a request to the dict of a page; what takes long runs in a thread."""


@dataclass(frozen=True)
class Page:
    """One page of the explorer.

    Parameters
    ----------
    path : str
        Its twin has ``.json`` after it; that of ``/`` is ``/home.json``.
    template : str
    build : coroutine of the service and the query to a dict of plain values
    """

    path: str
    template: str
    build: Build

    @property
    def twin_path(self) -> str:
        """Where the same data lies as JSON."""
        return f"{'/home' if self.path == '/' else self.path}.json"


PAGES = (
    Page("/", "home.html", home.page),
    Page("/for-you", "for_you.html", for_you.page),
    Page("/item", "item.html", item.page),
    Page("/user", "user.html", user.page),
)
"""Every page; a page's module has its `build`, `templates/` its template."""


def add_pages(app: FastAPI) -> None:
    """Let an application answer with the explorer's pages, their twins, and the files they load."""
    router = APIRouter(include_in_schema=False)
    add_looking(router)
    for one in PAGES:
        router.add_api_route(one.path, _html_of(one), methods=["GET", "HEAD"])
        router.add_api_route(one.twin_path, _twin_of(one), methods=["GET", "HEAD"])
    router.add_api_route(f"{STATIC}{{name}}", _file, methods=["GET", "HEAD"])
    router.add_api_route("/{name}", _nowhere, methods=["GET", "HEAD"])
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
    service: Service = request.app.state.service
    sentence = f"There is no page at /{name}. The pages are listed above."
    return error_page(request, service.serving, 404, "No such page", sentence)


def _html_of(page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        service: Service = request.app.state.service
        try:
            found = await page.build(service, request.query_params)
            return html(request, service.serving, page.template, found)
        except TastemapError as error:
            return failed(request, service.serving, error)

    return answer


def _twin_of(page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return twin(await page.build(request.app.state.service, request.query_params))
        except TastemapError as error:
            return twin(error.body(), status=status_of(error))

    return answer
