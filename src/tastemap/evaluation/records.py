"""What an evaluation found, as data: everything that prints, draws or compares reads these records."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval from bootstrapping users.

    Parameters
    ----------
    value : float
        The figure itself; over folds, the mean of the folds' figures.
    low, high : float or None
        The interval; None if fewer than six users count. Coverage and gini are figures of all lists
        together, not means over users: they have none either.
    folds : tuple of float
        The figure of each fold; one entry where there is one split.
    """

    value: float
    low: float | None
    high: float | None
    folds: tuple[float, ...] = ()

    def __repr__(self) -> str:
        if self.low is None:
            return f"Estimate {self.value:.4g} (no interval)"
        return f"Estimate {self.value:.4g} (95 % interval {self.low:.4g} to {self.high:.4g})"


@dataclass(frozen=True)
class Difference:
    """A paired difference of two models on the same users: `model` minus `other`.

    ``low`` and ``high`` are None if fewer than six users count for both; such a difference is never clear.
    """

    model: str
    other: str
    metric: str
    value: float
    low: float | None
    high: float | None

    @property
    def clear(self) -> bool:
        """Whether there is an interval and it leaves out zero."""
        return self.low is not None and self.high is not None and (self.low > 0.0 or self.high < 0.0)


@dataclass(frozen=True)
class Slice:
    """Figures for a part of the users (by activity) or of the test rows (by popularity of the item).

    ``figures`` maps model, then metric, to the figure.
    """

    by: str
    label: str
    n: int
    figures: dict[str, dict[str, float]]


@dataclass(frozen=True)
class ModelResult:
    """One row of the table.

    ``metrics`` maps a metric's name (``rmse``, ``rmse_known``, ``mae``, ``ndcg@10``, ``coverage@10``, …)
    to its estimate; a metric that the model has no answer for is absent (no RMSE for a ranking model).
    """

    model: str
    objective: str
    is_baseline: bool
    settings: dict[str, object]
    metrics: dict[str, Estimate]
    fit_s: float
    predict_s: float


@dataclass(frozen=True)
class Protocol:
    """How the figures came about; printed with every table.

    ``relevant_min`` is None where every test row is relevant. ``also_given`` counts the pairs of
    `also_mask`, None where there was none; ``also_masked`` those masked besides the training rows, summed
    over folds.
    """

    split: str
    n_folds: int
    k: int
    relevant_min: float | None
    bootstrap_draws: int
    seed: int
    also_masked: int = 0
    also_given: int | None = None


@dataclass(frozen=True)
class TestCounts:
    """What was tested, summed over folds; nothing is left out without being counted."""

    __test__ = False  # not a test class, whatever its name starts with

    n_train: int
    n_test: int
    n_users: int
    n_unknown_users: int
    n_unknown_items: int
    n_rows_unknown: int
    n_users_without_relevant: int


@dataclass(frozen=True)
class EvaluationRecord:
    """An evaluation of several models on one data set, under one protocol."""

    data: str
    fingerprint: str
    is_implicit: bool
    protocol: Protocol
    counts: TestCounts
    models: tuple[ModelResult, ...]
    differences: tuple[Difference, ...] = ()
    slices: tuple[Slice, ...] = ()
    notes: tuple[str, ...] = field(default_factory=tuple)

    def __repr__(self) -> str:
        models = ", ".join(row.model for row in self.models)
        return f"EvaluationRecord of {models} on {self.data}, split {self.protocol.split}"

    def result(self, model: str) -> ModelResult:
        """The row of one model."""
        return next(row for row in self.models if row.model == model)

    def as_json(self) -> dict[str, object]:
        """Plain dicts and lists, as ``--json`` prints them and the manifest keeps them."""
        return asdict(self)
