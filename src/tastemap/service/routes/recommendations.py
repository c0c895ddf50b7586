"""Lists for users and for histories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from starlette.types import Receive, Scope, Send

from tastemap.data import Id
from tastemap.errors import InvalidValueError
from tastemap.service.answers.asked import ListOptions, ListQuery, ListRequest
from tastemap.service.answers.lists import listed
from tastemap.service.live.beside import beside
from tastemap.service.live.effort import folds_in_long
from tastemap.service.live.person import Person, without
from tastemap.service.live.service import person_of_ratings, person_of_told
from tastemap.service.routes.common import Shared, answered
from tastemap.service.routes.errors import documented
from tastemap.service.routes.kept import Sent
from tastemap.service.routes.queries import described, path_id, query_of
from tastemap.service.routes.schemas import ListAnswer

router = APIRouter(tags=["lists"])
LISTS = "/users/{user_id:id}/recommendations"
"""What is asked most."""


@router.get(
    LISTS,
    responses={200: {"model": ListAnswer}, **documented(404, 422)},
    openapi_extra=described(ListQuery, "user_id"),
)
async def for_user(request: Request) -> Response:
    """The best items for a user, with every event so far. Somebody unknown gets what is most popular."""
    state, asked = request.app.state, query_of(request, ListQuery)
    user_id = path_id(request, "user_id")
    serving, events, notes = await state.service.told_of(user_id)
    key, last_event = (user_id, request.scope["query_string"]), events[-1].seq if events else 0
    sent = None if notes else state.sent_lists.find(key, serving, last_event)
    if sent is None:
        answer = await listed(await person_of_told(user_id, serving, events, notes), asked)
        sent = Sent(last_event, orjson.dumps(answer), _told(answer))
        if not notes:
            state.sent_lists.keep(key, serving, sent)
    state.telemetry.observe_list(*sent.told)
    return Response(sent.body, media_type="application/json")


def _told(answer: Mapping[str, Any]) -> tuple[str, int, tuple[Id, ...]]:
    return answer["basis"], answer["version"], tuple(row["item_id"] for row in answer["items"])


class ForUser:
    """:func:`for_user` as an ASGI application: a third of a list's time would go into FastAPI's own steps."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that a route has matched."""
        answer = await for_user(Request(scope, receive))
        await answer(scope, receive, send)


@router.post("/recommendations", responses={200: {"model": ListAnswer}, **documented(404, 422)})
async def for_anybody(request: Request, service: Shared, asked: ListRequest) -> Response:
    """The best items for a user, or for a history that is not stored."""
    return await _listed(request, await _person(service, asked), asked)


async def _person(service: Shared, asked: ListRequest) -> Person:
    if (asked.user_id is None) == (asked.history is None):
        raise InvalidValueError("Name either user_id or history, not both and not neither.", argument="history")
    if asked.history is None:
        assert asked.user_id is not None
        return await _without(await service.person(asked.user_id), asked.drop)
    dropped = {str(id) for id in asked.drop}
    rated = {entry.item_id: entry.rating for entry in asked.history if str(entry.item_id) not in dropped}
    return await person_of_ratings(service.serving, rated)


async def _without(person: Person, drop: Sequence[Id]) -> Person:
    if not drop:
        return person
    if folds_in_long(person.serving.recommender, max(len(person.history.indices), len(drop))):
        return await beside(without, person, drop)
    return without(person, drop)


async def _listed(request: Request, person: Person, asked: ListOptions) -> Response:
    answer = await listed(person, asked)
    request.app.state.telemetry.observe_list(*_told(answer))
    return answered(answer)
