"""From a page's dict to its HTML or its JSON twin, with the headers that both carry."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

import orjson
from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from tastemap.data import Id
from tastemap.errors import InvalidValueError, TastemapError, UnknownItemError, UnknownUserError
from tastemap.service.pages.words import thing

if TYPE_CHECKING:
    from tastemap.service.live.serving import Serving

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing from another host, and no script or style in the page itself: data blocks are never run."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
MINUS = "−"


@functools.cache
def environment() -> Environment:
    """The templates: everything is escaped, and a name that a page's dict does not have is an error."""
    made = Environment(
        loader=PackageLoader("tastemap.service", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(amount=amount, figure=figure, stars=stars, in_url=in_url, percent=percent)
    return made


def html(
    request: Request, serving: Serving, template: str, page: Mapping[str, object], *, status: int = 200
) -> Response:
    """A page as HTML; templates see the dict as `page`, and what the shell needs as `shell`."""
    data = serving.recommender.train
    shell = {
        "root": request.scope.get("root_path", ""),
        "path": request.url.path.removeprefix(request.scope.get("root_path", "")),
        "model": serving.recommender.name,
        "version": serving.version,
        "data": data.name,
        "thing": thing(data.name),
    }
    text = environment().get_template(template).render(page=page, shell=shell)
    return HTMLResponse(text, status, headers=HEADERS)


def twin(page: Mapping[str, object], *, status: int = 200) -> Response:
    """The same dict as JSON; what is not a number becomes null."""
    body = orjson.dumps(page, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, status, media_type="application/json", headers={"Cache-Control": "no-cache"})


def status_of(error: TastemapError) -> int:
    """The status that says what kind of error this is."""
    if isinstance(error, UnknownUserError | UnknownItemError):
        return 404
    return 422 if isinstance(error, InvalidValueError) else 500


def error_page(request: Request, serving: Serving, status: int, title: str, sentence: str) -> Response:
    """What a person sees where there is no page."""
    page = {"status": status, "title": title, "sentence": sentence}
    return html(request, serving, "error.html", page, status=status)


def amount(value: float) -> str:
    """A count with its thousands apart.

    >>> amount(100000)
    '100,000'
    """
    return f"{value:,.0f}"


def figure(value: float | None, decimals: int = 2, *, sign: bool = False) -> str:
    """A number of so many decimals, with a true minus; a dash where there is none.

    >>> figure(-0.5), figure(3.14159, 3), figure(0.25, sign=True), figure(None)
    ('−0.50', '3.142', '+0.25', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:{'+' if sign else ''}.{decimals}f}"
    return text.replace("-", MINUS)


def stars(value: float) -> str:
    """A rating as it was given: no decimals that say nothing.

    >>> stars(4.0), stars(3.5)
    ('4', '3.5')
    """
    return f"{value:g}".replace("-", MINUS)


def percent(share: float) -> str:
    """A share in percent, with a decimal only below ten.

    >>> percent(0.0412), percent(0.5)
    ('4.1\u202f%', '50\u202f%')
    """
    return f"{100 * share:.{0 if share >= 0.1 or share == 0 else 1}f}\u202f%"


def in_url(id: Id) -> str:
    """An id as a part of a query, whatever characters it holds.

    >>> in_url("a/b&c")
    'a%2Fb%26c'
    """
    return quote(str(id), safe="")
