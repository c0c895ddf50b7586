"""Write the repaired table: what the data check can mend is mended, and every removed row is counted."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from tastemap.data.data_check import open_raw
from tastemap.data.finders import find_all
from tastemap.data.interactions import RatingScale
from tastemap.data.rating_scale import check_scale
from tastemap.data.raw_table import VERDICTS, RawTable, judge
from tastemap.data.sources import Source
from tastemap.data.tables import Table
from tastemap.data.writing import check_ending, write_table
from tastemap.errors import DataError, InvalidValueError
from tastemap.linalg.types import BoolArray, Float64Array
from tastemap.progress import SILENT, Progress

REMOVING_KINDS = VERDICTS[1:]
"""Findings whose rows are removed; the rows of other fixable findings are rewritten."""


def fix(
    source: Source,
    out: Path | str,
    *,
    user_col: str | None = None,
    item_col: str | None = None,
    rating_col: str | None = None,
    time_col: str | None = None,
    implicit: bool = False,
    rating_scale: RatingScale | tuple[float, float] | None = None,
    progress: Progress = SILENT,
) -> dict[str, int]:
    """Write what :func:`check` can repair to a new file, in the order of the source.

    Further columns are kept. Text tables stay as they were spelled, except where a finding says
    otherwise; Parquet and JSON lines get numbers where all values are numbers.

    Parameters
    ----------
    source, user_col, item_col, rating_col, time_col, implicit, rating_scale, progress
        As for :func:`check`.
    out : str or Path
        A ``.csv``, ``.tsv``, ``.parquet`` or ``.jsonl`` file, not the source itself. It appears only when
        it is complete.

    Returns
    -------
    dict of str to int
        Rows by kind of finding. Those of :data:`REMOVING_KINDS` are removed, each under one kind, so the
        rows of `out` and these counts add up to the rows of the source; the others are rewritten. Rows that
        become repeats as ids get one spelling count as such.

    Raises
    ------
    InvalidValueError
        If `out` has another ending, or is the source.
    DataError
        If nothing would be left, besides the errors of :func:`check`.
    """
    out = Path(out)
    check_ending(out)
    if not isinstance(source, pl.DataFrame) and out.exists() and out.resolve() == Path(str(source)).resolve():
        raise InvalidValueError(f"out must be another file than the source. Got {out.name!r} for both.")
    columns = {"user_col": user_col, "item_col": item_col, "rating_col": rating_col, "time_col": time_col}
    scale = None if rating_scale is None else check_scale(rating_scale)
    with tempfile.TemporaryDirectory(prefix="tastemap-") as scratch:
        _, table, chosen = open_raw(source, Path(scratch), columns, implicit=implicit, progress=progress)
        raw = judge(table, chosen, rating_scale=scale, repair=True)
        if not len(raw.kept.row):
            raise DataError("No row would be left after the repair; look at the findings of the check first.")
        is_text = raw.table.is_text and out.suffix.lower() not in (".parquet", ".jsonl")
        write_table(_respelled(raw) if is_text else _retyped(raw), out, line_end=_line_end(raw.table))
        return {finding.kind: finding.count for finding in find_all(raw) if finding.fixable}


def _respelled(raw: RawTable) -> pl.DataFrame:
    """The rows of a text table that stay, as text; only the fields that need it are written anew."""
    columns, frame = raw.columns, raw.table.collect(raw.table.frame.select(raw.table.names))
    anew: list[tuple[str, pl.Series, BoolArray]] = [
        (name, side.ids, side.padded | side.respelled)
        for name, side in ((columns.user, raw.users), (columns.item, raw.items))
    ]
    if columns.value is not None and raw.values is not None:
        anew.append((columns.value, pl.Series(raw.values.values), raw.values.has_comma))
    if columns.time is not None and raw.times is not None:
        anew.append((columns.time, pl.Series(raw.times.seconds), raw.times.unit > 0))
    for name, values, rows in anew:
        frame = frame.with_columns(frame[name].zip_with(pl.Series(~rows), values.cast(pl.String)))
    return frame.filter(pl.Series(raw.verdict == 0))


def _retyped(raw: RawTable) -> pl.DataFrame:
    """The rows that stay; columns of a text table become numbers where all values that stay are numbers."""
    columns, typed = raw.columns, raw.table.is_text
    frame = raw.table.collect(raw.table.frame.select(raw.table.names))
    replaced: dict[str, pl.Series] = {}
    for name, side in ((columns.user, raw.users), (columns.item, raw.items)):
        if typed or side.padded.any() or side.respelled.any() or frame[name].dtype.is_float():
            replaced[name] = side.ids
    if columns.value is not None and raw.values is not None and (typed or raw.values.has_comma.any()):
        replaced[columns.value] = _whole_if_possible(raw.values.values, raw.verdict == 0)
    if columns.time is not None and raw.times is not None:
        # Dates in text have no unit, and stay as they came.
        has_numbers = frame[columns.time].cast(pl.Float64, strict=False).is_not_null().any()
        if raw.times.unit.any() or (typed and has_numbers):
            replaced[columns.time] = pl.Series(raw.times.seconds)
    frame = frame.with_columns(series.alias(name) for name, series in replaced.items())
    return frame.filter(pl.Series(raw.verdict == 0))


def _whole_if_possible(values: Float64Array, kept: BoolArray) -> pl.Series:
    """Numbers as integers where all that are kept are whole."""
    if (values[kept] == np.floor(values[kept])).all():
        return pl.Series(np.where(kept, values, 0.0).astype(np.int64))
    return pl.Series(values)


def _line_end(table: Table) -> str:
    """How the lines of a text table end, by its first one."""
    if table.path is None:
        return "\n"
    with table.path.open("rb") as file:
        return "\r\n" if file.readline().endswith(b"\r\n") else "\n"
