"""Compare two fitted recommenders: metrics on the same rows, lists of the same users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from tastemap.data import Dataset, IdMap, Interactions
from tastemap.data.dataset import check_dataset
from tastemap.errors import InvalidValueError
from tastemap.evaluation.comparison import Comparison, MetricChange, Segment, Source
from tastemap.evaluation.fold import Tested, make_fold, relevance_bound
from tastemap.evaluation.measure import Measured, Sums, error_sums, measure
from tastemap.evaluation.names import choose, is_better, metric_of
from tastemap.evaluation.overlap import exposure_changes, list_pairs, overlap_of
from tastemap.evaluation.slices import groups
from tastemap.evaluation.summary import ROUNDING, Key, paired_interval, ratios_of, without_noise
from tastemap.linalg.threads import single_threaded_blas
from tastemap.linalg.types import BoolArray, Float64Array
from tastemap.metrics.bootstrap import Ratio, bootstrap
from tastemap.models.recommender import Recommender, check_recommender
from tastemap.plurals import plural
from tastemap.rng import Rng, seed_of, stream


@dataclass(frozen=True, eq=False)
class _Paired:
    """What the same T users add to the metrics of both recommenders.

    ``fixed`` holds metrics of all lists together; ``activity`` is each user's training
    interactions in a, shape (T,); ``n_trained`` counts the test rows that a and b were trained on.
    """

    a: Sums
    b: Sums
    fixed: Mapping[str, tuple[float, float]]
    activity: Float64Array
    source: Source
    n_trained: tuple[int, int] = (0, 0)

    @cached_property
    def ratios(self) -> dict[Key, Ratio]:
        """For "a" and "b", the statistic of every metric that both have."""
        sums = {
            (side, name): [added[name]]
            for side, added in (("a", self.a), ("b", self.b))
            for name in self.a
            if name in self.b
        }
        n_users = len(self.activity)
        return ratios_of(sums, [np.arange(n_users)], n_users)


def compare(
    a: Recommender,
    b: Recommender,
    *,
    test: Dataset | None = None,
    k: int = 10,
    rng: Rng = 0,
    n_draws: int = 1000,
) -> Comparison:
    """Hold b against a: metrics, overlap of lists, who gains and who loses.

    *Stability: caller-stable.*

    With `test`, all metrics that both have an answer for are computed on its rows, and changes get
    95 % intervals paired by user; ``rmse_known`` is over the rows known to both. Without it, errors are
    computed on the validation rows that both kept, and other metrics are taken from the evaluations saved
    with both, if these were made on the same data under the same protocol; such changes have no interval.

    Parameters
    ----------
    a, b : Recommender
        Need not be fitted to the same data: users and items meet by id.
    test : Dataset or None
        Interactions that neither was fitted to; training rows among them are counted and noted.
    k : int
        Length of lists, >= 1.
    rng : int, Generator or None
        The seed of the bootstrap, and of the sample of 10,000 users where more are shared.
    n_draws : int
        Bootstrap draws.

    Returns
    -------
    Comparison

    Raises
    ------
    InvalidValueError
        If `k` or `n_draws` is out of range.
    """
    check_recommender(a, argument="a")
    check_recommender(b, argument="b")
    if test is not None:
        check_dataset("test", test)
    for argument, value in (("k", k), ("n_draws", n_draws)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InvalidValueError(f"{argument} must be an int >= 1. Got {value!r}.")
    seed = seed_of(rng)
    paired = _on_test(a, b, test, k) if test is not None else _on_validation(a, b)
    changes = _changes(paired, n_draws, stream(seed, "bootstrap")) if paired else []
    if test is None:
        changes += _saved(a, b, {change.metric for change in changes})
    found = Comparison(
        a=a.name,
        b=b.name,
        k=k,
        seed=seed,
        test=None if test is None else test.name,
        metrics=tuple(changes),
        overlap=None,
        segments=tuple(_segments(paired, k)) if paired else (),
        gain=(),
        lose=(),
        notes=_notes(a, b, changes, test),
        n_test=0 if test is None else len(test.interactions),
        n_trained_a=paired.n_trained[0] if paired else 0,
        n_trained_b=paired.n_trained[1] if paired else 0,
    )
    found = replace(found, notes=(*_flattered(found), *found.notes))
    pairs = list_pairs(a, b, k, stream(seed, "compare users"))
    if pairs is None:
        return replace(
            found, notes=(*found.notes, "No user is known to both models: lists cannot be compared.")
        )
    activity = a.train.interactions.by_user.row_lengths[pairs.users].astype(np.float64)
    gain, lose = exposure_changes(a, b, pairs)
    return replace(found, overlap=overlap_of(pairs, activity), gain=gain, lose=lose)


def _on_test(a: Recommender, b: Recommender, test: Dataset, k: int) -> _Paired:
    """Both measured on the same test rows, each masking its own training rows.

    The known rows are those that both know: errors over other rows for each could not be paired.
    """
    rows = test.interactions
    names = choose(None, k, has_ratings=not rows.is_implicit)
    bound = relevance_bound(rows, a.train.interactions, None)
    runs: list[Measured] = []
    tested: list[Tested] = []
    for side in (a, b):
        fold = make_fold(side.train, test, rows.users, bound=bound)
        runs.append(measure(side, fold, names, k))
        tested.append(fold.tested)
    of_a, of_b = runs
    fixed = {name: (of_a.fixed[name], of_b.fixed[name]) for name in of_a.fixed if name in of_b.fixed}
    known = tested[0].known_row & tested[1].known_row
    sums_a, sums_b = (_with_known(run, rows, known) for run in runs)
    activity = tested[0].history_lengths.astype(np.float64)
    n_trained_a, n_trained_b = (one.n_masked_rows for one in tested)  # nothing else is masked
    return _Paired(sums_a, sums_b, fixed, activity, "test", (n_trained_a, n_trained_b))


def _with_known(run: Measured, rows: Interactions, known: BoolArray) -> Sums:
    """The sums of a run, those of ``rmse_known`` over the rows of the mask."""
    if run.predictions is None:
        return run.sums
    ratings = rows.values[known].astype(np.float64)
    of_known = error_sums(rows.user_index[known], ratings, run.predictions[known], rows.n_users)
    return {**run.sums, "rmse_known": of_known["rmse"]}


def _on_validation(a: Recommender, b: Recommender) -> _Paired | None:
    """Errors on the validation rows that both kept; None if there are none."""
    if a.validation is None or b.validation is None:
        return None
    keys = [pl.col("user_id").cast(pl.String), pl.col("item_id").cast(pl.String)]
    left, right = (side.validation.with_columns(keys) for side in (a, b) if side.validation is not None)
    rows = left.join(right, on=["user_id", "item_id"], suffix="_b").sort("user_id", "item_id")
    if not len(rows):
        return None
    users = IdMap(rows["user_id"], kind="user")
    user = users.indices(rows["user_id"])
    rating, of_a, of_b = (
        rows[column].to_numpy().astype(np.float64) for column in ("rating", "prediction", "prediction_b")
    )
    in_a = a.users.indices(users.ids)
    activity = np.where(in_a >= 0, a.train.interactions.by_user.row_lengths[in_a], 0).astype(np.float64)
    sums_a, sums_b = (error_sums(user, rating, predicted, len(users)) for predicted in (of_a, of_b))
    return _Paired(sums_a, sums_b, {}, activity, "validation")


def _changes(paired: _Paired, n_draws: int, rng: np.random.Generator) -> list[MetricChange]:
    """The change of every metric that both have, with its interval from one set of user draws."""
    ratios = paired.ratios
    with single_threaded_blas():
        drawn = bootstrap(list(ratios.values()), n_draws=n_draws, rng=rng)
    draws = dict(zip(ratios, drawn.T, strict=True))  # (R,) each
    found = []
    for name in [name for side, name in ratios if side == "a"]:
        of_a, of_b = ratios["a", name], ratios["b", name]
        a, b = (float(ratio.fold_figures()[0]) for ratio in (of_a, of_b))
        if np.isnan(a) or np.isnan(b):
            continue
        ends = paired_interval(draws["b", name] - draws["a", name], of_a, of_b)
        found.append(_change(name, a, b, ends, paired.source))
    for name, (a, b) in paired.fixed.items():
        found.append(_change(name, a, b, (None, None), paired.source))
    return found


def _change(
    name: str, a: float, b: float, ends: tuple[float | None, float | None], source: Source
) -> MetricChange:
    change = without_noise(b - a)
    return MetricChange(name, a, b, change, change / abs(a) if a else None, *ends, source)


def _segments(paired: _Paired, k: int) -> list[Segment]:
    """Headline metrics by user activity; a user gains where b's own figure is better than a's."""
    found = []
    for name in ("rmse", f"ndcg@{k}"):
        if ("a", name) not in paired.ratios:
            continue
        (above_a, below_a), (above_b, below_b) = paired.a[name], paired.b[name]
        counted = (below_a > 0) & (below_b > 0)
        of_a, of_b = above_a / np.maximum(below_a, 1), above_b / np.maximum(below_b, 1)  # (T,)
        sign = 1.0 if is_better(name, 1.0, 0.0) else -1.0
        for label, mask in groups(paired.activity, "in training"):
            users = mask & counted
            if users.any():
                figure_a, figure_b = (paired.ratios[side, name].pooled(users) for side in ("a", "b"))
                better, worse = (
                    float((way * sign * (of_b - of_a)[users] > ROUNDING).mean()) for way in (1, -1)
                )
                found.append(Segment(label, name, int(users.sum()), figure_a, figure_b, better, worse))
    return found


def _saved(a: Recommender, b: Recommender, covered: set[str]) -> list[MetricChange]:
    """Figures from the evaluations saved with both, if made on the same data in the same way."""
    one, other = a.evaluation, b.evaluation
    if one is None or other is None:
        return []
    if any(one.get(key) != other.get(key) for key in ("fingerprint", "protocol")):
        return []
    of_a, of_b = _values(one, a.name), _values(other, b.name)
    return [
        _change(name, value, of_b[name], (None, None), "evaluation")
        for name, value in of_a.items()
        if name in of_b and name not in covered
    ]


def _values(evaluation: Mapping[str, Any], model: str) -> dict[str, float]:
    for row in evaluation["models"]:
        if row["model"] == model:
            return {name: float(estimate["value"]) for name, estimate in row["metrics"].items()}
    return {}


def _flattered(found: Comparison) -> list[str]:
    """A warning for each model that was trained on test rows."""
    trained = ((f"A, {found.a}", found.n_trained_a), (f"B, {found.b}", found.n_trained_b))
    return [
        f"Careful: {n:,} of {plural(found.n_test, 'test row')} are training rows of {model}. Errors on rows "
        "that a model was trained on flatter it; such rows are never listed."
        for model, n in trained
        if n
    ]


def _notes(
    a: Recommender, b: Recommender, changes: Sequence[MetricChange], test: Dataset | None
) -> tuple[str, ...]:
    said = []
    if test is None and not any(metric_of(change.metric).family == "ranking" for change in changes):
        said.append("Ranking metrics need test data that neither model was fitted to.")
    if a.train.fingerprint != b.train.fingerprint:
        said.append("The models were fitted to different interactions.")
    return tuple(said)
