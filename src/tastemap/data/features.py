"""Tables of what is known of items and users, brought beside a data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import polars as pl

from tastemap.data import ids as id_columns
from tastemap.data.catalog import Catalog
from tastemap.data.columns import ITEM_NAMES, TITLE_NAMES, USER_NAMES, find_column, simple_name
from tastemap.data.movielens import split_genres, year_in
from tastemap.data.tables import open_table
from tastemap.errors import ColumnError, SourceNotFoundError

Features: TypeAlias = str | Path | pl.DataFrame


def read_item_features(features: Features, item_ids: pl.Series, *, scratch: Path) -> Catalog:
    """A catalog from a file or frame with an item column and any of ``title``, ``year``, ``genres`` and others.

    Parameters
    ----------
    features : str, Path or DataFrame
    item_ids : Series
        The interactions' ids, whose type the catalog takes.
    scratch : Path
        A folder for temporary files.

    Raises
    ------
    SourceNotFoundError, ColumnError, DataError
        If the file is not there, has no item column, or cannot be read.
    """
    frame = _read(features, "item_features", "item", ITEM_NAMES, item_ids.dtype, scratch)
    title = find_column(frame.columns, TITLE_NAMES)
    if title is not None:
        frame = frame.rename({title: "title"}).with_columns(pl.col("title").cast(pl.String).str.strip_chars())
    genres = find_column([name for name in frame.columns if name != "title"], ("genres", "genre", "categories"))
    if genres is not None and frame[genres].dtype == pl.String:
        split = pl.Series(
            "genres", [split_genres(text or "") for text in frame[genres]], dtype=pl.List(pl.String)
        )
        frame = (frame.drop(genres) if genres != "genres" else frame).with_columns(split)
    frame = _with_year(frame)
    order = [name for name in ("item_id", "title", "year", "genres") if name in frame.columns]
    return Catalog(frame.select(*order, pl.exclude(order)))


def read_user_features(features: Features, user_ids: pl.Series, *, scratch: Path) -> pl.DataFrame:
    """A table of users from a file or frame with a user column; zip codes are left out.

    Parameters and errors as for :func:`read_item_features`.
    """
    frame = _read(features, "user_features", "user", USER_NAMES, user_ids.dtype, scratch)
    private = [
        name for name in frame.columns if simple_name(name) in ("zip", "zipcode", "postcode", "postalcode")
    ]
    return frame.drop(private)


def _read(
    features: Features, argument: str, side: str, usual: Sequence[str], dtype: pl.DataType, scratch: Path
) -> pl.DataFrame:
    """The features with an id column ``item_id`` or ``user_id`` of the given type: distinct, none missing."""
    if isinstance(features, pl.DataFrame):
        frame, label, is_text = features, argument, False
    else:
        path = Path(features)
        if not path.is_file():
            raise SourceNotFoundError(
                f"{argument}={str(features)!r} is not a file; check the path.", source=str(features)
            )
        table = open_table(path, label=path.name, scratch=scratch)
        frame, label, is_text = table.collect(table.frame.select(table.names)), table.label, table.is_text
    column = find_column(frame.columns, usual)
    if column is None:
        raise ColumnError(
            f"{label} has no {side} column under a usual name such as {side}_id. Columns found: "
            f"{', '.join(frame.columns[:12])}. Rename the one that holds the ids.",
            columns=frame.columns,
        )
    ids = (
        id_columns.from_text(frame[column])
        if is_text
        else id_columns.from_typed(frame[column], column=column, label=label)
    )
    others = frame.drop(column, f"{side}_id", strict=False)
    if is_text:
        others = others.select(_as_number(series) for series in others)
    made = others.insert_column(0, id_columns.conform(ids, dtype).alias(f"{side}_id"))
    return made.filter(pl.col(f"{side}_id").is_not_null()).unique(
        f"{side}_id", keep="first", maintain_order=True
    )


def _as_number(text: pl.Series) -> pl.Series:
    """A text column as integers or floats where every value is one."""
    stripped = text.str.strip_chars()
    stripped = stripped.set(stripped == "", None) if (stripped == "").any() else stripped
    if stripped.null_count() == len(stripped):
        return stripped
    for dtype in (pl.Int64, pl.Float64):
        numbers = stripped.cast(dtype, strict=False)
        if numbers.null_count() == stripped.null_count():
            return numbers
    return stripped


def _with_year(frame: pl.DataFrame) -> pl.DataFrame:
    year = find_column(frame.columns, ("year", "releaseyear"))
    if year is not None:
        return frame.rename({year: "year"}).with_columns(pl.col("year").cast(pl.Int64, strict=False))
    if "title" not in frame.columns:
        return frame
    years = pl.Series("year", [year_in(title or "") for title in frame["title"]], dtype=pl.Int64)
    return frame.with_columns(years) if years.null_count() < len(years) else frame
