"""All events laid over a whole training set: what a refit is fitted to.

The rule is that of :mod:`tastemap.service.live.settling`, for all users at once; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from tastemap.data import Dataset, make_interactions
from tastemap.data.dataset import LoadReport
from tastemap.data.id_map import IdMap
from tastemap.errors import DataError
from tastemap.service.database.records import Event
from tastemap.service.live.settling import LARGEST_COUNT, NO_TIME, SMALLEST_COUNT

TRAINING_SEQ = 0
"""Where training rows stand among events."""


@dataclass(frozen=True, eq=False)
class Replayed:
    """A training set with all events in it.

    Parameters
    ----------
    data : Dataset
    n_events : int
        Events that were laid over it.
    through : int
        The last of them; what comes later is not in it.
    erased : tuple of str
        Users that an event erased.
    n_unfit : int
        Events whose value the training data could not hold, which were left out.
    """

    data: Dataset
    n_events: int
    through: int
    erased: tuple[str, ...]
    n_unfit: int


def replayed(data: Dataset, events: Iterable[Event], *, since: int) -> Replayed:
    """Lay events of ``seq > since`` over a training set.

    Raises
    ------
    DataError
        If nothing is left.

    Notes
    -----
    O(n log n) for n rows and events together.
    """
    news = _frame(events)
    through = max([since, *news["seq"].tail(1).to_list()])
    erasures = (
        news.filter(pl.col("kind") == "erasure").group_by("user").agg(pl.col("seq").max().alias("erased"))
    )
    rows = pl.concat([_training(data), news.filter(pl.col("kind") != "erasure").select(_COLUMNS)])
    rows = rows.join(erasures, on="user", how="left", maintain_order="left")
    rows = rows.filter(pl.col("erased").is_null() | (pl.col("seq") > pl.col("erased")))
    fitting = _fits(data) | pl.col("withdrawn")
    n_unfit = rows.select((~fitting).sum()).item()
    rows = rows.filter(fitting).sort("user", "item", "time", "seq", maintain_order=True)
    kept = _summed(rows) if data.interactions.is_implicit else _latest(rows)
    if kept.is_empty():
        raise DataError("Nothing is left to fit: every interaction was withdrawn or erased.")
    erased = tuple(erasures["user"].sort().to_list())
    return Replayed(_dataset(data, kept, erased), len(news), through, erased, int(n_unfit))


_COLUMNS = ("user", "item", "value", "time", "seq", "withdrawn")


def _frame(events: Iterable[Event]) -> pl.DataFrame:
    fields = [
        (event.seq, event.user_id, event.item_id, event.kind, event.value, int(event.time)) for event in events
    ]
    schema = {
        "seq": pl.Int64,
        "user": pl.String,
        "item": pl.String,
        "kind": pl.String,
        "value": pl.Float64,
        "time": pl.Int64,
    }
    frame = pl.DataFrame(fields, schema=schema, orient="row")
    return frame.with_columns((pl.col("kind") == "withdrawal").alias("withdrawn"))


def _training(data: Dataset) -> pl.DataFrame:
    rows = data.interactions
    times = np.full(len(rows), NO_TIME) if rows.timestamps is None else rows.timestamps
    return pl.DataFrame(
        {
            "user": rows.users.take(rows.user_index).cast(pl.String),
            "item": rows.items.take(rows.item_index).cast(pl.String),
            "value": pl.Series(rows.values, dtype=pl.Float32).cast(pl.Float64),
            "time": pl.Series(times, dtype=pl.Int64),
        }
    ).with_columns(pl.lit(TRAINING_SEQ, pl.Int64).alias("seq"), pl.lit(False).alias("withdrawn"))


def _fits(data: Dataset) -> pl.Expr:
    """Whether a value is one that the training data could hold."""
    scale = data.interactions.rating_scale
    value = pl.col("value")
    return value >= SMALLEST_COUNT if scale is None else value.is_between(scale.low, scale.high)


def _latest(rows: pl.DataFrame) -> pl.DataFrame:
    """The last row of each pair, unless it is a withdrawal."""
    return rows.unique(["user", "item"], keep="last", maintain_order=True).filter(~pl.col("withdrawn"))


def _summed(rows: pl.DataFrame) -> pl.DataFrame:
    """Counts of each pair after its last withdrawal, with their last time."""
    pair = ["user", "item"]
    left = pl.col("withdrawn").reverse().cum_sum().reverse().over(pair)
    counted = rows.filter((left == 0) & ~pl.col("withdrawn"))
    return counted.group_by(pair, maintain_order=True).agg(
        pl.col("value").sum().clip(upper_bound=LARGEST_COUNT), pl.col("time").last()
    )


def _dataset(data: Dataset, rows: pl.DataFrame, erased: tuple[str, ...]) -> Dataset:
    before = data.interactions
    times = None if before.timestamps is None else rows["time"].to_numpy()
    made, _ = make_interactions(
        _ids(rows["user"], before.users),
        _ids(rows["item"], before.items),
        rows["value"].to_numpy().astype(np.float32),
        timestamps=times,
        rating_scale=before.rating_scale,
    )
    users = data.user_features
    if users is not None and erased:
        users = users.filter(~pl.col("user_id").cast(pl.String).is_in(list(erased)))
    report = LoadReport(n_rows=len(made), n_kept=len(made))
    return replace(data, interactions=made, user_features=users, report=report)


def _ids(text: pl.Series, like: IdMap) -> pl.Series:
    return text.cast(pl.Int64) if like.is_integer else text
