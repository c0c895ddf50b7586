"""The pages that look inside: the data, the training, the report; and the files that their charts need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import metadata, resources

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from tastemap.errors import InvalidValueError
from tastemap.service.answers.data import data
from tastemap.service.answers.kept import kept_by_version
from tastemap.service.answers.report import report
from tastemap.service.answers.training import training
from tastemap.service.guard.headers import STATIC
from tastemap.service.live.beside import in_thread
from tastemap.service.live.serving import Serving
from tastemap.service.pages.drawings import comparison_of, drawing_of
from tastemap.service.pages.evaluated import evaluated
from tastemap.service.pages.home import typed_folder
from tastemap.service.pages.page import Build, Fields, Page, serving_of

SHARED = {
    "marks.js": "text/javascript",
    "report.js": "text/javascript",
    "charts.css": "text/css",
    "colors.css": "text/css",
}
"""Files that the reports bring too, so that there is one of each."""
FOREVER = "public, max-age=31536000, immutable"


@kept_by_version
def _data(serving: Serving) -> Fields:
    return data(serving.recommender)


@kept_by_version
def _training(serving: Serving) -> Fields:
    return training(serving.recommender)


@kept_by_version
def _said(serving: Serving) -> list[str]:
    found = evaluated(serving.recommender)
    return found["said"] if found else []


def _against(query: Mapping[str, str]) -> int | None:
    text = query.get("against", "")
    if text and not text.isdecimal():
        raise InvalidValueError(
            f"against must be the number of a version. Got {text[:20]!r}.", argument="against"
        )
    return int(text[:9]) if text else None


def _in_thread(answer: Callable[[Serving, Mapping[str, str]], Fields]) -> Build:
    return lambda request: in_thread(answer, serving_of(request), request.query_params)


def _drawn(name: str) -> Callable[[Request, Serving], Fields]:
    """The charts of a page as far as they are drawn."""
    return lambda request, serving: {"drawn": drawing_of(request, serving).part(name), "vega": vega_release()}


def _of_report(request: Request, serving: Serving) -> Fields:
    """The charts of the evaluation, those of a comparison that is asked for, and what the figures say."""
    against = _against(request.query_params)
    compared = None if against is None else comparison_of(request, serving, against).part("comparison")
    found = _drawn("report")(request, serving)
    # A verdict is of the best model of a record, which may be another one.
    said = _said(serving) or found["drawn"].verdict
    return {**found, "compared": compared, "said": said, "folder": typed_folder(serving.folder)}


PAGES = (
    Page("/data", "data.html", _in_thread(lambda serving, _: _data(serving)), _drawn("data")),
    Page("/training", "training.html", _in_thread(lambda serving, _: _training(serving)), _drawn("training")),
    Page(
        "/report",
        "report.html",
        _in_thread(lambda serving, query: report(serving, _against(query))),
        _of_report,
    ),
)


def add_files(router: APIRouter) -> None:
    """Let a router answer with what reports bring, before it looks for other files."""
    for name in SHARED:
        router.add_api_route(f"{STATIC}{name}", _shared)
    router.add_api_route(f"{STATIC}vega-{{release}}.js", _vega)


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


async def _vega(request: Request, release: str) -> Response:
    """Vega as one script, once it is made; kept by browsers as long as the release stays."""
    script = await drawing_of(request, serving_of(request)).script() if release == vega_release() else None
    if script is None:
        raise HTTPException(404, "Not found")
    return Response(script, media_type="text/javascript", headers={"Cache-Control": FOREVER})
