"""``tune``: what is searched, what stays fixed, and that nothing worse than the given settings is chosen."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tastemap.artifacts import save
from tastemap.errors import InvalidValueError, MissingExtraError, UnknownNameError
from tastemap.training import MODELS, fit, make_config
from tastemap.tuning import caps
from tastemap.tuning.budget import Budget
from tastemap.tuning.candidates import Candidate
from tastemap.tuning.search import proposals
from tastemap.tuning.space import SPACE, Choice, Span, dimensions
from tastemap.tuning.trial import Trial, run_trial
from tastemap.tuning.tune import Tuned, tune
from tests.toys import communities, planted
from tests.unit.tuning.clocks import Hand, Listener, Ticking, files_of

tune_module = import_module("tastemap.tuning.tune")
DATA = planted()
RANKING = communities()[0]


@pytest.fixture(scope="module")
def tuned() -> Tuned:
    """A search of all settings of als but one."""
    return tune(DATA, "als", settings={"n_factors": 5, "n_epochs": 12}, n_trials=12, rng=1)


@pytest.mark.parametrize("model", sorted(MODELS))
def test_the_ends_of_every_dimension_are_valid_settings(model: str) -> None:
    for name, dimension in SPACE[model].items():
        ends = dimension.values if isinstance(dimension, Choice) else (dimension.low, dimension.high)
        for end in ends:
            config = make_config(model, {**dimension.with_settings, name: end})
            assert getattr(config, name) == end


def test_every_model_has_a_space() -> None:
    assert set(SPACE) == set(MODELS)


@pytest.mark.parametrize("model", sorted(name for name in MODELS if SPACE[name]))
def test_proposals_are_within_the_space_and_repeat_with_the_seed(model: str) -> None:
    space = dimensions(model, {})
    found = [[next(one).settings for _ in range(4)] for one in (proposals(space, 5), proposals(space, 5))]
    assert found[0] == found[1]
    for settings in found[0]:
        make_config(model, settings)
        for name, dimension in space.items():
            if isinstance(dimension, Span):
                value: Any = settings[name]
                assert dimension.low <= value <= dimension.high


def test_the_given_settings_stay_and_are_tried_first_without_a_change(tuned: Tuned) -> None:
    assert all(one.settings["n_factors"] == 5 for one in tuned.trials)
    assert {"n_factors": 5, "n_epochs": 12} in [dict(one.settings) for one in tuned.trials]
    assert len(tuned.trials) == 12


def test_the_trial_with_the_given_settings_is_marked_wherever_it_stands(tuned: Tuned) -> None:
    (given,) = [one for one in tuned.trials if one.is_given]
    assert dict(given.settings) == {"n_factors": 5, "n_epochs": 12}


def test_the_best_trial_is_fitted_to_all_rows_and_fit_repeats_it(tuned: Tuned, tmp_path: Path) -> None:
    values = [one.value for one in tuned.trials]
    assert values == sorted(values)
    found, best = tuned.recommender, tuned.trials[0]
    assert found.resolved.model_dump()["regularization"] == best.settings["regularization"]
    assert found.resolved.model_dump()["n_epochs"] == best.n_epochs
    again = fit(DATA, "als", settings=found.resolved.model_dump(exclude_defaults=True), rng=1)
    assert files_of(save(found, tmp_path / "found")) == files_of(save(again, tmp_path / "again"))


def test_the_same_seed_finds_the_same(tuned: Tuned) -> None:
    again = tune(DATA, "als", settings={"n_factors": 5, "n_epochs": 12}, n_trials=12, rng=1)
    assert [(one.settings, one.value) for one in again.trials] == [
        (one.settings, one.value) for one in tuned.trials
    ]


def test_a_trial_that_is_clearly_worse_ends_early(tuned: Tuned) -> None:
    assert not all(one.is_whole for one in tuned.trials)
    assert all(one.is_whole for one in tuned.trials[:1])


def test_a_budget_ends_the_search_and_is_not_overdrawn() -> None:
    budget = Budget("20s", clock=Ticking(0.2))
    found = tune(RANKING, "ease", budget=budget, rng=0)
    assert 1 <= len(found.trials) < 100
    assert budget.used_s <= 20.0 * 1.1


def test_ctrl_c_takes_the_best_so_far() -> None:
    found = tune(RANKING, "ease", n_trials=50, rng=0, progress=Listener(interrupt_at="ease regularization"))
    assert len(found.trials) == 2
    assert found.notes == ("Ctrl-C ended the search; the best so far is taken.",)
    assert found.recommender.interrupted


def test_a_trial_without_enough_memory_is_noted_and_the_search_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def short(candidate: Candidate, *rest: Any) -> Trial:
        tried.append(candidate)
        if len(tried) == 2:
            raise MemoryError
        return run_trial(candidate, *rest)

    monkeypatch.setattr(tune_module, "run_trial", short)
    found = tune(RANKING, "ease", n_trials=4, rng=0)
    assert len(found.trials) == 3
    assert found.notes[0].endswith(": it needs more memory than there is.")
    assert not found.recommender.interrupted


def test_settings_that_cannot_be_fitted_to_all_rows_give_way_to_the_next_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual = tune(RANKING, "ease", n_trials=4, rng=0)
    refused = [usual.recommender.resolved.model_dump(exclude_defaults=True)]

    def refusing(data: Any, model: str, *, settings: Any, **options: Any) -> Any:
        if settings in refused:
            raise MemoryError
        return fit(data, model, settings=settings, **options)

    monkeypatch.setattr(tune_module, "fit", refusing)
    found = tune(RANKING, "ease", n_trials=4, rng=0)
    assert "could not be fitted to all rows" in found.notes[-1]
    given = found.recommender.resolved.model_dump()
    second = {**given, **usual.trials[1].settings}
    assert given == second


def test_without_a_cap_settings_above_the_memory_of_the_machine_are_not_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(caps, "machine_memory", lambda: 1_000_000)
    with pytest.raises(InvalidValueError, match="this machine has 1 MB"):
        tune(RANKING, "ease", n_trials=1, rng=0)


def test_positive_min_on_a_rating_model_is_refused_in_the_words_of_fit() -> None:
    said = []
    for refused in (fit, tune):
        with pytest.raises(InvalidValueError) as error:
            refused(DATA, "als", positive_min=4.0)
        said.append(error.value.message)
    assert said[0] == said[1]
    said = []
    for refused in (fit, tune):
        with pytest.raises(InvalidValueError) as error:
            refused(RANKING, "ease", settings={"positive_min": 3.0}, positive_min=4.0)
        said.append(error.value.message)
    assert said[0] == said[1]


def test_settings_above_the_memory_are_not_tried() -> None:
    from tastemap.tuning.plan import plan

    cap = plan(RANKING, "ials", {"n_factors": 64}).memory_bytes
    found = tune(RANKING, "ials", settings={"n_epochs": 3}, n_trials=8, max_memory=cap, rng=0)
    assert any("max_memory" in note for note in found.notes)
    assert all(int(str(one.settings.get("n_factors", 64))) <= 64 for one in found.trials)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "popularity"}, "There is no setting of popularity to search"),
        ({"model": "ease", "settings": {"regularization": 5.0}}, "There is no setting of ease to search"),
        ({"model": "ease", "budget": "0.01s"}, r"budget must be at least about \d+s to try settings of ease"),
        ({"model": "ease", "n_trials": 0}, r"n_trials must be a whole number of at least 1\. Got 0"),
        ({"model": "ease", "n_trials": -3}, r"n_trials must be .* Got -3"),
        ({"model": "ease", "n_trials": 2.5}, r"n_trials must be .* Got 2\.5"),
        ({"model": "ease", "max_memory": "1MB"}, "max_memory must be at least"),
        (
            {"model": "ease", "settings": {"regularization": float("nan")}},
            "regularization must be a finite number",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        tune(RANKING, **{"rng": 0, **arguments})


def test_auto_is_no_model_to_tune() -> None:
    with pytest.raises(UnknownNameError, match="Unknown model 'auto'"):
        tune(RANKING, "auto")


def test_without_optuna_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'tastemap\[tune\]'"):
        tune(RANKING, "ease", budget=Budget("60s", clock=Hand()))
