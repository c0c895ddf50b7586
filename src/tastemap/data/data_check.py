"""The data check: what is in a table, what would harm a model, and what repairs it."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from tastemap.data.columns import Columns, choose_columns
from tastemap.data.finders import find_all, singles, top_share
from tastemap.data.findings import Finding, make_finding
from tastemap.data.interactions import RatingScale
from tastemap.data.rating_scale import check_scale
from tastemap.data.raw_table import RawTable, judge
from tastemap.data.sources import Source, open_source
from tastemap.data.sql.table import read_columns
from tastemap.data.tables import Table
from tastemap.data.text_format import OneColumnError
from tastemap.linalg.types import Float64Array
from tastemap.plurals import plural
from tastemap.progress import SILENT, Progress

MOST_BARS = 20
"""Distinct ratings up to which each is counted; more are counted in ten equal bins."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Figures:
    """What the usable rows of a table hold: users and items as a load tells them apart.

    Parameters
    ----------
    n_rows : int
        Rows of the source, empty lines included.
    n_kept : int
        Rows that a model can use.
    n_users, n_items : int
    density : float
        Known pairs among all pairs, 0 to 1.
    first_time, last_time : str or None
        ISO 8601, UTC.
    rating_scale : RatingScale or None
        None for implicit feedback.
    scale_note : str
        How the scale was found.
    histogram : tuple of (str, int)
        Ratings, or bins of them, with their number of rows.
    top_share : float
        Share of the rows that the most popular tenth of the items has, 0 to 1.
    n_single_users, n_single_items : int
        Those with one interaction.
    """

    n_rows: int
    n_kept: int
    n_users: int
    n_items: int
    density: float
    first_time: str | None
    last_time: str | None
    rating_scale: RatingScale | None
    scale_note: str
    histogram: tuple[tuple[str, int], ...]
    top_share: float
    n_single_users: int
    n_single_items: int


@dataclass(frozen=True)
class CheckReport:
    """What the check saw; `figures` is None where the table could not be read as one."""

    name: str
    figures: Figures | None
    findings: tuple[Finding, ...]

    @property
    def is_clean(self) -> bool:
        """Whether there is no error and no warning; notes may remain."""
        return all(finding.severity == "note" for finding in self.findings)

    def summary(self) -> list[str]:
        """What the table holds, in sentences."""
        return [] if self.figures is None else _sentences(self.figures)

    def as_json(self) -> dict[str, object]:
        """Plain dicts and lists, as ``--json`` prints them."""
        return {**asdict(self), "is_clean": self.is_clean}


def check(
    source: Source,
    *,
    user_col: str | None = None,
    item_col: str | None = None,
    rating_col: str | None = None,
    time_col: str | None = None,
    implicit: bool = False,
    rating_scale: RatingScale | tuple[float, float] | None = None,
    progress: Progress = SILENT,
) -> CheckReport:
    """Look at the raw rows of a source, before anything is dropped, merged or refused.

    Parameters
    ----------
    source : str, Path or DataFrame
        As for :func:`load`; a part such as ``ml-100k:u1.test`` stands for the whole set.
    user_col, item_col, rating_col, time_col, implicit
        As for :func:`load`.
    rating_scale : RatingScale, (low, high) or None
        None guesses the scale, a few ratings far off it aside.
    progress : Progress

    Returns
    -------
    CheckReport : figures, and findings in a fixed order; a clean table may still have notes.

    Raises
    ------
    SourceNotFoundError
        If there is nothing there.
    ColumnError, DataError
        If there is no user or item column, or a line cannot be split into columns.

    Notes
    -----
    O(n) time. Text is kept as it came: about 190 bytes a row.
    """
    columns = {"user_col": user_col, "item_col": item_col, "rating_col": rating_col, "time_col": time_col}
    scale = None if rating_scale is None else check_scale(rating_scale)
    with tempfile.TemporaryDirectory(prefix="tastemap-") as scratch:
        try:
            name, table, chosen = open_raw(source, Path(scratch), columns, implicit=implicit, progress=progress)
        except OneColumnError:
            return CheckReport(
                Path(str(source)).stem, None, (make_finding("wrong_delimiter", 1, unit="columns"),)
            )
        raw = judge(table, chosen, rating_scale=scale)
        return CheckReport(name, _figures(raw), find_all(raw))


def open_raw(
    source: Source,
    scratch: Path,
    columns: dict[str, str | None],
    *,
    implicit: bool,
    progress: Progress,
) -> tuple[str, Table, Columns]:
    """The name of a source, its table, readable as long as `scratch` exists, and which columns count."""
    given = [name for name in columns.values() if name is not None]
    name, table = open_source(source, scratch=scratch, given=given, progress=progress)
    if len(table.names) == 1:
        raise OneColumnError(f"{table.label} has one column only; give a user and an item column.")
    chosen = choose_columns(table.names, label=table.label, implicit=implicit, **columns)
    return name, read_columns(table, chosen, source), chosen


def _figures(raw: RawTable) -> Figures:
    kept = raw.kept
    first = last = None
    if raw.times is not None and len(kept.row):
        seconds = raw.times.seconds[kept.row]
        first, last = _iso(int(seconds.min())), _iso(int(seconds.max()))
    return Figures(
        n_rows=len(raw.verdict) + raw.table.n_skipped,
        n_kept=len(kept.row),
        n_users=kept.n_users,
        n_items=kept.n_items,
        density=len(kept.row) / max(1, kept.n_users * kept.n_items),
        first_time=first,
        last_time=last,
        rating_scale=raw.scale,
        scale_note=raw.scale_note,
        histogram=() if raw.scale is None else _histogram(kept.values, raw.scale),
        top_share=top_share(kept),
        n_single_users=len(singles(kept.user_index, kept.n_users)),
        n_single_items=len(singles(kept.item_index, kept.n_items)),
    )


def _iso(seconds: int) -> str:
    try:
        return (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    except OverflowError:  # beyond the year 9999
        return f"{seconds} s since 1970"


def _histogram(values: Float64Array, scale: RatingScale) -> tuple[tuple[str, int], ...]:
    ratings, counts = np.unique(values, return_counts=True)
    if len(ratings) <= MOST_BARS:
        return tuple((f"{rating:g}", int(count)) for rating, count in zip(ratings, counts, strict=True))
    binned, edges = np.histogram(values, bins=10, range=(scale.low, scale.high))
    return tuple((f"{edges[n]:g} to {edges[n + 1]:g}", int(count)) for n, count in enumerate(binned))


def _sentences(figures: Figures) -> list[str]:
    said = [
        f"{plural(figures.n_rows, 'row')}, {figures.n_kept:,} of them usable: "
        f"{plural(figures.n_users, 'user')} and {plural(figures.n_items, 'item')}, "
        f"{figures.density:.2%} of all pairs.",
        figures.scale_note,
    ]
    if figures.histogram:
        said.append(f"Ratings: {', '.join(f'{rating}: {count:,}' for rating, count in figures.histogram)}.")
    if figures.first_time is not None:
        said.append(f"Times: {figures.first_time} to {figures.last_time}.")
    said.append(
        f"The most popular tenth of the items has {figures.top_share:.0%} of the rows; with one "
        f"interaction: {plural(figures.n_single_users, 'user')} and {plural(figures.n_single_items, 'item')}."
    )
    return said
