"""From a page's dict to its HTML or its JSON twin, and what is said where there is no page."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

import orjson
from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from tastemap.data import Id
from tastemap.errors import TastemapError, UnknownItemError, UnknownUserError, near_matches
from tastemap.service.pages.words import amount, day, figure, percent, setting, stars, thing, ticked
from tastemap.service.statuses import said_of, status_of

if TYPE_CHECKING:
    from tastemap.service.live.serving import Serving

_TITLES = {404: "Nobody knows this one", 422: "This cannot be asked", 503: "Busy, or out of reach"}


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
    made.filters.update(amount=amount, day=day, figure=figure, stars=stars, in_url=in_url, percent=percent)
    made.filters.update(setting=setting, ticked=ticked)
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
        "is_logged_in": request.state.caller.name is not None,
    }
    text = environment().get_template(template).render(page=page, shell=shell)
    return HTMLResponse(text, status)


def twin(page: Mapping[str, object], *, status: int = 200) -> Response:
    """The same dict as JSON; what is not a number becomes null."""
    body = orjson.dumps(page, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, status, media_type="application/json")


def failed(request: Request, serving: Serving, error: TastemapError) -> Response:
    """What a person sees instead of a page that cannot be made: why, and what may have been meant."""
    status = status_of(error)
    request.state.error_code = error.code
    near: list[dict[str, object]] = []
    asked = error.details.get("id", error.details.get("item"))
    if isinstance(error, UnknownUserError | UnknownItemError) and asked is not None:
        users = isinstance(error, UnknownUserError)
        ids = serving.recommender.users if users else serving.recommender.items
        path = "/user" if users else "/item"
        near = [{"path": path, "id": id} for id in near_matches(asked, ids.near(str(asked)))]
    title = _TITLES.get(status, "This did not work")
    said = said_of(error, request.state.request_id)
    return error_page(request, serving, status, title, _plainly(error, serving, said), near)


def _plainly(error: TastemapError, serving: Serving, said: str) -> str:
    """Why a page cannot be made, in the words of the pages; near matches stand below it as links."""
    asked = error.details.get("id")
    known = serving.recommender.train.interactions
    if isinstance(error, UnknownItemError) and asked is not None:
        word = thing(serving.recommender.train.name)
        return f"No {word.one} has the id {asked}: there are {known.n_items:,} {word.many} here."
    if isinstance(error, UnknownUserError) and asked is not None:
        return f"No user has the id {asked}."
    return said


def error_page(
    request: Request,
    serving: Serving,
    status: int,
    title: str,
    sentence: str,
    near: Sequence[Mapping[str, object]] = (),
) -> Response:
    """What a person sees where there is no page; `near` holds the path and id of what may have been meant."""
    page = {"status": status, "title": title, "sentence": sentence, "near": near}
    return html(request, serving, "error.html", page, status=status)


def in_url(id: Id) -> str:
    """An id as a part of a query, whatever characters it holds.

    >>> in_url("a/b&c")
    'a%2Fb%26c'
    """
    return quote(str(id), safe="")
