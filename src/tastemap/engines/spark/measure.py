"""Held-out figures of a saved model, counted by the executors that hold the users."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tastemap.data import Catalog, Dataset, Id
from tastemap.data.dataset import LoadReport
from tastemap.data.encode import make_interactions
from tastemap.data.interactions import RatingScale
from tastemap.engines.half_steps import blocks
from tastemap.engines.spark.artifact import Placed, place
from tastemap.engines.spark.encode import ROWS_PER_TASK, clean
from tastemap.engines.spark.read import Opened, is_for_spark, load_here, open_source, working
from tastemap.engines.spark.session import Cluster
from tastemap.evaluation.fold import make_fold, relevance_bound
from tastemap.evaluation.measure import measure
from tastemap.evaluation.names import choose
from tastemap.evaluation.summary import ROOTED
from tastemap.models.recommender import Recommender
from tastemap.progress import SILENT, Progress

if TYPE_CHECKING:
    import pyarrow as pa

NORMAL_95 = 1.959964
"""Of normal means 95 % lie within so many standard errors."""
NOT_BY_USER = ("coverage", "gini")
"""Metrics of all lists together, which no sum over users gives."""
SCHEMA = "metric string, above double, below double, above2 double, below2 double, cross double, n long"


@dataclass(frozen=True)
class Figure:
    """A metric with its 95 % interval: of a ratio of sums over users, by the delta method."""

    value: float
    low: float
    high: float
    n_users: int


@dataclass(frozen=True)
class Measurement:
    """Figures by metric, and of how many test rows, and which rows were left out."""

    figures: Mapping[str, Figure]
    n_rows: int
    dropped: Mapping[str, int]

    def as_json(self) -> dict[str, object]:
        """As plain data."""
        figures = {name: vars(figure) for name, figure in self.figures.items()}
        return {"n_rows": self.n_rows, "dropped": dict(self.dropped), "metrics": figures}


@dataclass(frozen=True)
class _Count:
    """The sums of each metric over the users of a partition, by the code of a local evaluation."""

    placed: Placed
    metrics: tuple[str, ...]
    k: int
    bound: float | None
    scale: RatingScale | None

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        totals = {name: np.zeros(6) for name in self.metrics}
        for frame in _by_user(batches):
            for name, (above, below) in self._sums(frame).items():
                parts = above, below, above**2, below**2, above * below, np.ones(len(above))
                totals[name] += [float(part[below > 0].sum()) for part in parts]
        rows = np.array(list(totals.values())).T
        names = ["above", "below", "above2", "below2", "cross"]
        yield pa.RecordBatch.from_pydict(
            {"metric": list(totals), **dict(zip(names, rows[:5], strict=True)), "n": rows[5].astype(np.int64)}
        )

    def _sums(self, frame: pl.DataFrame) -> Mapping[str, tuple[np.ndarray, np.ndarray]]:
        recommender = self.placed.load()
        values = frame["value"].to_numpy()
        rows, _ = make_interactions(
            frame["user"],
            frame["item"],
            values,
            timestamps=None if frame["time"].null_count() else frame["time"].to_numpy(),
            rating_scale=self.scale,
        )
        test = Dataset("test", rows, Catalog.empty(), None, LoadReport(len(frame), len(rows)))
        fold = make_fold(recommender.train, test, rows.users, bound=self.bound)
        return measure(recommender, fold, self.metrics, self.k).sums


def evaluate(
    cluster: Cluster,
    folder: Path,
    recommender: Recommender,
    test: str | Dataset,
    *,
    k: int = 10,
    relevant_min: float | None = None,
    query: str | None = None,
    columns: Mapping[str, str | None] | None = None,
    progress: Progress = SILENT,
) -> Measurement:
    """Measure a saved model on test rows that the executors read.

    What counts and what is masked is as in :func:`tastemap.evaluate_recommender`: full ranking, training rows
    masked, users without a relevant row left out. Baselines, differences and slices are left to a local
    evaluation, as are coverage and gini, which no sum over users gives.

    Parameters
    ----------
    cluster, folder, recommender
        As in :func:`tastemap.engines.spark.write_lists`.
    test : str or Dataset
        As the source of :func:`tastemap.engines.spark.fit`.
    k, relevant_min
        As in :func:`tastemap.evaluate_recommender`.
    query, columns, progress
        As in :func:`tastemap.engines.spark.fit`.
    """
    from pyspark.sql import functions as F

    if not isinstance(test, Dataset) and not is_for_spark(test):
        test = load_here(test, query, columns or {}, progress)
    with working():
        progress.step("spark: evaluate", 0, 2, {})
        placed = place(cluster, folder)
        rows = clean(
            cluster, _opened(cluster, test, query), dict(columns or {}) if isinstance(test, str) else {}
        )
        scale = recommender.train.interactions.rating_scale
        if rows.columns.is_implicit:
            scale = None
        elif scale is None or rows.low < scale.low or rows.high > scale.high:
            scale = RatingScale(rows.low, max(rows.high, rows.low + 1.0))
        bound = _bound(recommender, scale, relevant_min)
        names = choose(None, k, has_ratings=scale is not None)
        names = tuple(name for name in names if not name.startswith(NOT_BY_USER))
        work = _Count(placed, names, k, bound, scale)
        n_tasks = cluster.spread(rows.n_kept, ROWS_PER_TASK)
        progress.step("spark: evaluate", 1, 2, {})
        # Of repeated ratings without times the last row counts, so rows keep their order.
        by_user = rows.frame.repartition(n_tasks, "user").sortWithinPartitions("user", "row")
        sums = by_user.mapInArrow(work, SCHEMA)
        total = [F.sum(name).alias(name) for name in ("above", "below", "above2", "below2", "cross", "n")]
        found = {one["metric"]: one for one in sums.groupBy("metric").agg(*total).collect()}
    figures = {name: _figure(name, found[name].asDict()) for name in names if found[name]["below"]}
    return Measurement(figures, rows.n_kept, rows.dropped)


def _opened(cluster: Cluster, test: str | Dataset, query: str | None) -> Opened:
    if isinstance(test, str):
        return open_source(cluster, test, query)
    table = test.interactions.frame().to_arrow(compat_level=pl.CompatLevel.oldest())
    return Opened(test.name, cluster.spark.createDataFrame(table), is_text=False)


def _bound(recommender: Recommender, scale: RatingScale | None, relevant_min: float | None) -> float | None:
    ids: list[Id] = [0]
    values = np.array([1.0 if scale is None else scale.low], np.float32)
    rows, _ = make_interactions(ids, ids, values, rating_scale=scale)
    return relevance_bound(rows, recommender.train.interactions, relevant_min)


def _by_user(batches: Iterable[pa.RecordBatch]) -> Iterator[pl.DataFrame]:
    for block in blocks(batches, "user"):
        yield pl.DataFrame(pl.from_arrow(block.table))


def _figure(name: str, sums: Mapping[str, float]) -> Figure:
    """Of the ratio Σa / Σb with users as the sample, and its root where the metric is one."""
    n, ratio = int(sums["n"]), sums["above"] / sums["below"]
    spread = sums["above2"] - 2.0 * ratio * sums["cross"] + ratio**2 * sums["below2"]
    half = NORMAL_95 * np.sqrt(max(spread, 0.0) * n / max(n - 1, 1)) / sums["below"]
    ends = [ratio, ratio - half, ratio + half]
    if name in ROOTED:
        ends = [np.sqrt(max(end, 0.0)) for end in ends]
    return Figure(float(ends[0]), float(ends[1]), float(ends[2]), n)
