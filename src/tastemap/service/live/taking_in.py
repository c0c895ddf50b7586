"""Items that the fit never saw, taken in once enough users have had to do with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from tastemap.data import UNKNOWN
from tastemap.data.id_map import IdMap
from tastemap.data.interactions import RatingScale
from tastemap.inference.new_items import FEWEST_USERS, with_new_items
from tastemap.service.database.records import Event
from tastemap.service.database.store import Store
from tastemap.service.live.serving import Serving
from tastemap.service.live.settling import Moment, moment_of, settled, since_erasure

_SCHEMA = {
    "user_id": pl.String,
    "item_id": pl.String,
    "value": pl.Float32,
    "timestamp": pl.Int64,
}


def new_items(serving: Serving, store: Store) -> dict[str, list[Event]]:
    """Items that the model lacks and at least five users of events have, with their events since the fit.

    Raises
    ------
    DatabaseError
        If events cannot be read.

    Notes
    -----
    Costs a look at every event since the fit.
    """
    known = _Known(serving.recommender.items)
    return store.new_items(known, after=serving.events_through, at_least=FEWEST_USERS)


def with_items(serving: Serving, store: Store, found: Mapping[str, Sequence[Event]]) -> Serving:
    """What is served, with new items.

    Parameters
    ----------
    serving : Serving
        As loaded: nothing taken in yet.
    store : Store
    found : mapping
        Of :func:`new_items`.

    Raises
    ------
    InvalidValueError
        If the model cannot take in items.
    DatabaseError
        If events cannot be read.

    Notes
    -----
    Costs what :func:`tastemap.inference.new_items.with_new_items` does: copies of the model's item side and of
    the training interactions.
    """
    recommender, through = serving.recommender, serving.events_through
    users = sorted({event.user_id for events in found.values() for event in events})
    # Of new users all events are needed: their own vectors come from the items that the model knows.
    scale = recommender.train.interactions.rating_scale
    rows = [row for user in users for row in standing(store.events_of(user, through), scale)]
    events = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
    value = "count" if scale is None else "rating"
    grown = with_new_items(recommender, events.rename({"value": value}))
    if grown is recommender:
        return serving
    taken_in = recommender.items.indices(grown.items.ids) == UNKNOWN
    return replace(serving, recommender=grown, taken_in=taken_in).warmed()


def standing(events: Sequence[Event], scale: RatingScale | None) -> list[tuple[str, str, float, int]]:
    """What a user's events come to: ``user_id, item_id, value, time`` of each item that stands."""
    moments: dict[tuple[str, str], list[Moment]] = {}
    for event in since_erasure(events):
        moments.setdefault((event.user_id, event.item_id), []).append(moment_of(event))
    outcomes = ((pair, settled(None, those, scale)) for pair, those in moments.items())
    return [(*pair, outcome[0], outcome[1]) for pair, outcome in outcomes if outcome is not None]


class _Known:
    """Ids, as text, that the model knows; one that it could never hold is not to be asked for either."""

    def __init__(self, ids: IdMap) -> None:
        self._ids = ids

    def __contains__(self, id: object) -> bool:
        return self._ids.own_form(str(id)) is None or self._ids.find(str(id)) != UNKNOWN
