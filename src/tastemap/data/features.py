"""Tables of what is known of items and users, brought beside a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import polars as pl

from tastemap.data import ids as id_columns
from tastemap.data.catalog import Catalog
from tastemap.data.columns import ITEM_NAMES, TITLE_NAMES, USER_NAMES, find_column, simple_name
from tastemap.data.dataset import Dataset
from tastemap.data.movielens import split_genres, year_in
from tastemap.data.tables import open_table
from tastemap.errors import ColumnError, SourceNotFoundError
from tastemap.plurals import plural

Features: TypeAlias = str | Path | pl.DataFrame


def with_features(dataset: Dataset, items: Features | None, users: Features | None, scratch: Path) -> Dataset:
    """A data set with tables of items and users in place of its own; its report has what is to be said of them.

    Parameters, errors: as :func:`read_item_features` and :func:`read_user_features`.
    """
    data, notes = dataset.interactions, dataset.report.notes
    catalog, table = dataset.catalog, dataset.user_features
    if items is not None:
        catalog, said = read_item_features(items, data.items.ids, scratch=scratch)
        notes += said
    if users is not None:
        table, said = read_user_features(users, data.users.ids, scratch=scratch)
        notes += said
    return replace(dataset, catalog=catalog, user_features=table, report=replace(dataset.report, notes=notes))


def read_item_features(
    features: Features, item_ids: pl.Series, *, scratch: Path
) -> tuple[Catalog, tuple[str, ...]]:
    """A catalog from a file or frame with an item column and any of ``title``, ``year``, ``genres`` and others.

    Beside it stand sentences about ids that do not match those of the interactions.

    Parameters
    ----------
    features : str, Path or DataFrame
    item_ids : Series
        The interactions' ids, distinct, whose type the catalog takes.
    scratch : Path
        A folder for temporary files.

    Raises
    ------
    SourceNotFoundError, ColumnError, DataError
        If the file is not there, has no item column, or cannot be read.
    """
    frame, notes = _read(features, "item_features", "item", ITEM_NAMES, item_ids, scratch)
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
    return Catalog(frame.select(*order, pl.exclude(order))), notes


def read_user_features(
    features: Features, user_ids: pl.Series, *, scratch: Path
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """A table of users from a file or frame with a user column; zip codes are left out.

    Result, parameters and errors as for :func:`read_item_features`.
    """
    frame, notes = _read(features, "user_features", "user", USER_NAMES, user_ids, scratch)
    private = [
        name for name in frame.columns if simple_name(name) in ("zip", "zipcode", "postcode", "postalcode")
    ]
    return frame.drop(private), notes


def _read(
    features: Features, argument: str, side: str, usual: Sequence[str], known: pl.Series, scratch: Path
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The features by ``item_id`` or ``user_id`` of the type of `known`, distinct, none missing; and notes."""
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
    ids = id_columns.conform(ids, known.dtype).alias(f"{side}_id")
    made = others.insert_column(0, ids).filter(pl.col(f"{side}_id").is_not_null())
    made = made.unique(f"{side}_id", keep="first", maintain_order=True)
    return made, _match_notes(ids, known, side, label)


def _match_notes(ids: pl.Series, known: pl.Series, side: str, label: str) -> tuple[str, ...]:
    """What does not match between the ids of a table of features and those of the interactions."""
    n_known, n_found = len(known), int(known.is_in(ids.implode()).sum())
    if not n_found:
        return (f"0 of {plural(n_known, side)} have a row in {label}; check its ids.",)
    notes = []
    if n_found < n_known:
        notes.append(f"{n_found:,} of {plural(n_known, side)} have a row in {label}.")
    given = ids.drop_nulls()
    n_unused = len(ids) - int(given.is_in(known.implode()).sum())
    if n_unused:
        notes.append(f"Not used: {plural(n_unused, 'row')} of {label}, for {side}s that are not in the data.")
    n_twice = int((given.value_counts()["count"] > 1).sum())
    if n_twice:
        notes.append(f"{plural(n_twice, 'id')} in more than one row of {label}: the first row counts.")
    return tuple(notes)


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
