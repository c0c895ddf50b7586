"""From what users added in each fold to figures with intervals, and paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tastemap.evaluation.fold import Tested
from tastemap.evaluation.measure import Measured
from tastemap.evaluation.names import HEADLINE, METRICS, is_better
from tastemap.evaluation.records import Difference, Estimate
from tastemap.linalg.threads import single_threaded_blas
from tastemap.linalg.types import Float64Array
from tastemap.metrics.bootstrap import Ratio, bootstrap, interval, mean_of_folds

BASELINE_OF = {"rmse": "bias", "ndcg": "popularity"}
"""The baseline that each headline metric is held against."""

ROUNDING = 1e-6
"""Models are float32: figures of one model fitted twice may differ by this much, and it means nothing."""

ROOTED = ("rmse", "rmse_known")
"""Metrics that are the root of a ratio of sums."""

Key = tuple[str, str]
"""A model's name and a metric's name."""


@dataclass(frozen=True, eq=False)
class Figures:
    """All figures of an evaluation.

    Parameters
    ----------
    ratios : dict of (model, metric) to Ratio
        Over all bootstrapped users.
    draws : dict of (model, metric) to array of shape (R,)
        From the same user weights for all keys.
    estimates : dict of model to dict of metric to Estimate
    """

    ratios: dict[Key, Ratio]
    draws: dict[Key, Float64Array]
    estimates: dict[str, dict[str, Estimate]]


def summarize(
    folds: Sequence[Tested],
    measured: Mapping[str, Sequence[Measured]],
    names: Sequence[str],
    *,
    n_draws: int,
    rng: np.random.Generator,
) -> Figures:
    """Figures of every model with 95 % intervals from one set of user draws.

    Parameters
    ----------
    folds : sequence of Tested
    measured : mapping of model to one Measured a fold
    names : sequence of str
        Metrics, in the order of the table.
    n_draws : int
    rng : Generator
    """
    n_users = 1 + max(int(fold.population.max()) for fold in folds)
    ratios = {
        (model, name): _ratio(folds, runs, name, n_users)
        for model, runs in measured.items()
        for name in names
        if all(name in run.sums for run in runs)
    }
    # Sums of a product of matrices could otherwise depend on the number of threads.
    with single_threaded_blas():
        drawn = bootstrap(list(ratios.values()), n_draws=n_draws, rng=rng)  # (R, C)
    draws = {key: drawn[:, column] for column, key in enumerate(ratios)}
    estimates: dict[str, dict[str, Estimate]] = {}
    for model, runs in measured.items():
        found = {name: _estimate((model, name), ratios, draws, runs) for name in names}
        estimates[model] = {name: estimate for name, estimate in found.items() if estimate is not None}
    return Figures(ratios, draws, estimates)


def _ratio(folds: Sequence[Tested], runs: Sequence[Measured], name: str, n_users: int) -> Ratio:
    above, below = np.zeros((2, len(folds), n_users))  # (F, U) each
    for row, (fold, run) in enumerate(zip(folds, runs, strict=True)):
        above[row, fold.population], below[row, fold.population] = run.sums[name]
    return Ratio(above, below, root=name in ROOTED)


def _estimate(
    key: Key, ratios: Mapping[Key, Ratio], draws: Mapping[Key, Float64Array], runs: Sequence[Measured]
) -> Estimate | None:
    """The estimate of one metric; None where the model has no answer, or no user counts."""
    name = key[1]
    ends = None
    if key in ratios:
        by_fold = ratios[key].fold_figures()  # (F,)
        ends = interval(draws[key], ratios[key].n_users)
    elif all(name in run.fixed for run in runs):
        by_fold = np.array([run.fixed[name] for run in runs])
    else:
        return None
    value = float(mean_of_folds(by_fold))
    if np.isnan(value):
        return None
    low, high = ends or (None, None)
    return Estimate(value, low, high, tuple(by_fold[~np.isnan(by_fold)].tolist()))


def differences(figures: Figures, k: int) -> tuple[Difference, ...]:
    """Every model against the best one and against the baseline, per headline metric."""
    found: list[Difference] = []
    for stem in HEADLINE:
        name, baseline = METRICS[stem].name(k), BASELINE_OF[stem]
        values = {model: row[name].value for model, row in figures.estimates.items() if name in row}
        if len(values) < 2:
            continue
        best = next(iter(values))
        for model, value in values.items():
            best = model if is_better(name, value, values[best]) else best
        for other in dict.fromkeys((best, baseline)):
            if other in values:
                found += [_difference(figures, name, model, other) for model in values if model != other]
    return tuple(found)


def _difference(figures: Figures, name: str, model: str, other: str) -> Difference:
    value = figures.estimates[model][name].value - figures.estimates[other][name].value
    one, another = (model, name), (other, name)
    change = figures.draws[one] - figures.draws[another]
    low, high = paired_interval(change, figures.ratios[one], figures.ratios[another])
    return Difference(model, other, name, without_noise(value), low, high)


def paired_interval(change: Float64Array, *of: Ratio) -> tuple[float | None, float | None]:
    """The ends of the interval of a change, drawn with the same users for both ratios; None if few count."""
    ends = interval(change, min(ratio.n_users for ratio in of))
    return (None, None) if ends is None else (without_noise(ends[0]), without_noise(ends[1]))


def without_noise(difference: float) -> float:
    """Zero where figures differ only by the rounding of their models: equal models must not differ clearly."""
    return 0.0 if abs(difference) < ROUNDING else difference
