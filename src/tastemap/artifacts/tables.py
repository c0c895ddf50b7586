"""Tables in Arrow IPC: uncompressed, so that they can be mapped; rebuilt first, so that bytes are stable."""

from __future__ import annotations

import io
from typing import BinaryIO

import polars as pl

from tastemap.artifacts import arrow_guard
from tastemap.errors import ArtifactError

PLAIN = {
    pl.Boolean, pl.String, pl.Date, pl.Datetime, pl.Float32, pl.Float64,
    pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64,
}  # fmt: skip
"""Types of columns that the format has; besides them lists of these."""


def encode(frame: pl.DataFrame, what: str) -> bytes:
    """The table as an Arrow IPC file: the same values give the same bytes, however the frame came about.

    Raises
    ------
    ArtifactError
        If a column has a type that the format lacks. `what` names the table.
    """
    check_types(frame, what)
    made = io.BytesIO()
    pl.DataFrame([_rebuilt(column) for column in frame]).write_ipc(made, compression="uncompressed")
    content = made.getvalue()
    arrow_guard.check(content, what)  # what loading would refuse is not written
    return content


def decode(file: BinaryIO, what: str) -> pl.DataFrame:
    """The table in an open file, mapped.

    Raises
    ------
    ArtifactError
        If it is not a table of the format.
    """
    try:
        # An open file, not a path: Polars takes brackets and stars in a path for a pattern.
        frame = pl.read_ipc(file)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise ArtifactError(
            f"{what} is damaged: it is not an Arrow table. Restore the folder from a copy or fit again."
        ) from error
    for column in frame:
        if not is_storable(column.dtype):
            raise ArtifactError(
                f"{what} is not understood: its column {column.name!r} has type {column.dtype}."
            )
    return frame


def is_storable(dtype: pl.DataType) -> bool:
    """Whether the format has this type of column."""
    inner = dtype.inner if isinstance(dtype, pl.List) else dtype
    return inner.base_type() in PLAIN


def check_types(frame: pl.DataFrame, what: str) -> None:
    """Raise an ArtifactError if a column has a type that cannot be saved. `what` names the table."""
    for name, dtype in frame.schema.items():
        if not (isinstance(dtype, (pl.Categorical, pl.Enum)) or is_storable(dtype)):
            raise ArtifactError(
                f"Cannot save the {what}: its column {name!r} has type {dtype}. Convert it to "
                "numbers, text, dates or lists of them, or drop it."
            )


def _rebuilt(column: pl.Series) -> pl.Series:
    if isinstance(column.dtype, (pl.Categorical, pl.Enum)):
        column = column.cast(pl.String)
    # Chunks, text buffers and what lies under nulls differ between equal columns; Python values do not.
    return pl.Series(column.name, column.to_list(), dtype=column.dtype)
