"""Users: what is known of them, predicted ratings, reasons, and erasure."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from tastemap.data import Id
from tastemap.inference.intervals import USUAL_LEVEL
from tastemap.service.answers import people
from tastemap.service.answers.asked import MOST_IN_QUERY, TextId
from tastemap.service.live.beside import beside, in_thread
from tastemap.service.live.effort import explains_long
from tastemap.service.live.person import Person
from tastemap.service.live.reading import read_of
from tastemap.service.live.service import person_of_ratings
from tastemap.service.routes.bodies import ExplanationRequest
from tastemap.service.routes.common import Cursor, Limit, PathId, Shared, answered
from tastemap.service.routes.errors import documented
from tastemap.service.routes.schemas import (
    ErasureAnswer,
    ExplanationAnswer,
    ExportAnswer,
    HistoryPage,
    PredictionsAnswer,
    UserAnswer,
)

router = APIRouter(tags=["users"])

ItemIds = Annotated[list[TextId], Query(min_length=1, max_length=MOST_IN_QUERY, alias="item_id")]
Level = Annotated[float, Query(gt=0.0, lt=1.0, description="share of ratings that intervals hold")]
ERASED_NOW = (
    "The user is unknown from now on: their events are deleted, and no answer or page holds their training "
    "rows; other workers follow within a second. Vectors and biases that were fitted with these rows, and the "
    "figures recorded of that fit, stay until the next refit."
)
ERASED_LATER = (
    "The next `tastemap refit` leaves their rows out of the artifact and deletes the files of earlier versions."
)


@router.get("/users/{user_id:id}/history", responses={200: {"model": HistoryPage}, **documented(404, 409, 422)})
async def history(service: Shared, user_id: PathId, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """The items of a user, the latest first: training rows with all events laid over them."""
    serving, events, notes = await service.told_of(user_id)
    return answered(await read_of(people.history, serving, user_id, events, limit, cursor, notes))


@router.get("/users/{user_id:id}/export", responses={200: {"model": ExportAnswer}, **documented(404, 422)})
async def export(service: Shared, user_id: PathId) -> Response:
    """All that is stored of a user."""
    serving, events = await service.known_of(user_id)
    stored = await service.stored_of(user_id)
    return answered(await read_of(people.export, serving, user_id, events, stored))


@router.get("/users/{user_id:id}/predictions", responses={200: {"model": PredictionsAnswer}, **documented(422)})
async def predictions(
    service: Shared, user_id: PathId, item_ids: ItemIds, level: Level = USUAL_LEVEL
) -> Response:
    """Scores and predicted ratings of some items."""
    person = await service.person(user_id)
    return answered(people.predictions(person, item_ids, level))


@router.get(
    "/users/{user_id:id}/explanations/{item_id:id}",
    responses={200: {"model": ExplanationAnswer}, **documented(404, 422)},
)
async def explanation(service: Shared, user_id: PathId, item_id: PathId) -> Response:
    """Why an item has its score for a user."""
    return await _explained(await service.person(user_id), item_id)


@router.post("/explanations", responses={200: {"model": ExplanationAnswer}, **documented(404, 422)})
async def explanation_for_history(service: Shared, asked: ExplanationRequest) -> Response:
    """Why an item would have its score for somebody with this history; nothing is stored."""
    rated = {entry.item_id: entry.rating for entry in asked.history}
    person = await person_of_ratings(service.serving, rated)
    return await _explained(person, asked.item_id)


async def _explained(person: Person, item_id: Id) -> Response:
    if explains_long(person.serving.recommender, len(person.history.indices), 1):
        return answered(await beside(people.explanation, person, item_id))
    return answered(people.explanation(person, item_id))


@router.get("/users/{user_id:id}", responses={200: {"model": UserAnswer}, **documented(404, 422)})
async def user(service: Shared, user_id: PathId) -> Response:
    """What is known of a user, in short."""
    serving, events, notes = await service.told_of(user_id)
    return answered(await read_of(people.user, serving, user_id, events, notes))


@router.delete("/users/{user_id:id}", responses={200: {"model": ErasureAnswer}, **documented(404, 422)})
async def erase(request: Request, service: Shared, user_id: PathId) -> Response:
    """Forget a user: at once for every answer, with the next refit in every file."""
    serving, events = await service.known_of(user_id)
    stored = await service.stored_of(user_id)
    kept = await read_of(
        people.export, serving, user_id, events, stored
    )  # raises if there is nothing to forget
    seq = await in_thread(service.erase, user_id, request.state.caller.name)
    return answered({"user_id": kept["user_id"], "seq": seq, "now": ERASED_NOW, "at_next_refit": ERASED_LATER})
