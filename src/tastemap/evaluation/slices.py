"""Figures for parts of the users, by activity, and parts of the test rows, by popularity of the item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tastemap.evaluation.fold import Tested
from tastemap.evaluation.measure import Measured
from tastemap.evaluation.records import Slice
from tastemap.evaluation.summary import Figures
from tastemap.linalg.types import BoolArray, Float64Array, IntArray
from tastemap.metrics.bootstrap import Ratio
from tastemap.metrics.rating import rmse

USER_ACTIVITY = "user activity"
ITEM_POPULARITY = "item popularity"

N_GROUPS = 4


def groups(amounts: Float64Array, unit: str) -> list[tuple[str, BoolArray]]:
    """Labels and masks of four parts of about equal size, by rising amount; a part of its own for 0.

    Equal amounts stay together, so with few distinct amounts there are fewer parts.

    >>> for label, mask in groups(np.array([0.0, 1, 2, 3, 8]), "rows"):
    ...     print(label, mask.nonzero()[0])
    unknown [0]
    1 rows [1]
    2 rows [2]
    3 rows [3]
    8 rows [4]
    """
    found = [("unknown", amounts == 0)]
    some = amounts > 0
    if some.any():
        cuts = np.quantile(amounts[some], np.arange(1, N_GROUPS) / N_GROUPS)
        part = np.where(some, np.searchsorted(cuts, amounts, side="left"), -1)
        for number in range(N_GROUPS):
            mask = part == number
            if mask.any():
                low, high = (f"{round(float(end), 1):g}" for end in (amounts[mask].min(), amounts[mask].max()))
                span = low if low == high else f"{low}–{high}"
                found.append((f"{span} {unit}", mask))
    return [(label, mask) for label, mask in found if mask.any()]


def user_slices(folds: Sequence[Tested], figures: Figures, names: Sequence[str]) -> list[Slice]:
    """By the length of what is known of a user (the mean over the folds that test the user).

    The figures are those of `names` over the users of a part, all folds pooled; ``n`` counts users.
    """
    n_users = 1 + max(int(fold.population.max()) for fold in folds)
    length, tested = np.zeros(n_users), np.zeros(n_users)
    for fold in folds:
        length[fold.population] += fold.history_lengths
        tested[fold.population] += 1
    # A user of the population is tested at least once.
    parts = groups(length / tested, "in training")
    found = []
    for label, mask in parts:
        rows: dict[str, dict[str, float]] = {}
        for (model, name), ratio in figures.ratios.items():
            value = _pooled(ratio, mask)
            if name in names and not np.isnan(value):
                rows.setdefault(model, {})[name] = value
        found.append(Slice(USER_ACTIVITY, label, int(mask.sum()), rows))
    return [part for part in found if part.figures]


def _pooled(ratio: Ratio, users: BoolArray) -> float:
    above, below = (part[:, users].sum() for part in (ratio.numerators, ratio.denominators))
    return float(Ratio(np.array([[above]]), np.array([[below]]), ratio.root).fold_figures()[0])


def item_slices(
    folds: Sequence[Tested], measured: Mapping[str, Sequence[Measured]], names: Sequence[str], k: int
) -> list[Slice]:
    """By the popularity of the item of a test row; ``n`` counts test rows, all folds pooled.

    RMSE is over the rows of a part. Recall is a mean over users, as in the table, with only the
    part's items as relevant ones: users without such an item are left out.
    """
    popularity = np.concatenate([np.maximum(fold.item_popularity, 0) for fold in folds]).astype(np.float64)
    found = []
    for label, mask in groups(popularity, "in training"):
        rows: dict[str, dict[str, float]] = {}
        for model, runs in measured.items():
            cut = np.split(mask, np.cumsum([len(fold.rows) for fold in folds])[:-1])
            if f"recall@{k}" in names:
                _keep(rows, model, f"recall@{k}", _recall(folds, runs, cut))
            if "rmse" in names:
                _keep(rows, model, "rmse", _rmse(folds, runs, cut))
        found.append(Slice(ITEM_POPULARITY, label, int(mask.sum()), rows))
    return [part for part in found if part.figures]


def _keep(rows: dict[str, dict[str, float]], model: str, name: str, value: float) -> None:
    if not np.isnan(value):
        rows.setdefault(model, {})[name] = value


def _recall(folds: Sequence[Tested], runs: Sequence[Measured], cut: Sequence[BoolArray]) -> float:
    total, n_users = 0.0, 0
    for fold, run, mask in zip(folds, runs, cut, strict=True):
        if run.row_hit is not None:
            relevant = _by_user(fold, mask & fold.relevant)  # (T,)
            hit = _by_user(fold, mask & run.row_hit)
            total += float((hit / np.maximum(relevant, 1)).sum())
            n_users += int((relevant > 0).sum())
    return total / n_users if n_users else float("nan")


def _by_user(fold: Tested, rows: BoolArray) -> IntArray:
    return np.bincount(fold.rows.user_index[rows], minlength=fold.n_users)


def _rmse(folds: Sequence[Tested], runs: Sequence[Measured], cut: Sequence[BoolArray]) -> float:
    ratings, predictions = [np.zeros(0)], [np.zeros(0)]
    for fold, run, mask in zip(folds, runs, cut, strict=True):
        if run.predictions is not None:
            ratings.append(fold.rows.values[mask].astype(np.float64))
            predictions.append(run.predictions[mask])
    return rmse(np.concatenate(ratings), np.concatenate(predictions))
