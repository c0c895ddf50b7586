"""A history given at query time, read into the model's terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real

import numpy as np
import polars as pl

from tastemap.data import UNKNOWN, Id
from tastemap.errors import InvalidValueError, UnknownItemError, check_type, did_you_mean
from tastemap.linalg.csr import CSR, from_pairs
from tastemap.models.base import UserStates
from tastemap.models.recommender import Recommender, check_recommender


@dataclass(frozen=True, eq=False)
class History:
    """One user's own items, as a CSR of shape (1, I), and the ids that the model does not know."""

    items: CSR
    unknown: tuple[Id, ...]


def history_of(recommender: Recommender, ratings: Mapping[Id, float]) -> History:
    """The history of a person: ``item id -> rating in stars`` (or count, for implicit feedback).

    Unknown items are left out and listed.

    Raises
    ------
    UnknownItemError
        If no item is known; near matches of the first are listed.
    InvalidValueError
        If a rating is not finite, or lies outside the rating scale of the training data.
    """
    check_recommender(recommender)
    check_type("ratings", ratings, Mapping, "a mapping of item ids to ratings", "write it as {50: 5.0}")
    for id, rating in ratings.items():
        check_type(f"The rating of item {id!r}", rating, Real, "a number", "correct it")
    ids, values = list(ratings), np.array(list(ratings.values()), np.float32)
    _check_values(recommender, ids, values)
    # As text, so that 50 and "50" may stand in one history; an integer id reads back from its text.
    index = recommender.items.indices(pl.Series([str(id) for id in ids], dtype=pl.String))
    known = index != UNKNOWN
    if not known.any():
        named = ", ".join(repr(id) for id in ids[:3]) or "nothing"
        hint = did_you_mean(ids[0], recommender.items.near(str(ids[0]))) if ids else ""
        raise UnknownItemError(
            f"The history holds no item of the training data: it names {named}.{hint}",
            **({"id": ids[0]} if ids else {}),
        )
    kept = dict(zip(index[known].tolist(), values[known].tolist(), strict=True))
    columns = np.array(list(kept), np.int32)
    items = from_pairs(
        np.zeros(len(columns), np.int32),
        columns,
        np.array(list(kept.values()), np.float32),
        (1, len(recommender.items)),
    )
    return History(items, tuple(id for id, ok in zip(ids, known, strict=True) if not ok))


def fold_in(recommender: Recommender, ratings: Mapping[Id, float]) -> UserStates:
    """The state of a user known only by `ratings`: the same kind as a fitted user's.

    *Stability: caller-stable.*

    Parameters and errors as :func:`history_of`.
    """
    history = history_of(recommender, ratings)
    return recommender.model.fold_in(history.items)


def _check_values(
    recommender: Recommender, ids: list[Id], values: np.ndarray[tuple[int], np.dtype[np.float32]]
) -> None:
    scale = recommender.train.interactions.rating_scale
    low, high = (scale.low, scale.high) if scale else (np.nextafter(np.float32(0), np.float32(1)), np.inf)
    bad = ~(np.isfinite(values) & (values >= low) & (values <= high))
    if bad.any():
        allowed = f"from {scale.low:g} to {scale.high:g}" if scale else "above 0"
        worst = int(np.flatnonzero(bad)[0])
        raise InvalidValueError(f"Ratings must be {allowed}. Got {values[worst]:g} for item {ids[worst]!r}.")
