"""What a comparison of two recommenders found, as data, tables and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import polars as pl

from tastemap.data import Id
from tastemap.errors import InvalidValueError
from tastemap.plurals import plural

Source = Literal["test", "validation", "evaluation"]


@dataclass(frozen=True)
class MetricChange:
    """One metric of both recommenders; ``change`` is b minus a.

    Parameters
    ----------
    metric : str
    a, b : float
    change : float
    relative : float or None
        ``change / |a|``, a fraction; None where a is 0.
    low, high : float or None
        The 95 % interval of the change, paired by user; None where figures cannot be paired.
    source : {"test", "validation", "evaluation"}
        Test data; validation rows that both kept; or the evaluations saved with both.
    """

    metric: str
    a: float
    b: float
    change: float
    relative: float | None
    low: float | None
    high: float | None
    source: Source

    @property
    def clear(self) -> bool:
        """Whether there is an interval and it leaves out zero."""
        return self.low is not None and self.high is not None and (self.low > 0.0 or self.high < 0.0)


@dataclass(frozen=True)
class Segment:
    """One metric over a part of the users: how many of them gain, how many lose by going from a to b."""

    label: str
    metric: str
    n_users: int
    a: float
    b: float
    share_better: float
    share_worse: float


@dataclass(frozen=True)
class SegmentOverlap:
    """How alike the lists are for a part of the users."""

    label: str
    n_users: int
    overlap: float


@dataclass(frozen=True)
class Overlap:
    """How alike the lists of users are that both know.

    Parameters
    ----------
    n_shared_users, n_users : int
        Users that both know, and of these the ones whose lists were made (a sample of many).
    overlap : float
        Mean over users of common items, divided by the length of the longer list.
    jaccard : float
        Mean over users of common items, divided by the items in either list.
    identical : float
        Share of users with the same items in the same order.
    by_activity : tuple of SegmentOverlap
    """

    n_shared_users: int
    n_users: int
    overlap: float
    jaccard: float
    identical: float
    by_activity: tuple[SegmentOverlap, ...] = ()


@dataclass(frozen=True)
class ExposureChange:
    """An item, and the share of the compared users in whose list it stands."""

    item_id: Id
    title: str | None
    a: float
    b: float
    change: float


@dataclass(frozen=True)
class Comparison:
    """Two recommenders side by side: a is what there is, b is what might replace it.

    ``n_trained_a`` and ``n_trained_b`` count those of the `n_test` test rows that are training rows of a or b.
    """

    a: str
    b: str
    k: int
    seed: int
    test: str | None
    metrics: tuple[MetricChange, ...]
    overlap: Overlap | None
    segments: tuple[Segment, ...]
    gain: tuple[ExposureChange, ...]
    lose: tuple[ExposureChange, ...]
    notes: tuple[str, ...] = ()
    n_test: int = 0
    n_trained_a: int = 0
    n_trained_b: int = 0

    def metric(self, name: str) -> MetricChange:
        """The change of one metric.

        Raises
        ------
        InvalidValueError
            If the comparison has no figure of this metric; says which it has.
        """
        for found in self.metrics:
            if found.metric == name:
                return found
        known = ", ".join(found.metric for found in self.metrics) or "none"
        raise InvalidValueError(
            f"There is no {name} of both models in this comparison (there is: {known}). "
            "Give test data that neither was fitted to (--test), with lists of that length (-k)."
        )

    def as_json(self) -> dict[str, object]:
        """Plain dicts and lists."""
        return asdict(self)

    def tables(self) -> list[tuple[str, pl.DataFrame]]:
        """Titles and tables for people; those without a row are left out."""
        exposure = pl.DataFrame(
            [(str(row.item_id), row.title, row.a, row.b, row.change) for row in (*self.gain, *self.lose)],
            schema={
                "item_id": pl.String,
                "title": pl.String,
                **dict.fromkeys(("a", "b", "change"), pl.Float64),
            },
            orient="row",
        )
        found = [
            ("Metrics", _frame(self.metrics)),
            ("Who gains and who loses", _frame(self.segments)),
            ("Overlap of lists by activity", _frame(self.overlap.by_activity if self.overlap else ())),
            ("Items shown more and less often", exposure),
        ]
        return [(title, frame) for title, frame in found if len(frame)]

    def sentences(self) -> list[str]:
        """What stands out, one sentence each; and the notes."""
        said = [_sentence(change) for change in self.metrics if change.clear]
        if any(change.low is not None for change in self.metrics) and not said:
            said.append("No metric differs by more than chance (95 %).")
        if self.overlap is not None:
            said.append(
                f"For {plural(self.overlap.n_users, 'user')} known to both, "
                f"{100 * self.overlap.overlap:.0f} % of the items in the top {self.k} are the same; "
                f"{100 * self.overlap.identical:.0f} % of the lists are identical."
            )
        return [*said, *self.notes]


def _sentence(change: MetricChange) -> str:
    relative = "" if change.relative is None else f", {100 * change.relative:+.1f} %"
    return (
        f"{change.metric} goes from {change.a:.4f} to {change.b:.4f}{relative} "
        f"(95 % interval of the change: {change.low:+.4f} to {change.high:+.4f})."
    )


def _frame(rows: Sequence[MetricChange | Segment | SegmentOverlap]) -> pl.DataFrame:
    return pl.DataFrame([asdict(row) for row in rows], infer_schema_length=None)
