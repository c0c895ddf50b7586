"""How the step size and the momentum move, each schedule against a calculation of its own."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from tastemap.models.dot import DotConfig
from tastemap.neural.schedule import make_schedule, one_cycle


def rates(settings: dict[str, object], steps_per_epoch: int, n_steps: int) -> list[float]:
    schedule = make_schedule(DotConfig.model_validate({"learning_rate": 1.0, **settings}), steps_per_epoch)
    return [schedule(step)[0] for step in range(n_steps)]


def test_one_cycle_rises_for_a_quarter_of_the_steps_and_falls_to_a_trace() -> None:
    schedule = one_cycle(0.5, 1000)
    found, momenta = zip(*(schedule(step) for step in range(1000)), strict=True)
    assert found[0] == pytest.approx(0.5 / 25)
    assert np.argmax(found) == np.argmin(momenta) == 250
    assert [found[250], momenta[250]] == pytest.approx([0.5, 0.85])
    assert list(schedule(1000)) == pytest.approx([0.5e-5, 0.95])
    assert np.all(np.diff(found[:251]) > 0.0)
    assert np.all(np.diff(found[250:]) < 0.0)


def test_one_cycle_spans_all_epochs_even_where_training_stops_before_their_end() -> None:
    whole = rates({"n_epochs": 8}, 5, 10)
    assert rates({"n_epochs": 8, "stop_epoch": 2}, 5, 10) == whole
    assert np.argmax(whole) == 9  # the peak is at step 10 of 40


def test_the_constant_schedule_gives_the_rate_and_momentum_of_the_settings() -> None:
    schedule = make_schedule(DotConfig(schedule="constant", learning_rate=0.3, momentum=0.7), 5)
    assert {schedule(step) for step in range(50)} == {(0.3, 0.7)}


def test_steps_change_the_rate_after_the_epochs_that_are_named() -> None:
    settings: dict[str, object] = {"schedule": "steps", "step_epochs": [1, 3], "step_rates": [0.1, 0.01]}
    assert rates(settings, 2, 10) == [1.0] * 2 + [0.1] * 4 + [0.01] * 4


def test_cosine_restarts_fall_to_nothing_in_each_cycle_and_the_last_length_repeats() -> None:
    # Cycles of 1, 2, 2 … epochs of 4 steps: by hand, cos(0), cos(pi/4), cos(pi/2), cos(3 pi/4) and so on.
    found = rates({"schedule": "cosine-restarts", "cycle_epochs": [1, 2]}, 4, 20)
    one = [0.5 + 0.5 * math.cos(math.pi * share / 4) for share in range(4)]
    two = [0.5 + 0.5 * math.cos(math.pi * share / 8) for share in range(8)]
    assert found == pytest.approx(one + two + two)
    assert found[2] == pytest.approx(0.5)


def test_cosine_restarts_are_those_of_torch() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=6)
    expected = []
    for _ in range(18):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()
    found = rates({"schedule": "cosine-restarts", "cycle_epochs": [2]}, 3, 18)
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_warm_up_rises_linearly_to_the_schedule_it_precedes() -> None:
    found = rates({"schedule": "constant", "warm_up_epochs": 1.5}, 4, 8)
    assert found == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1.0, 1.0, 1.0])
    settings: dict[str, object] = {"schedule": "steps", "step_epochs": [1], "step_rates": [0.1]}
    assert rates({**settings, "warm_up_epochs": 0.5}, 4, 6) == pytest.approx([0.5, 1.0, 1.0, 1.0, 0.1, 0.1])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"schedule": "steps"}, "step_epochs belong to schedule=steps"),
        ({"step_epochs": [1], "step_rates": [0.1]}, "step_epochs belong to schedule=steps"),
        (
            {"schedule": "steps", "step_epochs": [1, 2], "step_rates": [0.1]},
            "must be equally many. Got 2 and 1",
        ),
        ({"schedule": "steps", "step_epochs": [2, 1], "step_rates": [0.1, 0.2]}, "must be ascending"),
        ({"schedule": "steps", "step_epochs": [0], "step_rates": [0.1]}, "must be ascending and from 1"),
        ({"schedule": "steps", "step_epochs": [1], "step_rates": [0.0]}, "step_rates must be > 0"),
        ({"schedule": "cosine-restarts", "cycle_epochs": [0]}, "cycle_epochs >= 1"),
        ({"schedule": "cosine-restarts", "cycle_epochs": []}, "at least 1 item"),
        ({"cycle_epochs": [1, 2]}, "cycle_epochs acts only with schedule=cosine-restarts"),
        ({"schedule": "constant", "cycle_epochs": [2]}, "cycle_epochs acts only with schedule=cosine-restarts"),
        (
            {"warm_up_epochs": 1.0},
            "warm_up_epochs acts only with schedule=constant, steps or cosine-restarts. "
            "Got warm_up_epochs=1.0 with schedule=one-cycle; change one of them.",
        ),
        ({"momentum": 0.5}, "momentum acts only with schedule=constant, steps or cosine-restarts"),
        ({"sigmoid": False, "range_low": 0.5}, "range_low acts only with sigmoid=true. Got range_low=0.5"),
        ({"sigmoid": False, "range_high": 5.5}, "range_high acts only with sigmoid=true"),
        ({"sigmoid": False, "range_margin": 1.0}, "range_margin acts only with sigmoid=true"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        DotConfig.model_validate(settings)


@pytest.mark.parametrize("settings", [{}, {"sigmoid": False}, {"schedule": "constant", "momentum": 0.5}])
def test_settings_written_out_with_all_their_defaults_are_read_again(settings: dict[str, object]) -> None:
    config = DotConfig.model_validate(settings)
    for made in (config, config.resolved(3)):
        assert DotConfig.model_validate(made.model_dump(mode="json")) == made
