"""What was tested and what a reader of the figures should know: nothing is left out silently."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tastemap.data import UNKNOWN, license_of
from tastemap.evaluation.fold import Fold
from tastemap.evaluation.records import TestCounts


def count(folds: Sequence[Fold]) -> TestCounts:
    """Counts, summed over folds."""
    return TestCounts(
        n_train=sum(len(fold.train.interactions) for fold in folds),
        n_test=sum(len(fold.test) for fold in folds),
        n_users=sum(fold.n_users for fold in folds),
        n_unknown_users=sum(int((~fold.known_user).sum()) for fold in folds),
        n_unknown_items=sum(len(np.unique(fold.test.item_index[fold.item_index == UNKNOWN])) for fold in folds),
        n_rows_unknown=sum(int((~fold.known_row).sum()) for fold in folds),
        n_users_without_relevant=sum(int((fold.n_relevant == 0).sum()) for fold in folds),
    )


def notes_of(folds: Sequence[Fold], data_name: str) -> tuple[str, ...]:
    """Sentences about masked test rows, a test without anything relevant, and the data's license."""
    license = license_of(data_name)
    said = [] if license is None else [f"License of the data: {license}."]
    if not any(fold.relevant.any() for fold in folds):
        said.append("No test row is relevant, so there are no ranking figures; lower relevant_min.")
    masked = sum(int(fold.masked_test_row.sum()) for fold in folds)
    if masked:
        said.append(
            f"Careful: {masked:,} of {sum(len(fold.test) for fold in folds):,} test rows are training rows or "
            "masked ones. Errors on rows that a model was trained on flatter it; such rows are never listed."
        )
    return tuple(said)
