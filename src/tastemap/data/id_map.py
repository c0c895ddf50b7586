"""The only place where external ids become indices and back."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property
from typing import TypeAlias

import numpy as np
import polars as pl

from tastemap.data import ids
from tastemap.errors import DataError, UnknownItemError, UnknownUserError, did_you_mean
from tastemap.linalg.jit import kernel
from tastemap.linalg.types import BoolArray, Int32Array, Int64Array, IntArray

Id: TypeAlias = int | str
Ids: TypeAlias = Sequence[Id] | pl.Series | IntArray

UNKNOWN = -1
"""The index of an id that is not in the map."""

DENSE_SPAN = 2
"""Integer ids are looked up in a table if their range is at most this many times what is looked up."""

_CANONICAL = re.compile(ids.INTEGER, re.ASCII)

FEW = 128
"""Ids are searched one by one where the map has more than this many times what is looked up."""

FEW_TEXTS = 64
"""As many ids as text are read one by one before a column of them would be made."""


class IdMap:
    """An immutable, sorted mapping between ids (all int or all str) and indices 0 … n-1.

    Parameters
    ----------
    ids : sequence, Series or array
        Distinct or repeated ids; they are made distinct and sorted (text by code point).
    kind : {"user", "item"}
        Which side this is, for error messages.

    Raises
    ------
    DataError
        If the ids are neither all integers within 64 bits nor all text, or one is missing.
    """

    _hidden: frozenset[int] = frozenset()

    def __init__(self, ids: Ids, *, kind: str) -> None:
        self.kind = kind
        made = _as_series(ids, kind)
        if made.null_count():
            raise DataError(
                f"{kind} ids must not be missing. Got {made.null_count():,} missing ones; drop these rows."
            )
        self.ids: pl.Series = _distinct(made).rename(f"{kind}_id")

    @classmethod
    def from_sorted(cls, ids: pl.Series, *, kind: str) -> IdMap:
        """A map over ids that are known to be sorted and distinct (from an artifact): O(1)."""
        made = cls.__new__(cls)
        made.kind = kind
        made.ids = ids.rename(f"{kind}_id")
        return made

    def hiding(self, indices: IntArray) -> IdMap:
        """A map that does not find the ids of some indices, nor suggest them; the indices of all others stay.

        Who has such an index still gets its id.
        """
        made = IdMap.from_sorted(self.ids, kind=self.kind)
        made._hidden = self._hidden | frozenset(indices.tolist())
        return made

    def __len__(self) -> int:
        return len(self.ids)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, IdMap)
            and self.kind == other.kind
            and self.ids.dtype == other.ids.dtype
            and self.ids.equals(other.ids)
        )

    def __hash__(self) -> int:
        return hash((self.kind, len(self.ids)))

    @cached_property
    def is_integer(self) -> bool:
        """Whether ids are integers (else they are text)."""
        return self.ids.dtype == pl.Int64

    def indices(self, ids: Ids) -> Int32Array:
        """The index of each id, shape (n,), int32; :data:`UNKNOWN` (-1) where an id is not in the map.

        Ids of the other type are read across where that is unambiguous: ``"50"`` finds the integer
        id 50, and 50 finds the text id ``"50"``; ``"050"`` is unknown to an integer map. A few ids cost
        O(log n) each; many are looked up in a table or joined, in O(n).
        """
        if type(ids) is list and len(ids) <= FEW_TEXTS and all(type(id) is str for id in ids):
            return np.array([self.find(id) for id in ids], np.int32)
        queried = self._conform(_as_series(ids, self.kind))
        if len(queried) * FEW < len(self):
            return np.array([self._search(id) for id in queried.to_list()], np.int32)
        found = self._integer_indices(queried) if self.is_integer else self._text_indices(queried)
        return np.where(np.isin(found, list(self._hidden)), UNKNOWN, found) if self._hidden else found

    def index(self, id: Id) -> int:
        """The index of one id.

        Raises
        ------
        UnknownUserError, UnknownItemError
            If the id is not in the map; the message lists near matches.
        """
        found = self._search(id) if self._is_its_own(id) else int(self.indices([id])[0])
        if found == UNKNOWN:
            error = UnknownUserError if self.kind == "user" else UnknownItemError
            raise error(
                f"Unknown {self.kind} id {id!r}: it is not among the {len(self):,} {self.kind}s of the "
                f"training data.{did_you_mean(id, self.near(id))}",
                id=id,
            )
        return found

    def find(self, id: Id) -> int:
        """The index of one id, or :data:`UNKNOWN`: what :meth:`indices` answers, without its tables."""
        own = self.own_form(id)
        return UNKNOWN if own is None else self._search(own)

    def own_form(self, id: Id) -> Id | None:
        """An id as this map would hold it: the integer 50 for ``"50"``; None, as for ``"050"`` if not."""
        if not self.is_integer:
            return str(id)
        if isinstance(id, str):
            if not _CANONICAL.fullmatch(id):
                return None
            id = int(id)
        return id if -(2**63) <= id < 2**63 else None

    def take(self, indices: IntArray) -> pl.Series:
        """The ids of `indices`, which must be valid, as a Series named ``user_id`` or ``item_id``."""
        return self.ids.gather(np.asarray(indices, dtype=np.int64))

    def to_id(self, index: int) -> Id:
        """The id of one index."""
        found: Id = self.ids[int(index)]
        return found

    def _is_its_own(self, id: Id) -> bool:
        """Whether an id needs no conversion before it is searched for."""
        if type(id) is int:
            return self.is_integer and -(2**63) <= id < 2**63
        return type(id) is str and not self.is_integer

    def _search(self, id: Id | None) -> int:
        """The index of one id: a few us, where any expression of Polars takes longer to set up."""
        if id is None:
            return UNKNOWN
        sought: Int64Array | pl.Series = self._values if self.is_integer else self.ids
        place = bisect_left(sought, id)
        is_found = place < len(sought) and sought[place] == id and place not in self._hidden
        return place if is_found else UNKNOWN

    @cached_property
    def _values(self) -> Int64Array:
        return self.ids.to_numpy()

    def _text_indices(self, queried: pl.Series) -> Int32Array:
        table = pl.DataFrame({"id": self.ids, "index": np.arange(len(self), dtype=np.int32)})
        found = queried.rename("id").to_frame().join(table, on="id", how="left", maintain_order="left")
        return found["index"].fill_null(UNKNOWN).to_numpy()

    def _integer_indices(self, queried: pl.Series) -> Int32Array:
        known = queried.is_not_null().to_numpy() if queried.null_count() else None
        values = (queried.fill_null(0) if known is not None else queried).to_numpy()
        found = np.full(len(values), UNKNOWN, np.int32)
        if not len(self):
            return found
        low, high = int(self._values[0]), int(self._values[-1])
        if high - low < DENSE_SPAN * len(values):
            _look_up_dense(values, self._values, np.full(high - low + 1, UNKNOWN, np.int32), found)
        else:
            _look_up_sorted(values, self._values, found)
        return found if known is None else np.where(known, found, UNKNOWN).astype(np.int32)

    def _conform(self, ids: pl.Series) -> pl.Series:
        if ids.dtype == self.ids.dtype:
            return ids
        if self.is_integer:  # text that reads back the same, so "007" stays unknown
            numbers = ids.cast(pl.Int64, strict=False)
            same = numbers.cast(pl.String) == ids
            return numbers.zip_with(same.fill_null(False), pl.Series([None], dtype=pl.Int64))
        return ids.cast(pl.String)

    def near(self, id: Id) -> list[Id]:
        """Candidates for "did you mean": a window of neighbors in sorted order keeps this O(log n)."""
        query = self._conform(_as_series([id], self.kind))[0]
        if query is None:
            return []
        place = bisect_left(self.ids, query)
        first, last = max(0, place - 50), place + 50
        window = enumerate(self.ids[first:last].to_list(), first)
        return [candidate for index, candidate in window if index not in self._hidden]


def _distinct(ids: pl.Series) -> pl.Series:
    """The distinct ids, sorted: marked in a table where integers lie close together, else hashed."""
    if ids.dtype == pl.Int64 and len(ids) and not ids.null_count():
        values = ids.to_numpy()
        low, high = int(values.min()), int(values.max())
        if high - low < DENSE_SPAN * len(values):
            seen = np.zeros(high - low + 1, np.bool_)
            _mark(values, low, seen)
            return pl.Series(np.flatnonzero(seen) + low)
    return ids.unique().sort()


def _as_series(ids: Ids, kind: str) -> pl.Series:
    try:
        series = ids if isinstance(ids, pl.Series) else pl.Series(f"{kind}_id", ids, strict=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError) as error:
        _check_range([id for id in ids if isinstance(id, int) and not -(2**63) <= id < 2**63], kind)
        raise DataError(
            f"{kind} ids must be all integers or all text. Got a mixture or another type; "
            "make them text to keep them all."
        ) from error
    if series.dtype == pl.Null:
        return series.cast(pl.Int64)
    if series.dtype == pl.Int64:
        return series
    if series.dtype.is_integer():
        fitting = series.cast(pl.Int64, strict=False)
        _check_range(series.filter(fitting.is_null() & series.is_not_null()), kind)
        return fitting
    if series.dtype in (pl.Categorical, pl.Enum):
        return series.cast(pl.String)
    if series.dtype != pl.String:
        raise DataError(f"{kind} ids must be integers or text. Got {series.dtype}; convert the column first.")
    return series


def _check_range(too_large: Sequence[object] | pl.Series, kind: str) -> None:
    if len(too_large):
        raise DataError(
            f"{kind} ids that are integers must fit 64 bits, from -2^63 to 2^63 - 1. "
            f"Got {too_large[0]}; make them text."
        )


@kernel
def _mark(values: Int64Array, low: int, seen: BoolArray) -> None:
    """Which numbers from `low` on occur among values that are all in reach of `seen`."""
    for value in values:
        seen[value - low] = True


@kernel
def _look_up_dense(values: Int64Array, ids: Int64Array, table: Int32Array, found: Int32Array) -> None:
    """The place of each value among sorted ids, by a `table` over their range: O(n). Both start as unknown."""
    low, high = ids[0], ids[-1]
    for index in range(len(ids)):
        table[ids[index] - low] = index
    for place in range(len(values)):
        if low <= values[place] <= high:
            found[place] = table[values[place] - low]


@kernel
def _look_up_sorted(values: Int64Array, ids: Int64Array, found: Int32Array) -> None:
    """The same by binary search: O(n log U), no table."""
    for place in range(len(values)):
        index = np.searchsorted(ids, values[place])
        if index < len(ids) and ids[index] == values[place]:
            found[place] = index
