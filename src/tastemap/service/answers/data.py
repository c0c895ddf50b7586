"""What is in the data: how ratings are spread over users, items, genres, years and months."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from tastemap.data import Interactions
from tastemap.inspection import best_rated, histogram, item_statistics, most_rated, user_statistics
from tastemap.inspection.histograms import group_column
from tastemap.linalg.types import Int64Array
from tastemap.models.recommender import Recommender

Fields = dict[str, Any]
Rows = list[Fields]

N_TOP = 20
MORE_THAN = 20
"""Ratings that an item needs more of to be among the best rated."""
MOST_LEVELS = 20
"""Different ratings that each get a bar."""
MOST_MONTHS = 36
MOST_YEARS = 60
"""Bars of years, and of decades: beyond these nothing is filled in between what occurs."""


def data(recommender: Recommender) -> Fields:
    """Figures of the training data; what it does not hold is null or an empty list.

    Returns
    -------
    dict
        ``name, is_implicit, n_interactions, n_users, n_items``; ``ratings`` (value, count); ``per_user`` and
        ``per_item`` (median, most, bins of ``low, high, n, share``); ``genres`` and ``years`` (``label,
        n_items, n_interactions, mean_rating``); ``times`` (``label, count``), ``times_by``;
        ``user_groups`` by the feature that has few values; ``most_rated`` and ``best_rated``.
    """
    train = recommender.train
    rows, items, users = train.interactions, item_statistics(train), user_statistics(train)
    catalog = recommender.catalog
    times_by, times = _times(rows.timestamps)
    return {
        "name": train.name,
        "is_implicit": rows.is_implicit,
        "n_interactions": len(rows),
        "n_users": n_active(rows),
        "n_items": rows.n_items,
        "ratings": [] if rows.is_implicit else _ratings(rows.values),
        "per_user": _spread(users, "n_ratings"),
        "per_item": _spread(items, "popularity"),
        "genres": _by_genre(items),
        "years": _by_decade(items, catalog),
        "times": times,
        "times_by": times_by,
        "user_groups": _user_groups(users),
        "most_rated": _top(most_rated(train, N_TOP)),
        "best_rated": [] if rows.is_implicit else _top(best_rated(train, N_TOP, more_than=MORE_THAN)),
        "more_than": MORE_THAN,
    }


def n_active(rows: Interactions) -> int:
    """Users who have an interaction: those that are hidden have none."""
    return int(np.count_nonzero(rows.by_user.row_lengths))


def activity(rows: Interactions) -> Int64Array:
    """Interactions of each user who has any; one 0 where nobody has."""
    lengths = rows.by_user.row_lengths
    return lengths[lengths > 0] if len(rows) else np.zeros(1, np.int64)


def mean_rating(rows: Interactions) -> float | None:
    """The mean of all ratings, the middle of the scale where there is none; None for implicit feedback."""
    scale = rows.rating_scale
    if scale is None:
        return None
    return rows.mean if len(rows) else (scale.low + scale.high) / 2


def _ratings(values: np.ndarray[Any, Any]) -> Rows:
    levels, counts = np.unique(values, return_counts=True)
    if len(levels) > MOST_LEVELS:
        counts, edges = np.histogram(values, MOST_LEVELS // 2)
        levels = np.round(edges[:-1], 2)
    return [{"value": float(level), "count": int(n)} for level, n in zip(levels, counts, strict=True)]


def _spread(statistics: pl.DataFrame, column: str) -> Fields:
    bins = histogram(statistics, column)
    counts = statistics[column].to_numpy()
    return {
        "median": float(np.median(counts)) if len(counts) else 0.0,
        "most": int(counts.max(initial=0)),
        "bins": bins.drop("group").to_dicts(),
    }


def _by_genre(items: pl.DataFrame) -> Rows:
    exploded = items.explode("genres").filter(pl.col("genres").is_not_null())
    return _grouped(exploded.with_columns(label=pl.col("genres")), by="n_interactions", descending=True)


def _by_decade(items: pl.DataFrame, catalog: pl.DataFrame) -> Rows:
    if "year" not in catalog.columns or not catalog.schema["year"].is_integer():
        return []
    dated = items.with_columns(decade=catalog["year"] // 10 * 10).filter(pl.col("decade").is_not_null())
    return _grouped(dated.with_columns(label=pl.format("{}s", "decade")), by="label", descending=False)


def _grouped(items: pl.DataFrame, *, by: str, descending: bool) -> Rows:
    """Items and interactions of each label; the mean is over interactions, null without ratings."""
    summed = items.group_by("label").agg(
        n_items=pl.len(),
        n_interactions=pl.col("popularity").sum(),
        total=(pl.col("mean_rating") * pl.col("popularity")).sum(),
        n_known=pl.col("mean_rating").count(),
    )
    mean = pl.when(pl.col("n_known") > 0).then(pl.col("total") / pl.col("n_interactions"))
    frame = summed.with_columns(mean.alias("mean_rating")).drop("total", "n_known")
    return frame.sort([by, "label"], descending=[descending, False]).to_dicts()


def _times(timestamps: np.ndarray[Any, Any] | None) -> tuple[str | None, Rows]:
    """Interactions by month, year or decade, by how far they reach; empty ones in between count 0."""
    if timestamps is None or not len(timestamps):
        return None, []
    when = pl.from_epoch(pl.Series("when", timestamps.astype(np.int64)), time_unit="s").dt
    years = when.year().cast(pl.Int64).to_numpy()
    months = 12 * years + when.month().cast(pl.Int64).to_numpy() - 1
    if np.ptp(months) < MOST_MONTHS:
        return "month", _counted(months, lambda month: f"{month // 12:04}-{month % 12 + 1:02}")
    if np.ptp(years) < MOST_YEARS:
        return "year", _counted(years, str)
    return "decade", _counted(years // 10, lambda decade: f"{decade}0s")


def _counted(places: Int64Array, label: Callable[[int], str]) -> Rows:
    """How often each place occurs, from the first to the last."""
    found, counts = np.unique(places, return_counts=True)
    known = dict(zip(found.tolist(), counts.tolist(), strict=True))
    first, last = int(found[0]), int(found[-1])
    shown = range(first, last + 1) if last - first < MOST_YEARS else list(known)
    return [{"label": label(place), "count": known.get(place, 0)} for place in shown]


def _user_groups(users: pl.DataFrame) -> Rows:
    """The feature that parts users into a few groups, with figures of each; at most one entry."""
    by = group_column(users)
    if by is None:
        return []
    frame = (
        users.filter(pl.col(by).is_not_null())
        .group_by(by)
        .agg(
            n_users=pl.len(),
            median_interactions=pl.col("n_ratings").median(),
            mean_rating=(pl.col("mean_rating") * pl.col("n_ratings")).sum() / pl.col("n_ratings").sum(),
            n_known=pl.col("mean_rating").count(),
        )
        .sort(["n_users", by], descending=[True, False])
    )
    shown = pl.when(pl.col("n_known") > 0).then(pl.col("mean_rating"))
    rows = frame.with_columns(shown.alias("mean_rating")).drop("n_known").rename({by: "label"}).to_dicts()
    return [{"by": by, "rows": rows}]


def _top(frame: pl.DataFrame) -> Rows:
    return frame.select("item_id", "title", "genres", "popularity", "mean_rating").to_dicts()
