"""How the times of a table are written, and what is said of values that cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tastemap.data.columns import Columns
from tastemap.data.rows import A_TIME, SHOWN, unused_time
from tastemap.data.times import TimeForm
from tastemap.engines.columns import BAD_TIME, BAD_VALUE
from tastemap.errors import DataError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SAMPLED_TIMES = 10_000


def time_form(
    raw: DataFrame, columns: Columns, *, has_given_time: bool
) -> tuple[TimeForm | None, tuple[str, ...]]:
    """How times are written, by values from all over the table; None where these are no times.

    Raises
    ------
    DataError
        If they are none, and the caller named the column.
    """
    from pyspark.sql import functions as F

    if columns.time is None:
        return None, ()
    kind = dict(raw.dtypes)["time"]
    is_there = F.col("time").isNotNull()
    if kind in ("date", "timestamp", "timestamp_ntz"):
        if raw.filter(is_there).take(1):
            return TimeForm("date"), ()
        return None, (unused_time(columns.time, is_empty=True),)
    given = raw.select("time").filter(is_there & (F.trim("time") != "") if kind == "string" else is_there)
    n = given.count()
    # A table is often sorted by time, so that its first rows say little of the others.
    spread = given if n <= SAMPLED_TIMES else given.sample(fraction=SAMPLED_TIMES / n, seed=0)
    sample = pl.Series("time", [one["time"] for one in spread.collect()])
    return form_of(sample, columns.time, n, has_given_time=has_given_time)


def form_of(
    sample: pl.Series, column: str, n: int, *, has_given_time: bool
) -> tuple[TimeForm | None, tuple[str, ...]]:
    """How a sample of `n` times is written; as :func:`time_form` says it."""
    form = TimeForm.of(sample) if len(sample) else TimeForm("none")
    if len(sample) and form.seconds(sample).is_not_null().any():
        return form, () if form.note is None else (form.note,)
    if len(sample) and has_given_time:
        raise _bad(column, A_TIME, sample[:SHOWN].to_list(), n)
    return None, (unused_time(column, is_empty=not len(sample)),)


def unreadable(
    raw: DataFrame, columns: Columns, column: str, n_bad: int, reason: int, times: TimeForm | None
) -> DataError:
    """The error that shows three of the values that cannot be read."""
    from pyspark.sql import functions as F

    if reason == BAD_VALUE:
        number = F.trim(F.col("value").cast("string"))
        is_bad = F.col("value").isNull() | ~number.rlike(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
        role, allowed = "value", f"a finite number, as a {'count' if columns.is_count else 'rating'} must be"
    else:
        is_bad = F.col("time").isNotNull()
        role, allowed = "time", A_TIME
    taken = (
        raw.filter(is_bad).select(role).limit(SHOWN if reason == BAD_VALUE else SAMPLED_TIMES * 10).collect()
    )
    values = [one[role] for one in taken]
    if reason == BAD_TIME and times is not None:
        read = times.seconds(pl.Series("time", values))
        values = [values[place] for place in np.flatnonzero(read.is_null().to_numpy())[:SHOWN]]
    return _bad(column, allowed, values, n_bad)


def _bad(column: str, allowed: str, values: Sequence[object], n_bad: int) -> DataError:
    shown = ", ".join("nothing" if value is None else repr(value) for value in values) or "other values"
    return DataError(
        f"Column {column!r} must be {allowed}. Got {shown} in {n_bad:,} rows; mend or remove these rows.",
        column=column,
        n_bad=n_bad,
    )
