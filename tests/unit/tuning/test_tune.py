"""``tune``: what is searched, what stays fixed, and that nothing worse than the given settings is chosen."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tastemap.artifacts import save
from tastemap.errors import InvalidValueError, MissingExtraError, UnknownNameError
from tastemap.training import MODELS, fit, make_config
from tastemap.tuning.budget import Budget
from tastemap.tuning.search import proposals
from tastemap.tuning.space import SPACE, Choice, Span, dimensions
from tastemap.tuning.tune import Tuned, tune
from tests.toys import communities, planted
from tests.unit.tuning.clocks import Hand, Listener, Ticking, files_of

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
            make_config(model, {**dimension.with_settings, name: end})


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
