"""What fits by PyTorch say of the range, the device, and a loss that is no longer finite."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

pytest.importorskip("torch")

import torch

from tastemap.errors import DivergedError
from tastemap.models.dot import DotConfig
from tastemap.models.factor import FactorModel
from tastemap.models.mlp import MLPConfig
from tastemap.models.softmax import SoftmaxConfig
from tastemap.training import MODELS, fit
from tests.toys import planted

SMALL: dict[str, dict[str, object]] = {
    "dot": {"n_factors": 3},
    "mlp": {"user_size": 3, "item_size": 3, "layers": [6]},
    "softmax": {"n_factors": 3, "input_size": 4, "layers": [4]},
}


class Notes:
    """Keeps the notes of a fit."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)

    def step(self, task: str, done: int, total: int, figures: dict[str, float]) -> None:
        pass


def bursting(**change: object) -> dict[str, object]:
    """Settings of `dot` that train well for two epochs, then at a rate that no loss survives."""
    return {
        "n_factors": 3,
        "sigmoid": False,
        "optimizer": "sgd",
        "schedule": "steps",
        "learning_rate": 0.05,
        "step_epochs": [2],
        "step_rates": [1000.0],
        "batch_size": 64,
        **change,
    }


def factors(model: object) -> np.ndarray:
    assert isinstance(model, FactorModel)
    return model.user_factors


def test_a_fit_that_diverges_keeps_its_last_whole_epoch_and_can_be_repeated() -> None:
    progress = Notes()
    found = fit(planted(), "dot", settings=bursting(validation_fraction=0.0), rng=0, progress=progress)
    assert found.interrupted
    (note,) = progress.notes
    assert note.startswith("learning_rate must be small enough for the loss to stay finite. It became ")
    assert "in epoch 3, step" in note
    assert "try a tenth of that. Stopped after 2 of 10 epochs; the model so far is kept." in note
    assert found.losses["epoch"].to_list() == [1, 2]
    assert np.isfinite(factors(found.model)).all()
    assert found.resolved.model_dump()["stop_epoch"] == 2
    again = fit(planted(), "dot", settings=found.resolved.model_dump(), rng=0)
    assert not again.interrupted
    np.testing.assert_array_equal(factors(again.model), factors(found.model))


def test_a_search_that_diverges_ends_there_and_the_best_epochs_are_fitted() -> None:
    progress = Notes()
    found = fit(planted(), "dot", settings=bursting(), rng=0, progress=progress)
    assert found.interrupted
    (note,) = progress.notes
    assert "try a tenth of that. Search stopped; fitting to all rows for" in note
    used = found.resolved.model_dump()["stop_epoch"]
    assert used in (1, 2)
    assert found.losses.filter(pl.col("phase") == "final")["epoch"].to_list() == list(range(1, used + 1))


def test_a_fit_that_diverges_at_once_or_must_be_whole_is_an_error() -> None:
    settings = bursting(learning_rate=1000.0)
    with pytest.raises(DivergedError, match=r"in epoch 1, step \d+"):
        fit(planted(), "dot", settings=settings, rng=0)
    with pytest.raises(DivergedError, match=r"in epoch 3, step \d+"):
        fit(planted(), "dot", settings=bursting(), rng=0, keep_partial=False)


@pytest.mark.parametrize("name", ["dot", "mlp"])
def test_ratings_outside_the_range_are_counted_in_a_note(name: str) -> None:
    data = planted()
    n_outside = int((data.interactions.values > 4.5).sum())
    settings = {**SMALL[name], "n_epochs": 1, "validation_fraction": 0.0}
    progress = Notes()
    fit(data, name, settings={**settings, "range_high": 4.5}, rng=0, progress=progress)
    assert n_outside > 0
    assert progress.notes == [
        f"{n_outside} of {len(data.interactions):,} ratings lie outside the range from 0.5 to 4.5 and cannot "
        "be predicted: widen range_low and range_high, or leave them unset."
    ]
    for silent in ({}, {"range_low": 1.0, "range_high": 5.0}, {"sigmoid": False}):
        progress = Notes()
        fit(data, name, settings={**settings, **silent}, rng=0, progress=progress)
        assert progress.notes == []


@pytest.mark.parametrize("name", SMALL)
def test_without_a_cuda_device_training_falls_back_and_says_so_once(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    progress = Notes()
    settings = {**SMALL[name], "n_epochs": 2, "device": "cuda"}
    found = fit(planted(), name, settings=settings, rng=0, progress=progress)
    assert progress.notes == [
        "device=cuda was asked for, but PyTorch finds no CUDA device: training on the CPU."
    ]
    on_cpu = fit(planted(), name, settings={**settings, "device": "cpu"}, rng=0)
    users = np.arange(5)
    np.testing.assert_array_equal(
        found.model.users(users).score_range(), on_cpu.model.users(users).score_range()
    )


@pytest.mark.parametrize("name", SMALL)
def test_the_help_of_regularization_says_what_unset_means(name: str) -> None:
    config_class = MODELS[name].config_class
    said = str(config_class.model_fields["regularization"].description).partition("unset: ")[2]
    config = config_class(optimizer="adam", weight_decay=0.0)  # type: ignore[call-arg]
    if isinstance(config, DotConfig):
        assert said == f"{config.l2(1_000) * 1_000:g} over the number of rows (0 with adamw)"
        assert config.l2(2_000) == config.l2(1_000) / 2.0
    else:
        assert isinstance(config, MLPConfig | SoftmaxConfig)
        assert said == f"{config.l2():g}"
