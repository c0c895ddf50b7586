"""Times to whole seconds since 1970, UTC: from seconds or finer units, from text, from date columns."""

from __future__ import annotations

import polars as pl

# A number of this size or more is in the unit: 1e11 s is the year 5138, 1e11 ms is 1973.
UNITS = ((1e17, 1_000_000_000, "nanoseconds"), (1e14, 1_000_000, "microseconds"), (1e11, 1_000, "milliseconds"))
SAMPLE_ROWS = 100_000
ISO_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M%z")


def to_seconds(times: pl.Series) -> tuple[pl.Series, str | None]:
    """Whole seconds since 1970 of each time, int64, null where it cannot be read; and what was converted.

    Parameters
    ----------
    times : Series
        Numbers (seconds, or finer units recognized by their size), datetimes or dates (UTC where
        they carry no zone), or text of numbers or of ISO 8601 datetimes.
    """
    if isinstance(times.dtype, pl.Datetime | pl.Date):
        return times.dt.epoch("s").cast(pl.Int64), None
    if times.dtype == pl.String:
        return _from_text(times)
    if times.dtype.is_numeric():
        return _from_numbers(times)
    return pl.Series(times.name, [None] * len(times), dtype=pl.Int64), None


def _from_text(times: pl.Series) -> tuple[pl.Series, str | None]:
    """Numbers or ISO 8601, whichever reads more of the values; the others stay unread."""
    text = times.str.strip_chars()
    numbers = text.cast(pl.Float64, strict=False)
    if numbers.null_count() > times.null_count():
        seconds = _from_iso(text)
        if seconds.null_count() < numbers.null_count():
            return seconds, "Times read as ISO 8601 datetimes, UTC where they carry no zone."
    whole = text.cast(pl.Int64, strict=False)
    return _from_numbers(whole if whole.null_count() == numbers.null_count() else numbers)


def _from_numbers(times: pl.Series) -> tuple[pl.Series, str | None]:
    if times.dtype.is_float():
        # 2**62 in any unit: beyond it a float is no time, and would not fit whole seconds.
        times = pl.select(pl.when(times.is_finite() & (times.abs() < 2.0**62)).then(times)).to_series()
    # A median of 25 million rows costs seconds, one of every n-th row tells the unit as well.
    sampled = times if times.null_count() else times.gather_every(len(times) // SAMPLE_ROWS + 1)
    typical = sampled.median()
    size = abs(float(typical)) if isinstance(typical, int | float) else 0.0
    for smallest, per_second, unit in UNITS:
        if size >= smallest:
            seconds = (times // per_second).cast(pl.Int64)
            return seconds, f"Times are in {unit}; converted to seconds."
    if times.dtype == pl.Int64:
        return times, None
    return (times.floor() if times.dtype.is_float() else times).cast(pl.Int64, strict=False), None


def _from_iso(times: pl.Series) -> pl.Series:
    # One shape before parsing: a T between date and time, midnight for a bare date, an offset at the end.
    text = pl.col("time").str.strip_chars().str.replace(r"^(\d{4}-\d\d-\d\d) +", "${1}T")
    text = text.str.replace(r"^(\d{4}-\d\d-\d\d)$", "${1}T00:00").str.replace(r" ?(Z|z|UTC)$", "+00:00")
    has_offset = text.str.contains(r"T.*[+-]\d\d(:?\d\d)?$")
    text = pl.when(has_offset).then(text.str.replace(r"([+-]\d\d)$", "${1}:00")).otherwise(text + "+00:00")
    parsed = pl.coalesce(text.str.to_datetime(form, time_unit="us", strict=False) for form in ISO_FORMATS)
    return times.rename("time").to_frame().select(parsed.dt.epoch("s")).to_series().rename(times.name)
