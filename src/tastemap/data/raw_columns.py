"""Raw columns as the data check reads them: odd values are marked, and repaired where that is safe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from tastemap.data import ids as id_columns
from tastemap.data.interactions import RatingScale
from tastemap.data.rating_scale import USUAL_SCALES, guess_scale
from tastemap.data.times import UNITS, TimeForm
from tastemap.linalg.types import BoolArray, Float64Array, Int64Array

NUMBER_ID = r"^\+?0*([0-9]+)(?:\.0+)?$"
DECIMAL_COMMA = r"^(-?[0-9]+),([0-9]+)$"

FEW_OTHERS = 0.1
"""Up to this share of ids of the other kind (text among integers) look like a slip."""

STRAY_SHARE = 0.01
"""Up to this share of ratings may lie outside a usual scale and be taken for slips."""

FAMILY = 1.3
"""Scales up to this many times as wide are variants of one: 1-5, 0.5-5 and 0-5."""


@dataclass(frozen=True, eq=False)
class IdColumn:
    """Ids with what was odd about them; all arrays of shape (n,).

    Parameters
    ----------
    ids : Series
        int64 if all are canonical integers, else text; null where missing. As a load reads them, or repaired.
    padded : array of bool
        Had blanks around it.
    respelled : array of bool
        Is the same number as another spelling: ``"007"`` or ``"7.0"`` beside ``"7"``.
    minority : array of bool
        Is text among integers, or an integer among text, and few are.
    """

    ids: pl.Series
    padded: BoolArray
    respelled: BoolArray
    minority: BoolArray


@dataclass(frozen=True, eq=False)
class ValueColumn:
    """Ratings or counts, NaN where they are no finite number; `has_comma` marks ``"3,5"``, read as 3.5."""

    values: Float64Array
    has_comma: BoolArray


@dataclass(frozen=True, eq=False)
class TimeColumn:
    """Seconds since 1970, with what was odd; all arrays of shape (n,).

    Parameters
    ----------
    seconds : array of int64
        0 where there is none.
    missing, unread : array of bool
        Empty; or something that is no time.
    unit : array of int8
        0 for seconds or dates, 1 milliseconds, 2 microseconds, 3 nanoseconds.
    """

    seconds: Int64Array
    missing: BoolArray
    unread: BoolArray
    unit: np.ndarray[tuple[int], np.dtype[np.int8]]


def read_ids(raw: pl.Series, *, column: str, label: str, is_text: bool, repair: bool) -> IdColumn:
    """Ids from a raw column of any type, `is_text` in a table of text.

    As a load reads them; with `repair` without blanks around them, and one spelling of a number for all.

    Raises
    ------
    ColumnError
        If a typed column can hold no ids.
    """
    nothing = np.zeros(len(raw), bool)
    loaded = id_columns.from_text(raw) if is_text else id_columns.from_typed(raw, column=column, label=label)
    if raw.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return IdColumn(loaded, nothing, nothing, nothing)
    text = raw.cast(pl.String).rename("raw")
    spellings = _spellings(text)
    odd = spellings.filter(
        (pl.col("id") != pl.col("raw")) | pl.col("id").is_null() | pl.col("padded") | pl.col("minority")
    )
    if not len(odd):
        return IdColumn(loaded, nothing, nothing, nothing)
    joined = text.to_frame().join(odd, on="raw", how="left", maintain_order="left")
    if repair:
        is_odd = pl.col("padded").is_not_null()
        loaded = id_columns.from_text(joined.select(pl.when(is_odd).then("id").otherwise("raw")).to_series())
    flags = joined.select(pl.col("padded", "respelled", "minority").fill_null(False))
    return IdColumn(loaded, *(flags[name].to_numpy() for name in flags.columns))


def _spellings(text: pl.Series) -> pl.DataFrame:
    """Each distinct raw id with its repaired ``id`` and what is odd about it."""
    stripped = pl.col("raw").str.strip_chars()
    known = text.drop_nulls().unique().to_frame().with_columns(bare=pl.when(stripped != "").then(stripped))
    known = known.with_columns(number=pl.col("bare").str.extract(NUMBER_ID))
    n_spellings = pl.col("bare").n_unique().over("number")
    # "007" alone is a good text id; only beside "7" is it doubtful.
    is_shared = pl.col("number").is_not_null() & (n_spellings > 1)
    is_number = pl.col("number").is_not_null()
    is_text = pl.col("bare").is_not_null() & pl.col("number").is_null()
    few = FEW_OTHERS * (is_number.sum() + is_text.sum())
    return known.select(
        "raw",
        id=pl.when(is_shared).then("number").otherwise("bare"),
        padded=(pl.col("bare") != pl.col("raw")).fill_null(False),
        respelled=(is_shared & (pl.col("number") != pl.col("bare"))).fill_null(False),
        minority=(is_text & is_number.any() & (is_text.sum() <= few))
        | (is_number & is_text.any() & (is_number.sum() <= few)),
    )


def read_values(raw: pl.Series) -> ValueColumn:
    """Numbers from a raw column of any type."""
    has_comma = np.zeros(len(raw), bool)
    if raw.dtype == pl.String:
        raw = raw.str.strip_chars()
        numbers = raw.cast(pl.Float64, strict=False)
        if numbers.null_count() > raw.null_count():
            has_comma = raw.str.contains(DECIMAL_COMMA).fill_null(False).to_numpy()
            numbers = raw.str.replace(DECIMAL_COMMA, "${1}.${2}").cast(pl.Float64, strict=False)
    else:
        numbers = raw.cast(pl.Float64, strict=False)
    values = numbers.fill_null(np.nan).to_numpy(writable=True)
    values[~np.isfinite(values)] = np.nan
    return ValueColumn(values, has_comma)


def read_times(raw: pl.Series) -> TimeColumn:
    """Times from a raw column of any type, the unit of numbers recognized row by row."""
    if raw.dtype == pl.String:
        raw = raw.str.strip_chars()
        raw = raw.set(raw == "", None) if (raw == "").any() else raw
        numbers = raw.cast(pl.Float64, strict=False)
        n_known = len(raw) - raw.null_count()
        is_numeric = 2 * (len(raw) - numbers.null_count()) > n_known
    else:
        numbers = raw.cast(pl.Float64, strict=False) if raw.dtype.is_numeric() else raw
        is_numeric = raw.dtype.is_numeric()
    missing = raw.is_null().to_numpy()
    unit = np.zeros(len(raw), np.int8)
    if not is_numeric:
        dated = TimeForm.of(raw).seconds(raw)
        return TimeColumn(dated.fill_null(0).to_numpy(), missing, dated.is_null().to_numpy() & ~missing, unit)
    sizes = numbers.fill_null(np.nan).to_numpy()
    is_time = np.abs(sizes) < 2.0**62  # false for NaN; beyond it no unit gives a time
    unread = ~missing & ~is_time
    whole = raw.cast(pl.Int64, strict=False)  # exact where a float would lose nanoseconds
    floored = np.floor(np.where(is_time, sizes, 0.0)).astype(np.int64)
    exact = np.where(whole.is_null().to_numpy() | ~is_time, floored, whole.fill_null(0).to_numpy())
    per_second = np.ones(len(raw), np.int64)
    for place, (smallest, factor, _) in enumerate(UNITS):
        here = (unit == 0) & (np.abs(exact) >= smallest)
        unit[here], per_second[here] = len(UNITS) - place, factor
    return TimeColumn(exact // per_second, missing, unread, unit)


def likely_scale(values: Float64Array) -> tuple[RatingScale, str]:
    """The scale of finite ratings when a few strays may lie outside it, and how it was found.

    The narrowest usual scale that all but 1 % of the ratings fit and fill; in a table too small for
    that, one rating may stray if it lies more than the width of the scale away from it. Else the guess
    of :func:`guess_scale` from all ratings.
    """
    for low, high in sorted(USUAL_SCALES, key=lambda scale: scale[1] - scale[0]):
        width = high - low
        is_inside = (values >= low) & (values <= high)
        inside, strays = values[is_inside], values[~is_inside]
        is_far = bool(np.all((strays < low - width) | (strays > high + width)))
        allowed = max(int(STRAY_SHARE * len(values)), 1 if is_far else 0)
        if len(strays) <= allowed and _fills(inside, low, high):
            family = [s for s in USUAL_SCALES if s[0] <= low and s[1] >= high and s[1] - s[0] <= FAMILY * width]
            fitting = (values[(values >= scale[0]) & (values <= scale[1])] for scale in family)
            return guess_scale(max(fitting, key=len).astype(np.float32))
    return guess_scale(values.astype(np.float32))


def _fills(values: Float64Array, low: float, high: float) -> bool:
    if len(values) < 3 or values.min() == values.max():
        return False
    return guess_scale(values.astype(np.float32))[0] == RatingScale(low, high)
