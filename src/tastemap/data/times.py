"""Times to whole seconds since 1970, UTC: from seconds or finer units, from text, from date columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import polars as pl

# A number of this size or more is in the unit: 1e11 s is the year 5138, 1e11 ms is 1973.
UNITS = ((1e17, 1_000_000_000, "nanoseconds"), (1e14, 1_000_000, "microseconds"), (1e11, 1_000, "milliseconds"))
SAMPLE_ROWS = 100_000
ISO_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M%z")


@dataclass(frozen=True)
class TimeForm:
    """How a column writes its times, as recognized from its values.

    Parameters
    ----------
    kind : {"date", "number", "iso", "none"}
        A column of dates, numbers (maybe as text), ISO 8601 as text, or nothing that is a time.
    per_second : int
        Of numbers: how many make a second.
    note : str or None
        What is converted, as a sentence.
    """

    kind: Literal["date", "number", "iso", "none"]
    per_second: int = 1
    note: str | None = None

    @classmethod
    def of(cls, times: pl.Series) -> Self:
        """The form of a column: numbers (seconds, or finer units recognized by their size), datetimes or dates
        (UTC where they carry no zone), or text of numbers or of ISO 8601 datetimes, whichever reads more.
        """
        if isinstance(times.dtype, pl.Datetime | pl.Date):
            return cls("date")
        if times.dtype == pl.String:
            numbers = _numbers_of_text(times)
            n_missing = times.null_count()
            if numbers.null_count() > n_missing and _from_iso(times).null_count() < numbers.null_count():
                return cls("iso", note="Times read as ISO 8601 datetimes, UTC where they carry no zone.")
            return cls._of_numbers(numbers)
        return cls._of_numbers(times) if times.dtype.is_numeric() else cls("none")

    @classmethod
    def _of_numbers(cls, times: pl.Series) -> Self:
        times = _possible(times)
        # A median of 25 million rows costs seconds, one of every n-th row tells the unit as well.
        sampled = times if times.null_count() else times.gather_every(len(times) // SAMPLE_ROWS + 1)
        typical = sampled.median()
        size = abs(float(typical)) if isinstance(typical, int | float) else 0.0
        for smallest, per_second, unit in UNITS:
            if size >= smallest:
                return cls("number", per_second, f"Times are in {unit}; converted to seconds.")
        return cls("number")

    def seconds(self, times: pl.Series) -> pl.Series:
        """Whole seconds since 1970 of times in this form, int64, null where one cannot be read."""
        if self.kind == "date":
            return times.dt.epoch("s").cast(pl.Int64)
        if self.kind == "none":
            return pl.Series(times.name, [None] * len(times), dtype=pl.Int64)
        if self.kind == "iso":
            return _from_iso(times.cast(pl.String))  # a part of the column may look like numbers, or be empty
        numbers = _possible(_numbers_of_text(times) if times.dtype == pl.String else times)
        if self.per_second > 1:
            return (numbers // self.per_second).cast(pl.Int64)
        if numbers.dtype == pl.Int64:
            return numbers
        return (numbers.floor() if numbers.dtype.is_float() else numbers).cast(pl.Int64, strict=False)


def _numbers_of_text(times: pl.Series) -> pl.Series:
    """Text as whole numbers, or with fractions where one has them; null where it is no number."""
    text = times.str.strip_chars()
    numbers, whole = text.cast(pl.Float64, strict=False), text.cast(pl.Int64, strict=False)
    return whole if whole.null_count() == numbers.null_count() else numbers


def _possible(times: pl.Series) -> pl.Series:
    """Floats that can be times: 2**62 or more in any unit is none, and would not fit whole seconds."""
    if not times.dtype.is_float():
        return times
    return pl.select(pl.when(times.is_finite() & (times.abs() < 2.0**62)).then(times)).to_series()


def _from_iso(times: pl.Series) -> pl.Series:
    # One shape before parsing: a T between date and time, midnight for a bare date, an offset at the end.
    text = pl.col("time").str.strip_chars().str.replace(r"^(\d{4}-\d\d-\d\d) +", "${1}T")
    text = text.str.replace(r"^(\d{4}-\d\d-\d\d)$", "${1}T00:00").str.replace(r" ?(Z|z|UTC)$", "+00:00")
    has_offset = text.str.contains(r"T.*[+-]\d\d(:?\d\d)?$")
    text = pl.when(has_offset).then(text.str.replace(r"([+-]\d\d)$", "${1}:00")).otherwise(text + "+00:00")
    parsed = pl.coalesce(text.str.to_datetime(form, time_unit="us", strict=False) for form in ISO_FORMATS)
    return times.rename("time").to_frame().select(parsed.dt.epoch("s")).to_series().rename(times.name)
