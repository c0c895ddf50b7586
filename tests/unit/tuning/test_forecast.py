"""Predicted times, and what trials teach them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tastemap.training import make_config
from tastemap.tuning.arena import make_arena
from tastemap.tuning.candidates import Candidate
from tastemap.tuning.forecast import FIRST, SLOWEST, Forecast, can_be_cut
from tastemap.tuning.trial import Trial, run_trial
from tests.toys import communities
from tests.unit.tuning.clocks import Hand

DATA = communities()[0]
EASE, KNN, BASELINE = Candidate("ease"), Candidate("itemknn"), Candidate("popularity")


@pytest.fixture
def forecast(monkeypatch: pytest.MonkeyPatch) -> Forecast:
    """Predictions where every plan says two seconds."""
    found = Forecast(DATA, "ranking")
    monkeypatch.setattr(found, "planned_s", lambda candidate: 2.0)
    return found


def trial_of(candidate: Candidate, refit_s: float, seconds: float = 0.0) -> Trial:
    """A trial that took a time."""
    arena = make_arena(DATA, "ranking", 1.0, 0)
    assert arena is not None
    found = run_trial(candidate, make_config(candidate.model), arena, 0, Hand())
    return replace(found, refit_s=refit_s, seconds=seconds)


def test_a_model_that_was_measured_on_nearly_all_rows_is_predicted_by_it(forecast: Forecast) -> None:
    forecast.learn(EASE, trial_of(EASE, refit_s=20.0), growth=1.25)
    assert forecast.fit_s(Candidate("ease", {"regularization": 5.0})) == 20.0


def test_a_model_that_was_measured_on_few_rows_is_not_predicted_beyond_a_limit(forecast: Forecast) -> None:
    forecast.learn(EASE, trial_of(EASE, refit_s=90.0), growth=9.0)
    assert forecast.fit_s(EASE) == SLOWEST * 2.0


def test_a_fit_that_is_over_in_no_time_teaches_nothing(forecast: Forecast) -> None:
    forecast.learn(KNN, trial_of(KNN, refit_s=0.9), growth=9.0)
    assert forecast.fit_s(KNN) == 2.0
    assert not forecast.is_first(KNN)


def test_a_slow_machine_is_slow_for_models_that_were_not_tried(forecast: Forecast) -> None:
    forecast.learn(EASE, trial_of(EASE, refit_s=6.0), growth=1.25)
    assert forecast.fit_s(KNN) == 6.0


def test_small_fits_that_are_slower_than_planned_do_not_make_saving_slow(forecast: Forecast) -> None:
    before = forecast.save_s(EASE)
    forecast.learn(EASE, trial_of(EASE, refit_s=8.0), growth=1.25)
    assert forecast.save_s(EASE) < 1.1 * before


def test_the_first_trial_of_a_model_may_have_to_compile_as_that_of_the_baseline_did(forecast: Forecast) -> None:
    forecast.learn(BASELINE, trial_of(BASELINE, refit_s=0.1, seconds=8.0), growth=1.25)
    assert forecast.first_s(KNN) == FIRST["itemknn"] * 8.0
    forecast.learn(KNN, trial_of(KNN, refit_s=2.0), growth=1.25)
    assert forecast.first_s(KNN) == 0.0


def test_only_models_without_a_schedule_can_be_cut_short() -> None:
    assert [can_be_cut(model) for model in ("als", "ials", "gibbs")] == [True] * 3
    assert [can_be_cut(model) for model in ("ease", "popularity", "dot", "softmax")] == [False] * 4
