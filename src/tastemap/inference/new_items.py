"""Items that a fit never saw, taken in from events, without a fit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from tastemap.data import UNKNOWN, IdMap, Interactions, make_interactions
from tastemap.data.ids import conform
from tastemap.errors import InvalidValueError
from tastemap.linalg.csr import CSR, row_numbers
from tastemap.linalg.types import BoolArray, Int32Array, Int64Array
from tastemap.models.config import positive_min_of
from tastemap.models.recommender import Recommender, check_recommender

FEWEST_USERS = 5
"""Users that an item needs where nobody says another number: of fewer a vector says little."""


def with_new_items(
    recommender: Recommender, events: pl.DataFrame, *, min_users: int = FEWEST_USERS
) -> Recommender:
    """The same recommender with the items of `events` that it does not know, the users as they are.

    *Stability: experimental.*

    Parameters
    ----------
    recommender : Recommender
        Of ``als``, ``ials``, ``dot`` or ``bias``.
    events : DataFrame
        ``user_id, item_id``, ``rating`` in stars or ``count``, and perhaps ``timestamp`` (seconds since 1970).
        A missing column of counts is all ones; rows without times are the latest. Repeated pairs are settled
        as in any data set. Rows of known users on known items take no part.
    min_users : int
        Items that fewer users have are left out, >= 1. Users whom the model does not know are folded in from
        their events on known items; those without any are not counted. Values below the model's `positive_min`
        are not counted either.

    Returns
    -------
    Recommender
        Ids are in sorted order again, so indices move. The training interactions hold the rows of known users
        on the new items; unknown users do not become known. The catalog is the same. `recommender` itself where
        there is no new item.

    Raises
    ------
    InvalidValueError
        If the model cannot take in items, a value is out of range, or a column is missing.

    Notes
    -----
    Cost O(n d^2 + J d^3) for n interactions with J new items, and copies of the model's arrays and of the
    training interactions. With ``als`` and ``ials`` a last half step of the fit would give the new items the
    same vectors. The users do not move: what their rows on new items say of them only a fit can tell, and
    reasons show it as a remainder.
    """
    check_recommender(recommender)
    if isinstance(min_users, bool) or not isinstance(min_users, int | np.integer) or min_users < 1:
        raise InvalidValueError(f"min_users must be an integer >= 1. Got {min_users!r}; take 5.")
    _check_columns(recommender, events)
    found = None if events.is_empty() else _find(recommender, _settled(recommender, events), int(min_users))
    if found is None:
        return recommender
    train = recommender.train
    merged = _merged(train.interactions, found)
    model = recommender.model.with_items(found.places, *_histories(merged, found))
    n_added = len(merged) - len(train.interactions)
    report = replace(train.report, n_rows=train.report.n_rows + n_added, n_kept=train.report.n_kept + n_added)
    return replace(recommender, model=model, train=replace(train, interactions=merged, report=report))


@dataclass(frozen=True, eq=False)
class _Found:
    """What events say of new items, in terms of the items I known and J new ones together.

    Parameters
    ----------
    events : Interactions
    user : array of shape (E,), int32
        The known user of each event; -1: an unknown one.
    item : array of shape (E,), int32
        Among all items; -1: an item that is left out.
    is_new : array of shape (E,), bool
        Whether the item is new, and not left out.
    items : IdMap
        Of all items.
    before : array of shape (I,), int32
        Where the known ones stand now.
    places : array of shape (J,), int32
        Where the new ones do.
    """

    events: Interactions
    user: Int32Array
    item: Int32Array
    is_new: BoolArray
    items: IdMap
    before: Int32Array
    places: Int32Array


def _check_columns(recommender: Recommender, events: pl.DataFrame) -> None:
    needed = {"user_id", "item_id"} | (set() if recommender.train.interactions.is_implicit else {"rating"})
    missing = needed - set(events.columns)
    if missing:
        raise InvalidValueError(
            f"events must have the columns {', '.join(sorted(needed))}. Got {', '.join(events.columns)}; add "
            f"{', '.join(sorted(missing))}."
        )


def _settled(recommender: Recommender, events: pl.DataFrame) -> Interactions:
    """Events as interactions: one row a pair, values checked."""
    data = recommender.train.interactions
    value = "count" if data.is_implicit else "rating"
    values = events[value].to_numpy() if value in events.columns else np.ones(len(events))
    times = None
    if data.timestamps is not None:
        latest = int(data.timestamps.max(initial=0))
        given = events["timestamp"] if "timestamp" in events.columns else pl.Series([latest] * len(events))
        times = given.fill_null(latest).cast(pl.Int64).to_numpy()
    made, _ = make_interactions(
        events["user_id"].cast(pl.String),
        _item_ids(recommender.items, events["item_id"]),
        values.astype(np.float32),
        timestamps=times,
        rating_scale=data.rating_scale,
    )
    return made


def _item_ids(items: IdMap, given: pl.Series) -> pl.Series:
    own = conform(given, items.ids.dtype)
    odd = given.filter(own.is_null())
    if len(odd):
        raise InvalidValueError(
            f"item_id must be an integer for this model, whose item ids all are. Got {odd[0]!r}; leave it out, "
            "or fit with text ids."
        )
    return own


def _find(recommender: Recommender, events: Interactions, min_users: int) -> _Found | None:
    """What there is of new items; None where there is nothing."""
    known = recommender.items
    user = recommender.users.indices(events.users.ids)[events.user_index]
    is_new = known.indices(events.items.ids)[events.item_index] == UNKNOWN
    counts = events.by_user.reaches(positive_min_of(recommender.resolved))
    # Whom the model does not know must have something that it knows, to be folded in from.
    has_known = np.bincount(events.user_index[~is_new & counts], minlength=events.n_users) > 0
    is_new &= (user != UNKNOWN) | has_known[events.user_index]
    support = np.bincount(events.item_index[is_new & counts], minlength=events.n_items)
    is_new &= support[events.item_index] >= min_users
    if not is_new.any():
        return None
    new_ids = events.items.take(np.unique(events.item_index[is_new]))
    items = IdMap(pl.concat([known.ids, new_ids]), kind="item")
    item = items.indices(events.items.ids)[events.item_index]
    return _Found(events, user, item, is_new, items, items.indices(known.ids), items.indices(new_ids))


def _merged(train: Interactions, found: _Found) -> Interactions:
    """The training interactions with the rows of known users on new items; O(n), and one copy."""
    added, events = np.flatnonzero(found.is_new & (found.user != UNKNOWN)), found.events
    added = added[np.lexsort((found.item[added], found.user[added]))]
    user, item = found.user[added], found.item[added]
    at = _places(train, found, user, item)
    times = None
    if train.timestamps is not None and events.timestamps is not None:
        times = np.insert(train.timestamps, at, events.timestamps[added])
    return Interactions(
        train.users,
        found.items,
        np.insert(train.user_index, at, user),
        np.insert(found.before[train.item_index], at, item),
        np.insert(train.values, at, events.values[added]),
        times,
        train.rating_scale,
        folds=None,  # official ones are those of the rows that the data set came with
    )


def _places(train: Interactions, found: _Found, user: Int32Array, item: Int32Array) -> Int64Array:
    """Before which training row each new one belongs, of rows sorted by user, then item.

    Training rows keep their order, since ids of both kinds are sorted: a look at those of the users is enough.
    """
    who, own = np.unique(user, return_inverse=True)
    theirs, n = train.by_user.take(who), len(found.items)
    stand = row_numbers(theirs.indptr) * np.int64(n) + found.before[theirs.indices]
    within = np.searchsorted(stand, own * n + item) - theirs.indptr[own]
    places: Int64Array = train.by_user.indptr[who[own]] + within
    return places


def _histories(merged: Interactions, found: _Found) -> tuple[CSR, Int64Array]:
    """All that is known of the users of new items, (U', I + J); and who they are, unknown ones (-1) last."""
    events = found.events
    known = np.unique(found.user[found.is_new & (found.user != UNKNOWN)])
    theirs = merged.by_user.take(known)
    strangers = np.zeros(events.n_users, np.bool_)
    strangers[events.user_index[found.is_new & (found.user == UNKNOWN)]] = True
    kept = strangers[events.user_index] & (found.item != UNKNOWN)
    lengths = np.bincount(events.user_index[kept], minlength=events.n_users)[strangers]
    histories = CSR(
        np.concatenate([theirs.indptr, theirs.indptr[-1] + np.cumsum(lengths)]),
        np.concatenate([theirs.indices, found.item[kept]]),
        np.concatenate([theirs.values, events.values[kept]]),
        merged.n_items,
        None
        if theirs.times is None or events.timestamps is None
        else np.concatenate([theirs.times, events.timestamps[kept]]),
    )
    return histories, np.concatenate([known, np.full(len(lengths), UNKNOWN)])
