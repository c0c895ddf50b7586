"""Events: what users rate, counted once and kept before it is acknowledged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from tastemap.data import Id
from tastemap.data.id_map import IdMap
from tastemap.errors import InvalidValueError, TastemapError
from tastemap.service.database.records import NewEvent
from tastemap.service.live.serving import Serving
from tastemap.service.live.settling import LARGEST_COUNT, SMALLEST_COUNT
from tastemap.service.routes.bodies import BatchRequest, EventRequest
from tastemap.service.routes.common import Shared, answered
from tastemap.service.routes.errors import documented
from tastemap.service.routes.schemas import BatchReceipt, EventReceipt

router = APIRouter(tags=["events"])

MOST_AHEAD_S = 300
"""How far a client's clock may be ahead of ours. A time far ahead would win over every later event."""

MILLISECONDS_FROM = 10
"""A time so many times ours is meant in milliseconds: in seconds it would be centuries ahead."""


class ClockError(TastemapError):
    """The clock of a client is ahead of ours."""

    code = "clock_skew"


@router.post(
    "/events",
    status_code=201,
    responses={201: {"model": EventReceipt}, **documented(409, 422)},
)
async def one(request: Request, service: Shared, event: EventRequest) -> Response:
    """Keep an event; the next list of this user counts it."""
    stored = _as_stored(service.serving, event, time.time())
    (receipt,) = await _kept(request, [stored])
    return answered(receipt, 201)


@router.post(
    "/events/batch",
    status_code=201,
    responses={201: {"model": BatchReceipt}, **documented(409, 422)},
)
async def batch(request: Request, service: Shared, body: BatchRequest) -> Response:
    """Keep up to a thousand events, all or none."""
    now = time.time()
    stored = [
        _as_stored(service.serving, event, now, f"events.{place}.") for place, event in enumerate(body.events)
    ]
    return answered({"events": await _kept(request, stored)}, 201)


async def _kept(request: Request, stored: Sequence[NewEvent]) -> list[dict[str, object]]:
    receipts = await asyncio.wrap_future(request.app.state.writer.submit(stored))
    request.app.state.telemetry.observe_events(receipts)
    return [{"seq": receipt.seq, "duplicate": receipt.duplicate} for receipt in receipts]


def _as_stored(serving: Serving, event: EventRequest, now: float, within: str = "") -> NewEvent:
    """An event in the terms of the database; what is wrong is told with its place, `within` before it.

    Raises
    ------
    InvalidValueError
        If a rating is outside the scale, or an id could never be in the model.
    ClockError
        If a time is ahead of ours.
    """
    recommender = serving.recommender
    if event.timestamp is not None and event.timestamp > now + MOST_AHEAD_S:
        raise _ahead(event.timestamp, now, f"{within}timestamp")
    value = 0.0 if event.withdrawn else _value(serving, event.rating, f"{within}rating")
    return NewEvent(
        user_id=_id_text(recommender.users, event.user_id, within),
        item_id=_id_text(recommender.items, event.item_id, within),
        kind="withdrawal" if event.withdrawn else "interaction",
        value=value,
        time=event.timestamp,  # None: when it is stored, so that a repeated request is the same event
        client_key=event.key,
    )


def _ahead(timestamp: int, now: float, where: str) -> ClockError:
    to_do = "send seconds, not milliseconds" if timestamp > MILLISECONDS_FROM * now else "set the clock"
    return ClockError(
        f"{where} must not be more than {MOST_AHEAD_S} s ahead of this server's clock, which is at "
        f"{int(now)}. Got {timestamp}; {to_do}, or leave timestamp out.",
        argument="timestamp",
        where=where,
    )


def _value(serving: Serving, rating: float | None, where: str) -> float:
    scale = serving.recommender.train.interactions.rating_scale
    if scale is None:
        value = 1.0 if rating is None else rating
        if not SMALLEST_COUNT <= value <= LARGEST_COUNT:
            raise InvalidValueError(
                f"{where}, a count, must be from {SMALLEST_COUNT:.2g} to {LARGEST_COUNT:,.0f}. Got {value:g}.",
                argument="rating",
                where=where,
            )
        return value
    if rating is None or not scale.low <= rating <= scale.high:
        given = "none" if rating is None else f"{rating:g}"
        raise InvalidValueError(
            f"{where} must be from {scale.low:g} to {scale.high:g}, as in the training data. Got {given}; "
            "correct it, or set withdrawn to take a rating back.",
            argument="rating",
            where=where,
        )
    return rating


def _id_text(ids: IdMap, id: Id, within: str) -> str:
    """An id as it is kept: as text, of a form that a refit can read back as an id of this kind."""
    own = ids.own_form(id)
    if own is None:
        name = f"{ids.kind}_id"
        raise InvalidValueError(
            f"{within}{name} must be an integer within 64 bits, as all {ids.kind} ids of this model are. Got "
            f"{str(id)[:40]!r}.",
            argument=name,
            where=within + name,
        )
    return str(own)
