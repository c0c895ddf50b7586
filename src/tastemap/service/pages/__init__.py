"""The explorer: HTML pages for people, each with a twin in JSON that holds the same data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib import resources

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.staticfiles import StaticFiles

from tastemap.errors import TastemapError
from tastemap.service.pages import for_you, home, item, user
from tastemap.service.pages.render import HEADERS, error_page, html, status_of, twin

Build = Callable[..., dict[str, object]]
"""From the service and the query of a request to the dict of a page."""


@dataclass(frozen=True)
class Page:
    """One page of the explorer.

    Parameters
    ----------
    path : str
        Its twin has ``.json`` after it; that of ``/`` is ``/home.json``.
    template : str
    build : function of the service and the query to a dict of plain values
    is_slow : bool
        Whether it is built in a thread, so that other requests do not wait.
    """

    path: str
    template: str
    build: Build
    is_slow: bool = False

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

router = APIRouter(include_in_schema=False)
_files = StaticFiles(directory=str(resources.files("tastemap.service").joinpath("static")))


@router.get("/static/{name}")
async def static(request: Request, name: str) -> Response:
    """A script, a style or a picture of the explorer."""
    found = await _files.get_response(name, request.scope)
    found.headers.update({key: HEADERS[key] for key in ("Cache-Control", "X-Content-Type-Options")})
    return found


async def _built(page: Page, request: Request, query: Mapping[str, str]) -> dict[str, object]:
    service = request.app.state.service
    if page.is_slow:
        return await run_in_threadpool(page.build, service, query)
    return page.build(service, query)


def _html_of(page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        serving = request.app.state.service.serving
        try:
            return html(request, serving, page.template, await _built(page, request, request.query_params))
        except TastemapError as error:
            return error_page(request, serving, status_of(error), "Not found", error.message)

    return answer


def _twin_of(page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return twin(await _built(page, request, request.query_params))
        except TastemapError as error:
            return twin(error.body(), status=status_of(error))

    return answer


for one in PAGES:
    router.add_api_route(one.path, _html_of(one), methods=["GET", "HEAD"], name=one.template)
    router.add_api_route(one.twin_path, _twin_of(one), methods=["GET"], name=one.twin_path)
