from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from tastemap.data import Catalog, Dataset
from tastemap.models.base import Link
from tastemap.models.config import Epoch
from tastemap.models.factor import FactorModel
from tastemap.progress import SILENT
from tastemap.reproduction.data import Parts
from tastemap.reproduction.recipe import Neighbors, Recipe
from tastemap.reproduction.run import (
    Measured,
    Point,
    alike_neighbors,
    choose_epoch,
    mean_squared_error,
    run_split,
)
from tests.toys import planted

STEPS = {"n_factors": 3, "n_epochs": 6, "batch_size": 64, "learning_rate": 0.05, "schedule": "constant"}


def recipe(*figures: dict[str, Any], **run: Any) -> Recipe:
    """A recipe of `dot` on toy data."""
    whole = {"model": "dot", "settings": STEPS, "figures": list(figures), **run}
    fields = {"id": "B0", "document": "000", "title": "Toy", "data": "toy", "runs": [whole]}
    return Recipe.model_validate(fields)


def measured(toy: Recipe, data: Dataset | None = None) -> Measured:
    pytest.importorskip("torch")
    return run_split(toy, toy.runs[0], planted() if data is None else data, 0, SILENT, "toy")


def factor_model(items: list[list[float]]) -> FactorModel:
    n_items, d = np.shape(items)
    zeros = np.zeros(n_items, np.float32)
    users = np.ones((1, d), np.float32)
    return FactorModel(
        users, np.array(items, np.float32), zeros[:1], zeros, 0.0, Link("clip", 1.0, 5.0), user_side=None
    )


def test_figures_are_those_of_their_epochs() -> None:
    figures = [{"measure": "test_mse", "at": at} for at in (1, 2, 3, 4, 5, 6, "last", "best")]
    *by_epoch, last, best = measured(recipe(*figures)).values
    assert last == by_epoch[-1]
    assert best == min(by_epoch)
    assert len(set(by_epoch)) == 6


def test_a_run_that_is_measured_now_and_then_still_has_the_epochs_of_its_figures() -> None:
    figures = [{"measure": "test_mse", "at": at} for at in (3, "last")]
    assert measured(recipe(*figures, every=4)).values == measured(recipe(*figures)).values


def test_the_honest_figure_is_that_of_an_epoch_of_the_run_and_never_below_the_best() -> None:
    by_epoch = [{"measure": "test_mse", "at": epoch} for epoch in range(1, 7)]
    found = measured(recipe(*by_epoch, {"measure": "test_mse", "at": "best"}))
    honest = found.honest[-1]
    assert found.honest[:-1] == (None,) * 6
    assert honest in found.values
    assert honest is not None
    assert honest >= found.values[-1]


def test_the_honest_epoch_is_one_at_the_last_rate() -> None:
    steps = {**STEPS, "schedule": "steps", "step_epochs": [2, 4], "step_rates": [0.02, 0.01]}
    curve = [Point(epoch, mse, {}) for epoch, mse in enumerate((0.5, 0.9, 0.6, 0.8, 0.7, 0.75), start=1)]
    figure = {"measure": "test_mse", "at": "best"}
    assert choose_epoch(curve, recipe(figure, settings=steps).runs[0]) == 4
    assert choose_epoch(curve, recipe(figure).runs[0]) == 0


def test_components_of_the_loss_are_figures() -> None:
    settings = {**STEPS, "gravity": 0.1, "factor_regularization": 0.2}
    names = ("train_mse", "gravity", "regularization")
    found = measured(recipe(*({"measure": name} for name in names), settings=settings))
    assert all(value > 0.0 for value in found.values)
    assert len(set(found.values)) == 3


def test_seconds_are_those_of_training_without_export_and_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=0.0)

    def spend(seconds: float, made: Any = None) -> Any:
        clock.now += seconds
        return made

    def epochs(*_: object, **__: object) -> Iterator[Epoch[FactorModel]]:
        for _epoch in range(6):
            spend(1.0)
            yield Epoch(lambda: spend(10.0, factor_model([[1.0]])))

    monkeypatch.setattr("tastemap.reproduction.run.perf_counter", lambda: clock.now)
    monkeypatch.setattr("tastemap.reproduction.run.get", lambda name: SimpleNamespace(epochs=epochs))
    monkeypatch.setattr("tastemap.reproduction.run.mean_squared_error", lambda *_: spend(100.0, 0.5))
    toy = recipe({"measure": "test_mse"})
    assert run_split(toy, toy.runs[0], planted(), 0, SILENT, "toy").seconds == 6.0
    assert clock.now == 6 * 1.0 + 6 * 10.0 + 6 * 100.0


def test_what_is_trained_on_misaligned_targets_predicts_worse() -> None:
    figure = {"measure": "test_mse"}
    right, wrong = measured(recipe(figure)), measured(recipe(figure, targets="misaligned"))
    assert wrong.values[0] > 1.2 * right.values[0]


def test_the_error_is_that_of_predictions_that_are_not_cut_at_the_scale() -> None:
    model = factor_model([[7.0], [2.0]])
    parts = Parts(
        planted(), np.array([0, 0], np.int32), np.array([0, 1], np.int32), np.array([5, 1], np.float32), 0
    )
    assert mean_squared_error(model, parts) == (2.0**2 + 1.0**2) / 2


def test_neighbors_are_alike_by_one_of_the_genres() -> None:
    data = planted()
    items = data.interactions.items.ids
    genres = [["Comedy"]] * len(items)
    genres[:6] = [["Animation"], ["Children", "War"], ["Animation"], ["War"], ["Drama"], ["Drama"]]
    catalog = Catalog(pl.DataFrame({"item_id": items, "title": [f"T{n}" for n in items], "genres": genres}))
    angles = np.linspace(0.0, 3.0, len(items))
    model = factor_model([[np.cos(angle), np.sin(angle)] for angle in angles])
    train = Dataset("toy", data.interactions, catalog, None, data.report)
    wanted = Neighbors(of=f"T{items[0]}", genres=("Animation", "Children"))
    assert alike_neighbors(model, train, wanted) == 2


def test_a_ranking_recipe_shows_other_models_beside_its_own() -> None:
    settings = {"n_epochs": 2, "n_factors": 4, "input_size": 4, "layers": []}
    figure = {"measure": "ndcg@10"}
    toy = recipe(figure, model="softmax", settings=settings, beside=["popularity"])
    found = measured(toy.model_copy(update={"split": "leave-last"}))
    assert set(found.beside) == {"popularity"}
    assert 0.0 < found.values[0] < 1.0
