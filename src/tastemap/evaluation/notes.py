"""What was tested and what a reader of the figures should know: nothing is left out silently."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tastemap.data import license_of
from tastemap.evaluation.fold import Tested
from tastemap.evaluation.records import TestCounts
from tastemap.plurals import plural


def count(tested: Sequence[Tested]) -> TestCounts:
    """Counts, summed over folds."""
    return TestCounts(
        n_train=sum(fold.n_train for fold in tested),
        n_test=sum(len(fold.rows) for fold in tested),
        n_users=sum(fold.n_users for fold in tested),
        n_unknown_users=sum(int((~fold.known_user).sum()) for fold in tested),
        n_unknown_items=sum(len(np.unique(fold.rows.item_index[~fold.known_item])) for fold in tested),
        n_rows_unknown=sum(int((~fold.known_row).sum()) for fold in tested),
        n_users_without_relevant=sum(int((fold.n_relevant == 0).sum()) for fold in tested),
    )


def notes_of(tested: Sequence[Tested], data_name: str, also_given: int | None) -> tuple[str, ...]:
    """The data's license, and sentences about what a reader might not expect of the test."""
    license = license_of(data_name)
    said = [] if license is None else [f"License of the data: {license}."]
    if not any(fold.relevant.any() for fold in tested):
        said.append("No test row is relevant, so there are no ranking figures; lower relevant_min.")
    if also_given is not None and not any(fold.n_also_masked for fold in tested):
        said.append(
            f"Careful: of {plural(also_given, 'pair')} to be masked too, none was: none has a test user and a "
            "known item that is not masked already. Check that its ids are those of the data."
        )
    masked = sum(fold.n_masked_rows for fold in tested)
    if masked:
        said.append(
            f"Careful: {masked:,} of {sum(len(fold.rows) for fold in tested):,} test rows are training rows or "
            "masked ones. Errors on rows that a model was trained on flatter it; such rows are never listed."
        )
    without_test = sum(fold.n_users_without_test for fold in tested)
    if without_test:
        said.append(
            f"Users with a single interaction, which stays in training, are not tested: {without_test:,}."
        )
    return tuple(said)
