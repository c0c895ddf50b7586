"""The metrics by name: what each needs, and which direction is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tastemap.errors import InvalidValueError, unknown_name

Family = Literal["rating", "ranking", "catalog"]


@dataclass(frozen=True)
class Metric:
    """One metric.

    Parameters
    ----------
    stem : str
        The name without ``@k``.
    family : {"rating", "ranking", "catalog"}
        ``rating`` compares predicted ratings with ratings, ``ranking`` lists with relevant test rows,
        ``catalog`` looks at the lists alone. Only ``rating`` names carry no ``@k``.
    better : {"lower", "higher", "neither"}
    summary : str
        One line for people.
    """

    stem: str
    family: Family
    better: Literal["lower", "higher", "neither"]
    summary: str

    def name(self, k: int) -> str:
        """The name in tables, such as ``ndcg@10``."""
        return self.stem if self.family == "rating" else f"{self.stem}@{k}"


METRICS: dict[str, Metric] = {
    metric.stem: metric
    for metric in (
        Metric("rmse", "rating", "lower", "root mean squared error over all test rows, in stars"),
        Metric("rmse_known", "rating", "lower", "the same over rows whose user and item are both known"),
        Metric("mae", "rating", "lower", "mean absolute error over all test rows, in stars"),
        Metric("precision", "ranking", "higher", "share of the k places that hold a relevant item"),
        Metric("recall", "ranking", "higher", "share of a user's relevant items that are listed"),
        Metric("ndcg", "ranking", "higher", "gain of relevant items, more at early places; 1 is the best list"),
        Metric("map", "ranking", "higher", "mean precision at the places of relevant items"),
        Metric("mrr", "ranking", "higher", "one over the place of the first relevant item"),
        Metric("hit_rate", "ranking", "higher", "share of users with a relevant item in the list"),
        Metric("coverage", "catalog", "higher", "share of the catalog that is recommended to anyone"),
        Metric("novelty", "catalog", "neither", "mean surprise of listed items, in bits"),
        Metric("gini", "catalog", "lower", "inequality of exposure; 0 shows all items alike"),
    )
}
"""All metrics by stem, in the order of tables."""

HEADLINE = ("rmse", "ndcg")
"""The metric that speaks for each objective; paired differences are shown for these."""


def metric_of(name: str) -> Metric:
    """The metric of a name in a table, such as ``ndcg@10``."""
    return METRICS[name.split("@")[0]]


def is_better(name: str, value: float, other: float) -> bool:
    """Whether `value` is the better figure of the metric `name`; novelty counts as better if higher."""
    return value < other if metric_of(name).better == "lower" else value > other


def choose(wanted: Sequence[str] | None, k: int, *, has_ratings: bool) -> tuple[str, ...]:
    """The names to compute, in the order of tables.

    Parameters
    ----------
    wanted : sequence of str or None
        Names with or without ``@k``; None for all that the data has an answer for.
    k : int
        The length of lists.
    has_ratings : bool
        Whether the test rows have ratings.

    Raises
    ------
    UnknownNameError
        If a name is unknown, or names another list length than `k`.
    InvalidValueError
        If `wanted` is empty, or a metric needs ratings and there are none.
    """
    known = {metric.name(k): metric for metric in METRICS.values()}
    if wanted is None:
        return tuple(name for name, metric in known.items() if has_ratings or metric.family != "rating")
    if isinstance(wanted, str) or not wanted:
        raise InvalidValueError(
            f"metrics must be a list of one or more names, or None for all. Got {wanted!r}; "
            f"known: {', '.join(known)}."
        )
    chosen = set()
    for name in wanted:
        full = METRICS[name].name(k) if name in METRICS else name
        if full not in known:
            raise unknown_name("metric", name, known)
        if known[full].family == "rating" and not has_ratings:
            raise InvalidValueError(
                f"metrics: {name} needs ratings and the test rows have none; "
                f"choose ranking metrics such as ndcg@{k}."
            )
        chosen.add(full)
    return tuple(name for name in known if name in chosen)
