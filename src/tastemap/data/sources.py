"""From a SOURCE to a :class:`Dataset`: a known name, a folder, a zip, a file or a frame."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import polars as pl

from tastemap.data.archives import table_of_folder, unzip
from tastemap.data.catalog import Catalog
from tastemap.data.columns import choose_columns
from tastemap.data.dataset import Dataset, LoadReport
from tastemap.data.encode import make_interactions
from tastemap.data.features import Features, with_features
from tastemap.data.fetching import fetch
from tastemap.data.interactions import RatingScale
from tastemap.data.known_sets import KNOWN_SETS
from tastemap.data.load_blocks import load_blocks
from tastemap.data.movielens import RATINGS_100K, Layout, read_catalog, read_users, recognize
from tastemap.data.rating_scale import check_scale, check_within, guess_scale
from tastemap.data.rows import Rows, read_rows
from tastemap.data.sql.query import DatabaseQuery
from tastemap.data.sql.table import as_query, name_of, open_query, read_columns, with_origin
from tastemap.data.tables import Table, open_table, open_text
from tastemap.errors import DataError, InvalidValueError, SourceNotFoundError, check_type, did_you_mean
from tastemap.linalg.types import IntArray
from tastemap.progress import SILENT, Progress

Source: TypeAlias = str | Path | pl.DataFrame | DatabaseQuery

PART = re.compile(r"(?P<whole>.+):u(?P<fold>[1-5])\.(?P<side>train|test)")
FOLD_ROWS = 20_000
N_FOLDS = 5
N_STEPS = 3
"""Steps of a load that progress is told of: read, sort, join."""


@dataclass(frozen=True)
class _Located:
    """Where a source lies: a table file, or a folder laid out as MovieLens is."""

    name: str
    path: Path
    layout: Layout | None


def load(
    source: Source,
    *,
    user_col: str | None = None,
    item_col: str | None = None,
    rating_col: str | None = None,
    time_col: str | None = None,
    implicit: bool = False,
    rating_scale: RatingScale | tuple[float, float] | None = None,
    item_features: Features | None = None,
    user_features: Features | None = None,
    max_memory: int | None = None,
    progress: Progress = SILENT,
) -> Dataset:
    """Read interactions from a source.

    Parameters
    ----------
    source : str, Path, DataFrame or DatabaseQuery
        A data-set name (``"ml-100k"``, fetched if need be; ``"ml-100k:u1.train"`` and ``":u1.test"`` for
        its five official folds), a folder, a ``.zip`` (``"FILE.zip:TABLE"`` names one of its tables), or a
        ``.csv``, ``.tsv``, ``.txt``, ``.dat``, ``.jsonl`` or ``.parquet`` file; or a query to a database.
    user_col, item_col, rating_col, time_col : str or None
        Columns; by default found by their usual names.
    implicit : bool
        Whether rows are interactions without ratings. A rating column is then left aside, unless `rating_col`
        names it: its values are counts. A table without a rating column is implicit in any case.
    rating_scale : RatingScale, (low, high) or None
        The bounds of ratings, in stars; None guesses them from the values and says so in the report.
    item_features, user_features : str, Path, DataFrame or None
        Tables with an id column; they replace what the data set brings.
    max_memory : int or None
        Bytes. Of a file that needs more the interactions are kept on disk, in the folder of temporary files,
        and memory holds a block of them at a time; ids, rows and values are the same.
    progress : Progress

    Returns
    -------
    Dataset : its ``report`` accounts for every row of the source.

    Raises
    ------
    SourceNotFoundError
        If there is nothing there; lists near matches.
    ColumnError, DataError
        If columns are missing, or a value cannot be read; names the first three rows.
    InvalidValueError
        If an argument is out of range, or a part is asked of a set without official folds.
    FetchError
        If a data set had to be fetched and no source had it.

    Notes
    -----
    O(n). A text table is read in one streaming pass; 25 million rows take 7 to 17 seconds and 2 GB of
    memory on two cores.
    """
    if implicit and rating_scale is not None:
        raise InvalidValueError(
            "rating_scale cannot be given beside implicit=True: counts have no scale; drop one."
        )
    scale = None if rating_scale is None else check_scale(rating_scale)
    text, part = _split_part(source := as_query(source))
    with tempfile.TemporaryDirectory(prefix="tastemap-") as scratch_name:
        scratch = Path(scratch_name)
        name, located = _find(text, source, scratch, progress)
        given = [name for name in (user_col, item_col, rating_col, time_col) if name is not None]
        table = _open(source, located, scratch, given)
        columns = choose_columns(
            table.names,
            label=table.label,
            user_col=user_col,
            item_col=item_col,
            rating_col=rating_col,
            time_col=time_col,
            implicit=implicit,
        )
        has_given_time, dataset = time_col is not None, None
        if max_memory is not None and located is not None and not _has_folds(located):
            dataset = load_blocks(
                name, table, columns, scale, max_memory, has_given_time=has_given_time, progress=progress
            )
        if dataset is None:
            progress.step(f"read {name}", 0, N_STEPS, {})
            table = read_columns(table, columns, source)
            rows = read_rows(table, columns, has_given_time=has_given_time)
            progress.step(f"sort {name}", 1, N_STEPS, {})
            dataset = _encode(name, rows, located, scale, is_implicit=columns.is_implicit)
            dataset = with_origin(dataset, source, columns, table)
        progress.step(f"join {name} with titles and features", 2, N_STEPS, {})
        layout = None if located is None else located.layout
        has = {"has_items": item_features is not None, "has_users": user_features is not None}
        dataset = _with_layout(dataset, layout, **has)
        dataset = with_features(dataset, item_features, user_features, scratch)
    return dataset if part is None else _take_part(dataset, *part)


def open_source(
    source: Source, *, scratch: Path, given: list[str], progress: Progress = SILENT
) -> tuple[str, Table]:
    """The name and the table of a source, opened but not read; a part stands for its whole.

    `scratch` is a folder for extracted files, `given` are columns that the caller names.
    """
    text, _ = _split_part(source := as_query(source))
    name, located = _find(text, source, scratch, progress)
    return name, _open(source, located, scratch, given)


def _split_part(source: Source) -> tuple[str, tuple[int, str] | None]:
    """The source without ``:u1.train``, and (1, "train")."""
    wanted = "the name of a data set, a path, a Polars DataFrame or a DatabaseQuery"
    kinds = (str, Path, pl.DataFrame, DatabaseQuery)
    check_type("source", source, kinds, wanted, "convert other tables, as polars.from_pandas does")
    text = str(source) if isinstance(source, str | Path) else ""
    match = PART.fullmatch(text)
    if match is None:
        return text, None
    return match["whole"], (int(match["fold"]), match["side"])


def _find(text: str, source: Source, scratch: Path, progress: Progress) -> tuple[str, _Located | None]:
    """What the source is called, and where it lies if it is no frame and no query."""
    if isinstance(source, pl.DataFrame):
        return "frame", None
    if isinstance(source, DatabaseQuery):
        return name_of(source), None
    located = _locate(text, source, scratch, progress)
    return located.name, located


def _locate(text: str, source: Source, scratch: Path, progress: Progress) -> _Located:
    if not text.strip():
        raise SourceNotFoundError("The source is empty; give a data-set name, a folder or a file.", source=text)
    path = Path(text).expanduser()
    if text in KNOWN_SETS and (isinstance(source, str) or not path.exists()):
        folder = fetch(text, progress=progress)
        return _Located(text, folder, recognize(folder))
    member = None
    if not path.exists() and ".zip:" in text.lower():
        whole, _, member = text.rpartition(":")
        path = Path(whole).expanduser()
    if not path.exists():
        raise _not_found(text, path)
    name = path.name if path.is_dir() else path.stem
    if path.suffix.lower() == ".zip" and path.is_file():
        extracted = scratch / "zip"
        extracted.mkdir()
        found = unzip(path, extracted, member=member)
        name = name if member is None else Path(member).stem
    else:
        found = path
    if found.is_dir():
        found = table_of_folder(found, label=path.name or str(path.resolve().name), progress=progress)
    return _Located(name or "data", found, recognize(found) if found.is_dir() else None)


def _not_found(text: str, path: Path) -> SourceNotFoundError:
    here = path.parent if path.parent.is_dir() else None
    beside = [str(path.with_name(file.name)) for file in sorted(here.iterdir())] if here is not None else []
    hint = did_you_mean(text, [*beside, *KNOWN_SETS], part=lambda name: Path(name).stem)
    return SourceNotFoundError(
        f"There is no file or folder {text!r}, and no data set of that name.{hint} "
        f"Data sets: {', '.join(KNOWN_SETS)}.",
        source=text,
    )


def _open(source: Source, located: _Located | None, scratch: Path, given: list[str]) -> Table:
    if isinstance(source, pl.DataFrame):
        return Table("the frame", source.lazy(), tuple(source.columns), is_text=False)
    if isinstance(source, DatabaseQuery):
        return open_query(source)
    if located is None:
        raise TypeError("a source that is no frame has a place")
    layout = located.layout
    if layout is not None and layout.form is not None:
        return open_text(layout.ratings, layout.form, label=layout.ratings.name)
    path = located.path if layout is None else layout.ratings
    return open_table(path, label=path.name, scratch=scratch, named=given)


def _encode(
    name: str, rows: Rows, located: _Located | None, scale: RatingScale | None, *, is_implicit: bool
) -> Dataset:
    if not len(rows.values):
        raise DataError("There are no interactions left; check the source with `tastemap data check`.")
    notes = rows.notes
    if not is_implicit:
        if scale is None:
            scale, said = guess_scale(rows.values)
            notes = (*notes, said)
        check_within(rows.values, scale)
    interactions, n_merged = make_interactions(
        rows.users,
        rows.items,
        rows.values,
        timestamps=rows.timestamps,
        rating_scale=None if is_implicit else scale,
        folds=_official_folds(rows, located),
    )
    report = LoadReport(rows.n_rows, len(interactions), n_merged, rows.dropped, notes)
    return Dataset(name, interactions, Catalog.empty(), None, report)


def _official_folds(rows: Rows, located: _Located | None) -> IntArray | None:
    """The five folds of ml-100k: test fold k is lines 20,000 (k - 1) + 1 … 20,000 k of ``u.data``."""
    if not _has_folds(located) or len(rows.values) != N_FOLDS * FOLD_ROWS or rows.dropped:
        return None
    return np.repeat(np.arange(1, N_FOLDS + 1, dtype=np.int8), FOLD_ROWS)


def _has_folds(located: _Located | None) -> bool:
    """Whether lines have official folds, by their order; such a set is read at once, as small as it is."""
    return located is not None and located.layout is not None and located.layout.form is RATINGS_100K


def _with_layout(dataset: Dataset, layout: Layout | None, *, has_items: bool, has_users: bool) -> Dataset:
    """What the data set brings itself, unless the caller has tables of items or users."""
    if layout is None:
        return dataset
    catalog, users = dataset.catalog, dataset.user_features
    if layout.titles is not None and not has_items:
        catalog = read_catalog(layout.titles)
    if layout.users is not None and not has_users:
        users = read_users(layout.users)
    return replace(dataset, catalog=catalog, user_features=users)


def _take_part(dataset: Dataset, fold: int, side: str) -> Dataset:
    folds = dataset.interactions.folds
    if folds is None:
        raise InvalidValueError(
            f"{dataset.name!r} has no official folds, so it has no part u{fold}.{side}; only ml-100k has. "
            "Use a split of `tastemap evaluate` instead.",
            source=dataset.name,
        )
    part = dataset.select(folds == fold if side == "test" else folds != fold)
    n_rows = len(part.interactions)
    return replace(
        part,
        name=f"{dataset.name}:u{fold}.{side}",
        interactions=replace(part.interactions, folds=None),
        report=LoadReport(n_rows, n_rows, notes=dataset.report.notes),
    )
