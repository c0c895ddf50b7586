"""The recipes say what the documents trained, and nothing that cannot be run."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tastemap.data.known_sets import KNOWN_SETS
from tastemap.errors import UnknownNameError
from tastemap.reproduction import Recipe, choose, recipes
from tastemap.training import get

# Every figure that the documents print and a recipe measures, by recipe, run and label; the other figures of
# the recipes were not printed.
PRINTED = {
    ("B3", ""): {"test MSE, epoch 50": 0.796, "test MSE": 0.795, "test MSE, best epoch": 0.795},
    ("B3", "25 million ratings"): {"test MSE": 2.6},
    ("B4", ""): {"test MSE, best epoch": 0.8458, "test MSE": 0.8461, "train MSE": 0.4617},
    ("B5", ""): {"test MSE, epoch 1": 0.7725, "test MSE, epoch 2": 0.7508, "test MSE": 0.735},
    ("B9", ""): {"test MSE": 0.8715},
    ("B10", ""): {"test MSE": 0.8688},
    ("B11", ""): {"test MSE": 0.8849},
    ("B12", ""): {"test MSE": 0.8107},
    ("B13", ""): {"test MSE": 0.8139},
    ("B14", ""): {"test MSE": 0.8122},
    ("B15", ""): {"test MSE": 0.86},
    ("B16", ""): {"test MSE": 0.8502},
    ("B17", "as printed"): {"train MSE": 0.6113, "test MSE": 2.2438},
    ("B17", "done right"): {"train MSE": 0.6113, "test MSE": 2.2438},
    ("B18", ""): {"test MSE": 13.68},
    ("B19", "as printed"): {"train MSE": 1.0594, "regularization": 1.06, "gravity": 1.2848, "test MSE": 3.963},
    ("B19", "done right"): {
        "train MSE": 1.0594,
        "regularization": 1.06,
        "gravity": 1.2848,
        "test MSE": 3.963,
        "neighbors alike, of 5": 1.0,
    },
}

every_recipe = pytest.mark.parametrize("recipe", recipes().values(), ids=lambda recipe: recipe.id)


def test_every_system_of_the_documents_has_a_recipe() -> None:
    assert list(recipes()) == [f"B{number}" for number in range(1, 21)]


@every_recipe
def test_a_recipe_names_a_data_set_and_settings_that_exist(recipe: Recipe) -> None:
    assert recipe.data in KNOWN_SETS
    for run in recipe.runs:
        assert isinstance(run.config, get(run.model).config_class)
        assert set(run.beside) <= {"popularity", "ease", "ials"}


@every_recipe
def test_runs_of_a_recipe_can_be_told_apart(recipe: Recipe) -> None:
    names = [run.name for run in recipe.runs]
    assert len(set(names)) == len(names)
    assert not recipe.runs[0].large


@every_recipe
def test_a_figure_can_be_taken_from_its_run(recipe: Recipe) -> None:
    for run in recipe.runs:
        for figure in run.figures:
            assert (figure.measure == "ndcg@10") == (recipe.split == "leave-last")
            assert figure.at != "best" or figure.measure == "test_mse"
            assert not isinstance(figure.at, int) or 1 <= figure.at <= run.n_epochs
            assert figure.printed is not None or not figure.mistake
        assert (run.neighbors is not None) == any(f.measure == "alike_neighbors" for f in run.figures)


def test_the_printed_figures_are_those_of_the_documents() -> None:
    found = {
        (recipe.id, run.name): {f.label: f.printed for f in run.figures if f.printed is not None}
        for recipe in recipes().values()
        for run in recipe.runs
    }
    assert {run: figures for run, figures in found.items() if figures} == PRINTED


def test_a_mistake_of_a_document_is_repeated_beside_a_run_that_does_it_right() -> None:
    for recipe in recipes().values():
        targets = [run.targets for run in recipe.runs]
        assert "misaligned" not in targets or "aligned" in targets


def test_only_document_003_keys_items_by_title() -> None:
    keyed = {recipe.id for recipe in recipes().values() if recipe.item_key == "title"}
    assert keyed == {recipe.id for recipe in recipes().values() if recipe.document == "003"}


def test_a_field_that_does_not_exist_is_refused() -> None:
    fields = recipes()["B12"].model_dump()
    with pytest.raises(ValidationError, match="n_splits"):
        Recipe.model_validate({**fields, "n_splits": 3})


def test_recipes_are_chosen_by_id_in_any_case_and_once() -> None:
    assert [recipe.id for recipe in choose(["b12", "B3", "B12"])] == ["B12", "B3"]
    assert len(choose([])) == 20


def test_an_unknown_recipe_is_refused_with_near_matches() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown recipe 'B21'\. Did you mean B2"):
        choose(["B21"])
