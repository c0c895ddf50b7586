"""Times and sizes as they are written, and a budget that counts by a clock that is passed in."""

from __future__ import annotations

import math

import pytest

from tastemap.errors import InvalidValueError
from tastemap.tuning.budget import Budget, EpochClock
from tastemap.tuning.units import duration_s, size_bytes
from tests.unit.tuning.clocks import Hand, Listener


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("60s", 60.0),
        ("5m", 300.0),
        ("5 min", 300.0),
        ("1.5h", 5400.0),
        (".5h", 1800.0),
        (90, 90.0),
        ("2M", 120.0),
    ],
)
def test_a_time_is_read(written: str | float, seconds: float) -> None:
    assert duration_s("budget", written) == seconds


@pytest.mark.parametrize(
    ("written", "n_bytes"),
    [("4GB", 4 * 10**9), ("512MB", 512 * 10**6), ("1 GiB", 2**30), ("1.5kb", 1500), (1000, 1000)],
)
def test_a_size_is_read(written: str | float, n_bytes: int) -> None:
    assert size_bytes("max_memory", written) == n_bytes


@pytest.mark.parametrize(
    "wrong", ["60", "", "s", "nan s", "-5s", "0s", "1e3s", math.nan, math.inf, 0, -1, True, "4GB"]
)
def test_what_is_no_time_is_refused_with_an_example(wrong: str | float) -> None:
    with pytest.raises(
        InvalidValueError, match=r"budget must be a time above 0\. Got .*; .*write for example 60s"
    ):
        duration_s("budget", wrong)


@pytest.mark.parametrize("wrong", ["4", "4G B", "nanGB", "0MB", math.nan, "60s"])
def test_what_is_no_size_is_refused_with_an_example(wrong: str | float) -> None:
    with pytest.raises(InvalidValueError, match=r"max_memory must be a size above 0\. Got .*512MB or 4GB"):
        size_bytes("max_memory", wrong)


def test_a_number_without_a_unit_is_refused_with_what_is_missing() -> None:
    with pytest.raises(InvalidValueError, match=r"Got '20'; a unit is missing: write for example 60s"):
        duration_s("budget", "20")
    with pytest.raises(InvalidValueError, match=r"Got '4'; a unit is missing: write for example 512MB"):
        size_bytes("max_memory", "4")
    with pytest.raises(InvalidValueError, match=r"Got 'much'; write for example"):
        size_bytes("max_memory", "much")


def test_a_budget_runs_from_its_creation_and_counts_what_was_over_before() -> None:
    clock = Hand()
    budget = Budget("60s", used_s=2.0, clock=clock)
    clock.now += 10.0
    assert (budget.used_s, budget.left_s) == (12.0, 48.0)
    assert Budget.of(budget) is budget


def test_work_fits_with_a_margin_of_a_third() -> None:
    budget = Budget("13s", clock=Hand())
    assert budget.fits(10.0)
    assert not budget.fits(10.1)


def test_a_bar_counts_the_seconds_of_the_budget_and_names_what_runs() -> None:
    clock, progress = Hand(), Listener()
    budget = Budget("10s", clock=clock)
    clock.now += 3.4
    assert budget.fits(1.0)
    budget.show(progress, "auto", "gibbs n_epochs=100", 2, 8)
    clock.now += 60.0
    assert not budget.fits(1.0)
    budget.show(progress, "auto", "dot " + "long=1 " * 20, 3, 8)
    Budget(None).show(progress, "tune als", "the defaults", 3, 30)
    assert progress.steps[0] == ("auto (s): gibbs n_epochs=100", 3, 10)
    assert progress.steps[1][1:] == (10, 10)
    assert progress.steps[1][0].endswith(" …")
    assert progress.steps[2] == ("tune als: the defaults", 3, 30)


def test_a_budget_without_a_limit_holds_everything() -> None:
    assert Budget(None).fits(1e12)


def test_the_clock_ends_the_last_phase_before_an_epoch_that_would_not_fit() -> None:
    clock = Hand()
    stop = EpochClock(Budget("10s", clock=clock), reserve_s=1.0)
    answers = []
    for done in range(1, 9):
        clock.now += 1.0
        answers.append(stop("final", done))
    # After seven seconds three are left, and one more epoch with the reserve may take 2.6.
    assert answers == [False] * 7 + [True]


def test_the_clock_ends_a_search_while_all_rows_can_still_be_fitted_for_as_many_epochs() -> None:
    clock = Hand()
    stop = EpochClock(Budget("20s", clock=clock), reserve_s=0.0)
    done = 0
    while True:
        clock.now, done = clock.now + 1.0, done + 1
        if stop("search", done):
            break
    assert done == 7
    assert done * 1.3 <= 20.0 - clock.now
