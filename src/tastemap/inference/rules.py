"""Which items a list may hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tastemap.data import UNKNOWN, Id, IdMap
from tastemap.errors import InvalidValueError
from tastemap.inference.where import matching
from tastemap.linalg.types import BoolArray, Int32Array
from tastemap.models.recommender import Recommender


@dataclass(frozen=True)
class Rules:
    """Limits on the candidates of a list; an item must satisfy all that are given.

    Parameters
    ----------
    exclude : sequence of ids
        Items that must not appear.
    only : sequence of ids or None
        The only items that may appear.
    where : str or None
        A filter over the catalog, see :mod:`tastemap.inference.where`.
    """

    exclude: Sequence[Id] = ()
    only: Sequence[Id] | None = None
    where: str | None = None

    def allowed(self, recommender: Recommender) -> tuple[BoolArray, list[str]]:
        """Items that may appear, shape (I,), bool; and notes on texts of `where` that no item has.

        Raises
        ------
        UnknownItemError
            If an id of `exclude` or `only` is unknown.
        FilterError
            If `where` does not parse.
        """
        items = recommender.items
        mask = np.ones(len(items), np.bool_)
        notes: list[str] = []
        if self.only is not None:
            mask[:] = False
            mask[_indices(items, self.only)] = True
        if self.exclude:
            mask[_indices(items, self.exclude)] = False
        if self.where is not None:
            meeting, notes = matching(recommender.catalog, self.where)
            mask &= meeting
        return mask, notes


def _indices(items: IdMap, ids: Sequence[Id]) -> Int32Array:
    """The index of each id in one look-up; raises for the first unknown one."""
    if isinstance(ids, str | int):
        raise InvalidValueError(f"exclude and only take a list of ids. Got {ids!r}; write [{ids!r}].")
    found = items.indices([str(id) for id in ids])
    unknown = np.flatnonzero(found == UNKNOWN)
    if len(unknown):
        items.index(ids[int(unknown[0])])  # raises, with near matches
    return found


def check_k(k: int) -> None:
    """Raise if a list length is not at least one."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise InvalidValueError(f"k, the length of a list, must be an integer >= 1. Got {k!r}.", k=str(k))
