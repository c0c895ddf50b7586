"""Items that the fit never saw, taken in once enough users have had to do with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import orjson
import polars as pl

from tastemap.data import UNKNOWN
from tastemap.data.interactions import RatingScale
from tastemap.inference.new_items import with_new_items
from tastemap.service.database.records import Event
from tastemap.service.database.store import Store
from tastemap.service.live.newcomers import Newcomers
from tastemap.service.live.reading import MOST_EVENTS
from tastemap.service.live.serving import Serving, TakenIn
from tastemap.service.live.settling import Moment, moment_of, settled, since_erasure

TAKEN_IN_EVERY_S = 10
"""All workers take in what was received before the latest moment that this divides, in seconds since 1970."""

Row = tuple[str, str, float, int]
"""``user_id, item_id, value, time``."""

_SCHEMA = {
    "user_id": pl.String,
    "item_id": pl.String,
    "value": pl.Float32,
    "timestamp": pl.Int64,
}


def last_change(now: float) -> float:
    """The latest moment at which all workers took in items, of those before `now`."""
    return now // TAKEN_IN_EVERY_S * TAKEN_IN_EVERY_S


def rows_of(serving: Serving, store: Store, newcomers: Newcomers) -> list[Row]:
    """What users have of the new items, and what else the users have whom the fit does not know.

    Whom the fit knows and who was erased since then takes no part: their vector is of what was erased.

    Raises
    ------
    DatabaseError
        If events cannot be read.
    """
    after, through = serving.events_through, newcomers.through
    users, scale = serving.recommender.users, serving.recommender.train.interactions.rating_scale
    erased = store.erased_since(after)
    known: list[Event] = []
    strangers = set()
    for item in newcomers.items:
        for event in store.events_of_item(item, after, through):
            if users.find(event.user_id) == UNKNOWN:
                strangers.add(event.user_id)
            elif event.user_id not in erased:
                known.append(event)
    # Of strangers all events are needed: their own vectors come from the items that the model knows.
    theirs = (store.events_of(user, after, up_to=through, most=MOST_EVENTS) for user in sorted(strangers))
    return [*standing(known, scale), *(row for events in theirs for row in standing(events, scale))]


def with_items(loaded: Serving, rows: Sequence[Row], now: Serving) -> Serving:
    """What is served, with new items.

    Parameters
    ----------
    loaded : Serving
        Nothing taken in yet.
    rows : sequence
        Of :func:`rows_of`.
    now : Serving
        What is served by now; it stays if it holds the same.

    Raises
    ------
    InvalidValueError
        If the model cannot take in items.

    Notes
    -----
    Costs what :func:`tastemap.inference.new_items.with_new_items` does: copies of the model's item side and of
    the training interactions, which each worker has for itself.
    """
    digest = sha256(orjson.dumps(rows)).hexdigest()
    if now.taken_in is not None and now.taken_in.digest == digest:
        return now
    recommender = loaded.recommender
    events = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
    value = "count" if recommender.train.interactions.is_implicit else "rating"
    grown = with_new_items(recommender, events.rename({"value": value}))
    if grown is recommender:
        return loaded
    is_new = recommender.items.indices(grown.items.ids) == UNKNOWN
    return replace(loaded, recommender=grown, taken_in=TakenIn(is_new, digest, recommender)).warmed()


def standing(events: Sequence[Event], scale: RatingScale | None) -> list[Row]:
    """What users' events come to, of each in order: each item of a user that stands."""
    moments: dict[tuple[str, str], list[Moment]] = {}
    for event in since_erasure(events):
        moments.setdefault((event.user_id, event.item_id), []).append(moment_of(event))
    outcomes = ((pair, settled(None, those, scale)) for pair, those in moments.items())
    return [(*pair, outcome[0], outcome[1]) for pair, outcome in outcomes if outcome is not None]
