"""What a page is: an answer as plain values, its HTML for people, and its twin in JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from tastemap.errors import TastemapError
from tastemap.service.live.service import Service
from tastemap.service.live.serving import Serving
from tastemap.service.pages.render import failed, html, twin
from tastemap.service.statuses import said_of, status_of

Fields = dict[str, Any]
Build = Callable[[Request], Awaitable[Fields]]
"""From a request to the dict of a page; what takes long runs in a thread."""


def service_of(request: Request) -> Service:
    """What all requests of this worker share."""
    service: Service = request.app.state.service
    return service


def serving_of(request: Request) -> Serving:
    """The version that is served now."""
    return service_of(request).serving


def nothing_more(request: Request, serving: Serving) -> Fields:
    """Of a page that shows what its twin sends."""
    return {}


@dataclass(frozen=True)
class Page:
    """One page of the explorer.

    Parameters
    ----------
    path : str
        Its twin has ``.json`` after it; that of ``/`` is ``/home.json``.
    template : str
    build : coroutine from a request to a dict of plain values
        What the page shows, and its twin sends.
    beside : function of a request and what is served
        What only the page shows, such as charts. It must not wait.
    twin : coroutine from a request to a dict of plain values, optional
        What the twin sends, where that is more than the page shows.
    """

    path: str
    template: str
    build: Build
    beside: Callable[[Request, Serving], Fields] = nothing_more
    twin: Build | None = None

    @property
    def twin_path(self) -> str:
        """Where the same data lies as JSON."""
        return f"{'/home' if self.path == '/' else self.path}.json"


def add_page(router: APIRouter, page: Page) -> None:
    """Let a router answer with a page and its twin."""
    router.add_api_route(page.path, _html_of(page))
    router.add_api_route(page.twin_path, _twin_of(page.twin or page.build))


def _html_of(page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        serving = serving_of(request)
        try:
            shown = {**await page.build(request), **page.beside(request, serving)}
        except TastemapError as error:
            return failed(request, serving, error)
        return html(request, serving, page.template, shown)

    return answer


def _twin_of(build: Build) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return twin(await build(request))
        except TastemapError as error:
            said = said_of(error, request.state.request_id)
            body = {"error": {"code": error.code, "message": said, "details": error.details}}
            return twin(body, status=status_of(error))

    return answer
