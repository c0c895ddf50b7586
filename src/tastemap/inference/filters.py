"""Filters over the catalog of a recommender, with what may be asked again kept."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from weakref import WeakKeyDictionary

import polars as pl

from tastemap.inference.where import matching, texts_of
from tastemap.linalg.types import BoolArray
from tastemap.models.recommender import Recommender

FILTERS_KEPT = 128
"""Filters whose answers are kept for a recommender; each takes a byte an item."""

Matched = tuple[BoolArray, list[str]]


class Filters:
    """Answers of :func:`tastemap.inference.where.matching` over one catalog; threads may share it.

    Parameters
    ----------
    frame : DataFrame
        The catalog, one row an item.
    """

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame
        self._texts: dict[str, pl.Series] = {}
        self._answers: OrderedDict[str, Matched] = OrderedDict()
        self._lock = Lock()

    def matching(self, expression: str) -> Matched:
        """Which items satisfy a filter, shape (I,), bool, not to be changed; and the notes on it.

        Raises
        ------
        FilterError
            As :func:`tastemap.inference.where.matching`.
        """
        with self._lock:
            if expression in self._answers:
                self._answers.move_to_end(expression)
                return self._answers[expression]
        found = matching(self._frame, expression, self._texts_of)
        with self._lock:
            self._answers[expression] = found
            if len(self._answers) > FILTERS_KEPT:
                self._answers.popitem(last=False)
        return found

    def keeps(self, expression: str) -> bool:
        """Whether the answer to a filter is kept, so that it comes at once."""
        return expression in self._answers

    def _texts_of(self, column: str) -> pl.Series:
        if column not in self._texts:  # two threads may both find them: the same texts
            self._texts[column] = texts_of(self._frame, column)
        return self._texts[column]


_OF: WeakKeyDictionary[Recommender, Filters] = WeakKeyDictionary()


def filters_of(recommender: Recommender) -> Filters:
    """The filters over what a recommender knows of its items."""
    found = _OF.get(recommender)
    return found if found is not None else _OF.setdefault(recommender, Filters(recommender.catalog))
