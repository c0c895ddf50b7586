"""One recipe of each family on its real data, with bars for one split and a part of the budget."""

from __future__ import annotations

from typing import Any

import pytest

from tastemap.data import fetch
from tastemap.errors import FetchError
from tastemap.progress import SILENT
from tastemap.reproduction import reproduce
from tastemap.reproduction.data import recipe_data
from tastemap.reproduction.recipe import Recipe, Run, recipes
from tastemap.reproduction.run import Measured, run_split

pytest.importorskip("torch")


@pytest.fixture(autouse=True, scope="module")
def ml_100k() -> None:
    """The data set, or skipped tests that say what is missing."""
    try:
        fetch("ml-100k")
    except FetchError as error:
        pytest.skip(f"needs ml-100k: {error}")


def run_of(recipe: Recipe, **settings: Any) -> Run:
    """The first run of a recipe with other settings."""
    run = recipe.runs[0]
    return run.model_copy(update={"settings": {**run.settings, **settings}})


def measured(name: str, **settings: Any) -> Measured:
    recipe = recipes()[name]
    return run_split(recipe, run_of(recipe, **settings), recipe_data(recipe, SILENT), 0, SILENT, name)


def test_dot_reproduces_the_dot_product_with_weight_decay() -> None:
    (found,) = reproduce(["B12"], quick=True)
    assert found.ours <= 0.83
    assert found.verdict in ("reproduced", "better")


def test_dot_in_full_batches_reproduces_the_factorization() -> None:
    train, test = measured("B18", n_epochs=300).values
    assert train < 0.85
    assert test < 1.05


def test_mlp_reproduces_the_network_of_embeddings() -> None:
    (found,) = measured("B15", n_epochs=2).values
    assert found <= 0.90


def test_softmax_ranks_above_popularity() -> None:
    found = measured("B20", n_epochs=10, validation_fraction=0.0)
    assert found.values[0] > found.beside["popularity"]
