"""Intervals by resampling users."""

from __future__ import annotations

import numpy as np
import pytest

from tastemap.errors import InvalidValueError
from tastemap.metrics import bootstrap as module
from tastemap.metrics.bootstrap import Ratio, bootstrap, interval, user_weights


def of_users(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Ratio:
    return Ratio(values[None, :], np.ones((1, len(values))))


def ends(ratio: Ratio, *, n_draws: int, rng: np.random.Generator) -> tuple[float, float]:
    found = interval(bootstrap([ratio], n_draws=n_draws, rng=rng)[:, 0], ratio.n_users)
    assert found is not None
    return found


def test_the_interval_of_a_mean_is_as_wide_as_its_standard_error_says() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(5.0, 2.0, 2_000)
    low, high = ends(of_users(values), n_draws=2_000, rng=rng)
    error = values.std() / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_intervals_cover_the_truth_about_19_times_in_20() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        low, high = ends(of_users(rng.normal(size=100)), n_draws=200, rng=rng)
        covered += low <= 0.0 <= high
    assert 0.90 <= covered / 200 <= 0.99


def test_rows_of_a_user_stay_together() -> None:
    # 50 users with 100 equal rows each: as rows they would be 5,000 facts, but they are 50.
    errors = np.random.default_rng(2).normal(size=50) ** 2
    ratio = Ratio(100.0 * errors[None, :], np.full((1, 50), 100.0))
    low, high = ends(ratio, n_draws=1_000, rng=np.random.default_rng(3))
    single = ends(of_users(errors), n_draws=1_000, rng=np.random.default_rng(3))
    assert (low, high) == pytest.approx(single)


def test_models_share_the_weights_so_a_constant_difference_has_no_width() -> None:
    values = np.random.default_rng(4).normal(size=80)
    draws = bootstrap([of_users(values), of_users(values + 0.25)], n_draws=50, rng=np.random.default_rng(5))
    np.testing.assert_allclose(draws[:, 1] - draws[:, 0], 0.25, atol=1e-12)


def test_a_user_is_drawn_in_all_folds_together() -> None:
    # The second fold mirrors the first: only with the same weights do the folds cancel.
    values = np.random.default_rng(6).normal(size=60)
    mirrored = Ratio(np.stack([values, -values]), np.ones((2, 60)))
    np.testing.assert_allclose(bootstrap([mirrored], n_draws=20, rng=np.random.default_rng(7)), 0.0, atol=1e-12)


def test_over_folds_the_figure_is_the_mean_of_the_roots_not_the_root_of_the_mean() -> None:
    folds = Ratio(np.array([[1.0], [9.0]]), np.ones((2, 1)), root=True)
    assert bootstrap([folds], n_draws=1, rng=np.random.default_rng(0))[0, 0] == 2.0


def test_a_draw_without_a_counted_user_is_left_out_of_the_interval() -> None:
    rare = Ratio(np.array([[0.5, 0.0, 0.0]]), np.array([[1.0, 0.0, 0.0]]))
    draws = bootstrap([rare], n_draws=200, rng=np.random.default_rng(0))[:, 0]
    assert np.isnan(draws).any()
    assert interval(draws, 6) == (0.5, 0.5)
    assert interval(np.array([np.nan]), 6) is None


@pytest.mark.parametrize("root", [False, True])
def test_fewer_than_six_users_that_count_give_no_interval(root: bool) -> None:
    below = np.zeros((2, 40))
    below[0, :5] = below[1, 2:5] = 1.0  # five users, whatever fold they stand in
    five = Ratio(np.arange(80.0).reshape(2, 40), below, root)
    assert five.n_users == 5
    assert interval(bootstrap([five], n_draws=100, rng=np.random.default_rng(0))[:, 0], five.n_users) is None
    below[1, 30] = 1.0
    six = Ratio(five.numerators, below, root)
    low, high = ends(six, n_draws=100, rng=np.random.default_rng(0))
    assert low < high


def test_six_users_that_all_differ_the_same_way_are_one_chance_in_32() -> None:
    # What makes six the fewest: 2 / 2^6 is below 5 %, 2 / 2^5 is not.
    signs = np.array(list(np.ndindex(*(2,) * module.FEWEST_USERS))) * 2 - 1
    same = (np.abs(signs.sum(axis=1)) == module.FEWEST_USERS).mean()
    assert same < 0.05 <= 2 * same


def test_the_same_seed_gives_the_same_draws_in_blocks_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(8).normal(size=30)
    whole = bootstrap([of_users(values)], n_draws=40, rng=np.random.default_rng(9))
    monkeypatch.setattr(module, "BLOCK_ENTRIES", 70)
    np.testing.assert_allclose(
        bootstrap([of_users(values)], n_draws=40, rng=np.random.default_rng(9)), whole, rtol=1e-12
    )


def test_every_draw_has_as_many_users_as_there_are() -> None:
    weights = user_weights(50, 20, np.random.default_rng(0))
    assert (weights.sum(axis=1) == 50).all()
    assert (weights >= 0).all()


def test_no_ratio_and_no_user_give_no_figure() -> None:
    assert bootstrap([], n_draws=3, rng=np.random.default_rng(0)).shape == (3, 0)
    assert np.isnan(bootstrap([of_users(np.zeros(0))], n_draws=2, rng=np.random.default_rng(0))).all()


def test_arguments_out_of_range_are_named() -> None:
    with pytest.raises(InvalidValueError, match="n_draws"):
        bootstrap([of_users(np.ones(2))], n_draws=0, rng=np.random.default_rng(0))
    with pytest.raises(InvalidValueError, match="same users"):
        bootstrap([of_users(np.ones(2)), of_users(np.ones(3))], n_draws=1, rng=np.random.default_rng(0))
