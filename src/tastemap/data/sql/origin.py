"""What is remembered of rows that came from a database, so that newer ones can be added to them."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any, Self

import numpy as np
import polars as pl

from tastemap.data.columns import Columns
from tastemap.data.sql.query import DatabaseQuery, Since
from tastemap.errors import ColumnError
from tastemap.linalg.types import Int64Array


@dataclass(frozen=True, eq=False)
class Origin:
    """Where in a database rows came from; neither the database nor a password is a part of it.

    Parameters
    ----------
    query : str
        The statement, or the name of the table.
    user, item : str
        Columns, as the next parameters.
    value, time : str or None
        None where they are not used.
    is_count : bool
        Whether values are counts.
    watermark : str
        The column that only grows as rows are added.
    highest : int, float or str
        Its highest value among the rows that were read; a time as text, UTC.
    seen : array of shape (n,), int64
        Digests of the rows with that value, rising: those that are not new when they are read again.
    """

    query: str
    user: str
    item: str
    value: str | None
    time: str | None
    is_count: bool
    watermark: str
    highest: int | float | str
    seen: Int64Array

    @classmethod
    def of(cls, source: DatabaseQuery, columns: Columns, read: pl.DataFrame, *, has_times: bool) -> Self | None:
        """What to remember of the rows `read`; None where no column says which rows are newer.

        Raises
        ------
        ColumnError
            If the watermark that was named cannot order rows.
        """
        time = columns.time if has_times else None
        watermark = source.watermark or time
        if watermark is None:
            return None
        highest = _highest(read[watermark])
        if highest is None:
            if source.watermark is None:
                return None
            raise ColumnError(
                f"watermark={watermark!r} must be a column of numbers, texts or times, not all missing. "
                f"Got {read[watermark].dtype}; name another one.",
                column=watermark,
            )
        made = cls(
            source.query or "",
            columns.user,
            columns.item,
            columns.value,
            time,
            columns.is_count,
            watermark,
            highest,
            np.zeros(0, np.int64),
        )
        return replace(made, seen=np.sort(made._digests(read)))

    @property
    def columns(self) -> Columns:
        """The columns, as a reader of tables takes them."""
        return Columns(self.user, self.item, self.value, self.time, self.is_count)

    @property
    def names(self) -> list[str]:
        """All columns to read."""
        return names_of(self.columns, self.watermark)

    @property
    def since(self) -> Since:
        """Rows that may be newer: the highest value may have come again."""
        return Since(self.watermark, self.highest)

    def newer(self, read: pl.DataFrame) -> pl.DataFrame:
        """Of rows read since, those that were not there; rows that the watermark cannot order never count."""
        if not len(read):  # without a type either, in SQLite
            return read
        is_new = (self._ordered(read) > self.highest).fill_null(False).to_numpy().copy()
        known, places = Counter(self.seen.tolist()), np.flatnonzero(self._at_highest(read).to_numpy())
        for place, digest in zip(places, self._digests(read), strict=True):
            was_there = known[int(digest)] > 0
            known[int(digest)] -= was_there
            is_new[place] = not was_there
        return read.filter(pl.Series(is_new))

    def moved_on(self, new: pl.DataFrame) -> Self:
        """What to remember once new rows were added."""
        highest = _highest(self._ordered(new))
        if highest is None:
            return self
        moved = replace(self, highest=highest)
        before = self.seen if highest == self.highest else np.zeros(0, np.int64)
        return replace(moved, seen=np.sort(np.concatenate([before, moved._digests(new)])))

    def facts(self) -> dict[str, Any]:
        """Everything but `seen`, as data."""
        return {name: getattr(self, name) for name in _facts_of(self)}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any], seen: Int64Array) -> Self:
        """The origin of which `facts` were made."""
        return cls(**{name: facts[name] for name in _facts_of(cls)}, seen=seen)

    def _ordered(self, read: pl.DataFrame) -> pl.Series:
        """The watermarks, comparable with the highest; null where one is not."""
        column = read[self.watermark]
        if isinstance(self.highest, str):
            return _as_text(column)
        if column.dtype == pl.String:  # SQLite holds a text beside numbers
            column = column.cast(pl.Float64, strict=False)
        return column.set(~column.is_finite(), None) if column.dtype.is_float() else column

    def _at_highest(self, read: pl.DataFrame) -> pl.Series:
        return (self._ordered(read) == self.highest).fill_null(False)

    def _digests(self, read: pl.DataFrame) -> Int64Array:
        """A number for each row with the highest value, the same for the same row in any run."""
        rows = read.select(self.names).filter(self._at_highest(read))
        return np.array([_digest(row) for row in rows.iter_rows()], np.int64)


def _facts_of(origin: Origin | type[Origin]) -> list[str]:
    return [field.name for field in fields(origin) if field.name != "seen"]


def names_of(columns: Columns, watermark: str | None) -> list[str]:
    """The columns to read from a database."""
    return columns.names if watermark is None else list(dict.fromkeys((*columns.names, watermark)))


def _highest(column: pl.Series) -> int | float | str | None:
    """The highest value that is there, comparable with what the database holds."""
    if column.dtype.is_float():
        column = column.filter(column.is_finite())
    value = None if column.dtype in (pl.Boolean, pl.Null) else column.max()
    if isinstance(value, datetime | date):
        return str(_as_text(pl.Series([value], dtype=column.dtype)).item())
    return value if isinstance(value, int | float | str) else None


def _as_text(column: pl.Series) -> pl.Series:
    if column.dtype == pl.Date:
        return column.dt.strftime("%Y-%m-%d")
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.strftime("%Y-%m-%d %H:%M:%S%.6f")
    return column.cast(pl.String)


def _digest(row: Sequence[object]) -> int:
    text = "\x1f".join(map(_written, row))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)


def _written(value: object) -> str:
    """A value in one spelling, whether its column was read as integers or floats."""
    if isinstance(value, float) and math.isfinite(value) and value == math.floor(value):
        return str(int(value))
    return str(value)
