"""Who a list is for: a fitted user, a history, or somebody of whom nothing is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tastemap.data import UNKNOWN, Id
from tastemap.errors import InvalidValueError, UnknownUserError
from tastemap.inference.history import history_of
from tastemap.inference.notes import unknown_items
from tastemap.linalg.csr import CSR, empty_rows
from tastemap.linalg.types import BoolArray, Float32Array, Int32Array, Int64Array
from tastemap.models.base import UserStates
from tastemap.service.database.records import Event
from tastemap.service.live.serving import Serving
from tastemap.service.live.settling import (
    NO_TIME,
    Moment,
    Standing,
    is_erased,
    moment_of,
    settled,
    since_erasure,
)

Basis = Literal["user", "history", "popularity"]


@dataclass(frozen=True, eq=False)
class Entries:
    """The items of one person, by rising item index.

    Parameters
    ----------
    items : array of shape (s,), int32
    values : array of shape (s,), float32
        Stars, or counts.
    times : array of shape (s,), int64
        Seconds since 1970; -1 where nobody knows.
    from_event : array of shape (s,), bool
        Whether an event says so, else the training data.
    n_unknown : int
        Items that the model does not know yet, of which events say that the person has them.
    """

    items: Int32Array
    values: Float32Array
    times: Int64Array
    from_event: BoolArray
    n_unknown: int = 0

    def row(self, n_items: int, *, timed: bool) -> CSR:
        """The entries as a matrix of shape (1, I)."""
        bounds = np.array([0, len(self.items)], np.int64)
        return CSR(bounds, self.items, self.values, n_items, self.times if timed else None)


@dataclass(frozen=True, eq=False)
class Person:
    """What a list, a prediction or a reason starts from.

    Parameters
    ----------
    serving : Serving
        The version that the indices are of.
    user_id : int, str or None
        As the model or the request writes it; None for a history alone.
    user_index : int
        Of a fitted user whose state is the fitted one; -1 otherwise.
    basis : {"user", "history", "popularity"}
    states : UserStates of length 1
    history : CSR of shape (1, I)
    notes : tuple of str
    """

    serving: Serving
    user_id: Id | None
    user_index: int
    basis: Basis
    states: UserStates
    history: CSR
    notes: tuple[str, ...] = ()

    def noted(self, *notes: str) -> Person:
        """The same, with more to know."""
        return replace(self, notes=(*self.notes, *notes))


def person_of_user(serving: Serving, user_id: Id, events: Sequence[Event]) -> Person:
    """A user, by what the model has fitted if no `events` came after, else folded in from all that is known."""
    user_index = serving.recommender.users.find(user_id)
    if user_index == UNKNOWN and not events:
        return _nobody(serving, _as_written(serving, user_id))
    model = serving.recommender.model
    if not events:
        index = np.array([user_index])
        history = serving.recommender.train.interactions.by_user.take(index)
        return Person(serving, _own_id(serving, user_index), user_index, "user", model.users(index), history)
    entries = laid_over(serving, user_index, events)
    is_known = user_index != UNKNOWN and not is_erased(events)
    known_id = _own_id(serving, user_index) if is_known else _as_written(serving, user_id)
    if not len(entries.items):
        return _nobody(serving, known_id, tuple(unknown_items(entries.n_unknown)))
    timed = serving.recommender.train.interactions.timestamps is not None
    history = entries.row(model.n_items, timed=timed)
    notes = tuple(unknown_items(entries.n_unknown))
    return Person(serving, known_id, UNKNOWN, "history", model.fold_in(history), history, notes)


def person_of_history(serving: Serving, ratings: Mapping[Id, float | None]) -> Person:
    """Somebody known only by some ratings; of nobody's ratings nothing is known.

    An interaction without a count, None, counts once; a rating model needs ratings.

    Raises
    ------
    UnknownItemError, InvalidValueError
        As :func:`tastemap.inference.history.history_of`.
    """
    if not ratings:
        return _nobody(serving, None)
    scale = serving.recommender.train.interactions.rating_scale
    unrated = [id for id, rating in ratings.items() if rating is None]
    if unrated and scale is not None:
        raise InvalidValueError(
            f"rating must be from {scale.low:g} to {scale.high:g}. Got none for item {unrated[0]!r}; say how "
            "much it was liked.",
            argument="rating",
        )
    found = history_of(
        serving.recommender, {id: 1.0 if rating is None else rating for id, rating in ratings.items()}
    )
    notes = tuple(unknown_items(len(found.unknown), found.unknown))
    states = serving.recommender.model.fold_in(found.items)
    return Person(serving, None, UNKNOWN, "history", states, found.items, notes)


def without(person: Person, drop: Sequence[Id]) -> Person:
    """Somebody's history folded in again without some entries; ids that are not in it change nothing."""
    serving = person.serving
    dropped = serving.recommender.items.indices([str(id) for id in drop])
    row, kept = person.history, ~np.isin(person.history.indices, dropped)
    if kept.all():
        return person
    if not kept.any():
        return _nobody(serving, person.user_id)
    times = None if row.times is None else row.times[kept]
    bounds = np.array([0, kept.sum()], np.int64)
    history = CSR(bounds, row.indices[kept], row.values[kept], row.n_columns, times)
    states = serving.recommender.model.fold_in(history)
    return replace(person, user_index=UNKNOWN, basis="history", states=states, history=history)


