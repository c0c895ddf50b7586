"""Which items a list may hold, which stand first, and how different the others should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np

from tastemap.data import UNKNOWN, Id, IdMap
from tastemap.errors import InvalidValueError
from tastemap.inference.filters import filters_of
from tastemap.linalg.types import BoolArray, Int32Array
from tastemap.models.recommender import Recommender
from tastemap.plurals import plural


@dataclass(frozen=True)
class Rules:
    """What a list must keep to; an item must satisfy all limits that are given.

    Parameters
    ----------
    exclude : sequence of ids
        Items that must not appear.
    only : sequence of ids or None
        The only items that may appear.
    where : str or None
        A filter over the catalog, see :mod:`tastemap.inference.where`.
    min_support : int
        Items with fewer training interactions may not appear, >= 0.
    pins : sequence of ids
        Items that stand first, in this order, and count among the k. A pin may have been seen, and may have
        less than `min_support`; `exclude`, `only` and `where` hold for it as for any other, and what they leave
        out is noted.
    diversity : float
        From 0, the best items, to 1, the items least like those above them; see
        :mod:`tastemap.inference.diversity`.
    """

    exclude: Sequence[Id] = ()
    only: Sequence[Id] | None = None
    where: str | None = None
    min_support: int = 0
    pins: Sequence[Id] = ()
    diversity: float = 0.0

    def is_ready(self, recommender: Recommender) -> bool:
        """Whether :meth:`prepare` is quick: there is no `where`, or its answer is kept."""
        return self.where is None or filters_of(recommender).keeps(self.where)

    def prepare(self, recommender: Recommender) -> Prepared:
        """The same in terms of the model, to be made once for many lists; O(I). The answer to `where` is kept.

        Raises
        ------
        UnknownItemError
            If an id of `exclude`, `only` or `pins` is unknown.
        FilterError
            If `where` does not parse.
        InvalidValueError
            If `min_support` or `diversity` is out of range, or `diversity` is above 0 and the model does not
            tell items apart.
        """
        self._check_values()
        items = recommender.items
        mask = np.ones(len(items), np.bool_)
        notes: list[str] = []
        if self.only is not None:
            mask[:] = False
            mask[_indices(items, self.only)] = True
        if self.exclude:
            mask[_indices(items, self.exclude)] = False
        if self.where is not None:
            meeting, found = filters_of(recommender).matching(self.where)
            mask &= meeting
            notes += found
        pins = np.array(list(dict.fromkeys(_indices(items, self.pins).tolist())), np.int32)
        left_out = pins[~mask[pins]]
        if len(left_out):
            named = ", ".join(repr(items.to_id(int(item))) for item in left_out[:3])
            pinned = plural(len(left_out), "pinned item")
            notes.append(f"{pinned} left out by exclude, only or where: {named}.")
        pins = pins[mask[pins]]
        if self.min_support:
            mask &= recommender.train.interactions.popularity >= self.min_support
        if self.diversity:
            recommender.model.similarities(pins)  # raises where items have no vectors
        return Prepared(mask, pins, float(self.diversity), tuple(notes))

    def _check_values(self) -> None:
        support, diversity = self.min_support, self.diversity
        if isinstance(support, bool) or not isinstance(support, int | np.integer) or support < 0:
            raise InvalidValueError(
                f"min_support must be an integer >= 0, in training interactions. Got {support!r}; 0 leaves "
                "nothing out."
            )
        if isinstance(diversity, bool) or not isinstance(diversity, Real) or not 0.0 <= diversity <= 1.0:
            raise InvalidValueError(
                f"diversity must be from 0 (the best items) to 1 (the most different). Got {diversity!r}; "
                "take a number between them."
            )


@dataclass(frozen=True, eq=False)
class Prepared:
    """Rules in terms of a model.

    Parameters
    ----------
    allowed : array of shape (I,), bool
        Items that may appear without being pinned.
    pins : array of shape (p,), int32
        Items that stand first, those that may.
    diversity : float
    notes : tuple of str
        On texts of `where` that no item has, and on pins that are left out.
    """

    allowed: BoolArray
    pins: Int32Array
    diversity: float = 0.0
    notes: tuple[str, ...] = ()


def _indices(items: IdMap, ids: Sequence[Id]) -> Int32Array:
    """The index of each id in one look-up; raises for the first unknown one."""
    if isinstance(ids, str | int):
        raise InvalidValueError(f"exclude, only and pins take a list of ids. Got {ids!r}; write [{ids!r}].")
    found = items.indices([str(id) for id in ids])
    unknown = np.flatnonzero(found == UNKNOWN)
    if len(unknown):
        items.index(ids[int(unknown[0])])  # raises, with near matches
    return found


def check_k(k: int) -> None:
    """Raise if a list length is not at least one."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise InvalidValueError(f"k, the length of a list, must be an integer >= 1. Got {k!r}.", k=str(k))
