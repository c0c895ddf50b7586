"""From what users add to figures: shared arrays, who counts for a difference, and what is only rounding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tastemap.evaluation import fold
from tastemap.evaluation.slices import user_slices
from tastemap.evaluation.summary import Figures, paired_interval, ratios_of, without_noise
from tastemap.linalg.types import Float64Array
from tastemap.metrics.bootstrap import Ratio
from tests.unit.evaluation.by_hand import dataset


def counting(users: range, of: int = 12) -> Ratio:
    """A statistic for which the users of a range count."""
    below = np.isin(np.arange(of), users).astype(np.float64)
    return Ratio(np.stack([below, below]), slice(0, 1), slice(1, 2))


@pytest.mark.parametrize(("first", "expected"), [(4, (0.5, 0.5)), (5, (None, None))])
def test_users_that_count_for_one_of_two_models_give_a_difference_no_interval(
    first: int, expected: tuple[float | None, float | None]
) -> None:
    # Users 0 to 9 count for one; from 4 or 5 on for the other: six or five for both, though seven for each.
    found = paired_interval(np.full(20, 0.5), counting(range(10)), counting(range(first, 12)))
    assert found == expected


def test_differences_below_the_rounding_of_float32_models_are_none() -> None:
    assert [without_noise(found) for found in (9e-7, -9e-7, 1.1e-6, -1.1e-6)] == [0.0, 0.0, 1.1e-6, -1.1e-6]
    few: Float64Array = np.full(20, 9e-7)
    assert paired_interval(few, counting(range(12)), counting(range(12))) == (0.0, 0.0)


def test_users_stand_at_their_place_in_each_fold_and_a_shared_denominator_stands_in_the_table_once() -> None:
    counted = [np.array([1.0, 1.0]), np.array([1.0])]
    sums = {
        ("a", "ndcg@5"): list(zip([np.array([0.5, 0.25]), np.array([1.0])], counted, strict=True)),
        ("b", "rmse"): list(zip([np.array([4.0, 9.0]), np.array([16.0])], counted, strict=True)),
    }
    found = ratios_of(sums, [np.array([2, 0]), np.array([1])], 4)
    ndcg, rmse = found.values()
    assert ndcg.table is rmse.table
    assert ndcg.table.tolist() == [
        [0.25, 0.0, 0.5, 0.0], [0.0, 1.0, 0.0, 0.0],
        [1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0],
        [9.0, 0.0, 4.0, 0.0], [0.0, 16.0, 0.0, 0.0],
    ]  # fmt: skip
    assert ndcg.fold_figures().tolist() == [0.375, 1.0]
    assert rmse.fold_figures() == pytest.approx([np.sqrt(6.5), 4.0])


def test_the_activity_of_a_user_is_the_mean_over_the_folds_that_test_the_user() -> None:
    def tested(users: list[int], lengths: list[int]) -> fold.Tested:
        rows = dataset([(f"u{user}", 1, 5.0) for user in users])
        made = fold.make_fold(rows, rows, rows.interactions.users, bound=None)
        return replace(made.tested, population=np.array(users), history_lengths=np.array(lengths))

    # User 0 has 2 and 4 in two folds, user 1 has 3 in one, user 2 has 5 in one.
    folds = [tested([0, 1], [2, 3]), tested([0, 2], [4, 5])]
    ones = [(np.ones(2), np.ones(2))] * 2
    ratios = ratios_of({("a", "rmse"): ones}, [one.population for one in folds], 3)
    found = user_slices(folds, Figures(ratios, {}, {}), ["rmse"])
    assert [(part.label, part.n) for part in found] == [("3 in training", 2), ("5 in training", 1)]
