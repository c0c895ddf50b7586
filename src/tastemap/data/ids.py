"""Id columns: integers only if every value is canonical, else text, so that "007" stays "007"."""

from __future__ import annotations

import polars as pl

from tastemap.errors import ColumnError

INTEGER = r"^(0|-?[1-9][0-9]*)$"


def is_odd(column: str) -> pl.Expr:
    """Whether a text value is no canonical 64-bit integer: ``007``, ``+1``, ``-0``, ``1e19``, ``a``.

    Written with prefix tests because a regular expression over 25 million rows takes twice as long.
    """
    text = pl.col(column)
    padded = text.str.starts_with("0") & (text.str.len_bytes() > 1)
    signed = text.str.starts_with("+") | text.str.starts_with("-0")
    return text.is_not_null() & (text.cast(pl.Int64, strict=False).is_null() | padded | signed)


def from_text(text: pl.Series) -> pl.Series:
    """Ids from text: int64 if every value is canonical, else text; surrounding blanks go, empty is null."""
    stripped = text.str.strip_chars()
    cleaned = stripped.set(stripped == "", None) if (stripped == "").any() else stripped
    name = cleaned.name
    if not cleaned.to_frame().select(is_odd(name).any()).item():
        return cleaned.cast(pl.Int64)
    return cleaned


def from_typed(values: pl.Series, *, column: str, label: str) -> pl.Series:
    """Ids from a typed column: int64 or text, as it came.

    Raises
    ------
    ColumnError
        If values are neither integers within 64 bits, nor text, nor floats that are whole.
    """
    dtype = values.dtype
    if dtype in (pl.Categorical, pl.Enum, pl.String):
        text = values.cast(pl.String)
        return text.set(text == "", None) if (text == "").any() else text
    if dtype.is_float() and bool(((values == values.floor()) & (values.abs() < 2.0**53)).all()):
        return values.cast(pl.Int64)  # whole numbers that became floats beside missing ones
    if dtype == pl.Null:
        return values.cast(pl.Int64)
    whole = values.cast(pl.Int64, strict=False) if dtype.is_integer() else None
    if whole is None or whole.null_count() > values.null_count():
        raise ColumnError(
            f"Column {column!r} of {label} must hold ids: integers within 64 bits, or text. Got {dtype}; "
            "convert it to text first.",
            column=column,
        )
    return whole


def conform(ids: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Ids of a table of features in the type of the interactions' ids; null where they cannot be among them."""
    if ids.dtype == dtype:
        return ids
    if dtype == pl.String:
        return ids.cast(pl.String)
    numbers = ids.cast(pl.Int64, strict=False)
    same = (numbers.cast(pl.String) == ids).fill_null(False)
    return ids.to_frame("id").select(pl.when(same).then(numbers)).to_series()
