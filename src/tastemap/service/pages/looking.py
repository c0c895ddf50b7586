"""The pages that look inside: the map, the data, the training, the report; and the files that they share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata, resources
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from tastemap.errors import InvalidValueError, MissingExtraError, TastemapError
from tastemap.service.answers.data import data
from tastemap.service.answers.kept import kept_by_version
from tastemap.service.answers.report import report
from tastemap.service.answers.training import training
from tastemap.service.guard.headers import STATIC
from tastemap.service.live.serving import Serving
from tastemap.service.pages import atlas
from tastemap.service.pages.drawn import Drawn, data_charts, report_charts, training_charts
from tastemap.service.pages.render import failed, html, twin
from tastemap.service.statuses import status_of

Fields = dict[str, Any]
Answer = Callable[[Request], Awaitable[Response]]

SHARED = {
    "marks.js": "text/javascript",
    "report.js": "text/javascript",
    "charts.css": "text/css",
    "colors.css": "text/css",
}
"""Files that the reports bring too, so that there is one of each."""
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Look:
    """A page of figures and charts.

    Parameters
    ----------
    path : str
        Its twin has ``.json`` after it.
    template : str
    answer : function of what is served and the query to the dict that the twin sends
    charts : function of the same to what only the page shows
    """

    path: str
    template: str
    answer: Callable[[Serving, Mapping[str, str]], Fields]
    charts: Callable[[Serving, Mapping[str, str]], Drawn]


@kept_by_version
def _data(serving: Serving) -> Fields:
    return data(serving.recommender)


@kept_by_version
def _training(serving: Serving) -> Fields:
    return training(serving.recommender)


def _against(query: Mapping[str, str]) -> int | None:
    text = query.get("against", "")
    if text and not text.isdecimal():
        raise InvalidValueError(
            f"against must be the number of a version. Got {text[:20]!r}.", argument="against"
        )
    return int(text[:9]) if text else None


LOOKS = (
    Look("/data", "data.html", lambda serving, _: _data(serving), lambda serving, _: data_charts(serving)),
    Look(
        "/training",
        "training.html",
        lambda serving, _: _training(serving),
        lambda serving, _: training_charts(serving),
    ),
    Look(
        "/report",
        "report.html",
        lambda serving, query: report(serving, _against(query)),
        lambda serving, query: report_charts(serving, _against(query)),
    ),
)


def add_looking(router: APIRouter) -> None:
    """Let a router answer with these pages, before it looks at any other."""
    both = ["GET", "HEAD"]
    router.add_api_route("/map", atlas.page, methods=both)
    router.add_api_route("/map.json", atlas.json, methods=both)
    for look in LOOKS:
        router.add_api_route(look.path, _html_of(look), methods=both)
        router.add_api_route(f"{look.path}.json", _twin_of(look), methods=both)
    for name in SHARED:
        router.add_api_route(f"{STATIC}{name}", _shared, methods=both)
    router.add_api_route(f"{STATIC}vega-{{release}}.js", _vega, methods=both)


def _html_of(look: Look) -> Answer:
    async def answer(request: Request) -> Response:
        serving: Serving = request.app.state.service.serving
        try:
            found = await run_sync(look.answer, serving, request.query_params)
            drawn = await run_sync(look.charts, serving, request.query_params)
        except TastemapError as error:
            return failed(request, serving, error)
        return html(request, serving, look.template, {**found, "drawn": drawn, "vega": vega_release()})

    return answer


def _twin_of(look: Look) -> Answer:
    async def answer(request: Request) -> Response:
        try:
            return twin(await run_sync(look.answer, request.app.state.service.serving, request.query_params))
        except TastemapError as error:
            return twin(error.body(), status=status_of(error))

    return answer


async def _shared(request: Request) -> Response:
    name = request.url.path.rpartition("/")[2]
    # By the folder above: importing the reports themselves needs the extra `explore`.
    text = resources.files("tastemap").joinpath("reports", "assets", name).read_text(encoding="utf-8")
    return Response(text, media_type=SHARED[name], headers={"Cache-Control": "no-cache"})


@cache
def vega_release() -> str | None:
    """The release of what brings Vega, which names its script; None where it is not installed."""
    try:
        return metadata.version("vl-convert-python")
    except metadata.PackageNotFoundError:
        return None


async def _vega(release: str) -> Response:
    """Vega as one script, some seconds the first time; kept by browsers as long as the release stays."""
    if release != vega_release():
        raise HTTPException(404, "Not found")
    try:
        script = await run_sync(_bundle)
    except MissingExtraError as error:
        raise HTTPException(404, error.message) from error
    return Response(script, media_type="text/javascript", headers={"Cache-Control": FOREVER})


@cache
def _bundle() -> bytes:
    from tastemap.charts import javascript_bundle

    return javascript_bundle().encode()