def entries_of(serving: Serving, user_id: Id, events: Sequence[Event]) -> Entries:
    """All that is known of a user.

    Raises
    ------
    UnknownUserError
        If that is nothing; near matches are listed.
    """
    users = serving.recommender.users
    user_index = users.find(user_id)
    entries = laid_over(serving, user_index, events)
    if len(entries.items) or entries.n_unknown:
        return entries
    if user_index == UNKNOWN:
        users.index(user_id)  # raises, with near matches
    raise UnknownUserError(f"Unknown user id {user_id!r}: nothing is stored of this user.", id=user_id)


def laid_over(serving: Serving, user_index: int, events: Sequence[Event]) -> Entries:
    """The training row of a user (none for -1) with `events`, given by rising ``seq``, laid over it.

    The rule is that of :mod:`tastemap.service.live.settling`.
    """
    data = serving.recommender.train.interactions
    start, stop = data.by_user.indptr[user_index : user_index + 2] if user_index != UNKNOWN else (0, 0)
    items, values = data.item_index[start:stop], data.values[start:stop]
    times = np.full(len(items), NO_TIME) if data.timestamps is None else data.timestamps[start:stop]
    if not events:
        return Entries(items, values, times, np.zeros(len(items), np.bool_))
    is_kept = np.ones(len(items), np.bool_) if serving.taken_in is None else ~serving.taken_in.is_new[items]
    standing = since_erasure(events)
    if len(standing) < len(events):
        is_kept[:] = False
    unknown, news = dict[str, list[Moment]](), dict[int, list[Moment]]()
    index = serving.recommender.items.indices([event.item_id for event in standing]).tolist()
    for event, item in zip(standing, index, strict=True):
        if item == UNKNOWN:
            unknown.setdefault(event.item_id, []).append(moment_of(event))
        else:
            news.setdefault(item, []).append(moment_of(event))
    rows: dict[int, Standing] = {}
    places = np.searchsorted(items, np.array(sorted(news), np.int32)).tolist()
    for item, place in zip(sorted(news), places, strict=True):
        is_trained = place < len(items) and items[place] == item and bool(is_kept[place])
        trained = (float(values[place]), int(times[place]), False) if is_trained else None
        if is_trained:
            is_kept[place] = False
        outcome = settled(trained, news[item], data.rating_scale)
        if outcome is not None:
            rows[item] = outcome
    own = Entries(items[is_kept], values[is_kept], times[is_kept], np.zeros(int(is_kept.sum()), np.bool_))
    n_unknown = sum(settled(None, moments, data.rating_scale) is not None for moments in unknown.values())
    return _joined(own, rows, n_unknown)


def _joined(trained: Entries, rows: Mapping[int, Standing], n_unknown: int) -> Entries:
    """The training entries that stand, and what events have come to, in one order."""
    items = np.concatenate((trained.items, np.array(list(rows), np.int32)))
    order, news = np.argsort(items, kind="stable"), rows.values()
    return Entries(
        items[order],
        np.concatenate((trained.values, np.array([row[0] for row in news], np.float32)))[order],
        np.concatenate((trained.times, np.array([row[1] for row in news], np.int64)))[order],
        np.concatenate((trained.from_event, np.array([row[2] for row in news], np.bool_)))[order],
        n_unknown,
    )


def _nobody(serving: Serving, user_id: Id | None, notes: tuple[str, ...] = ()) -> Person:
    model = serving.recommender.model
    said = "Nothing is known of this user: this is what everybody would get."
    return Person(
        serving,
        user_id,
        UNKNOWN,
        "popularity",
        model.users(np.array([UNKNOWN])),
        empty_rows(1, model.n_items),
        (said, *notes),
    )


def _as_written(serving: Serving, user_id: Id) -> Id:
    """An unknown id as the model would write it, as far as it could hold it."""
    own = serving.recommender.users.own_form(user_id)
    return user_id if own is None else own


def _own_id(serving: Serving, user_index: int) -> Id:
    return serving.recommender.users.to_id(user_index)
