from __future__ import annotations

import statistics

import pytest

from tastemap.reproduction.findings import findings_of, judge
from tastemap.reproduction.recipe import Figure, Measure, recipes
from tastemap.reproduction.run import Measured


@pytest.mark.parametrize(
    ("measure", "values", "verdict"),
    [
        ("test_mse", [0.995, 1.005], "reproduced"),
        ("test_mse", [0.95, 1.09], "reproduced"),  # wide spread, and within 5 %
        ("test_mse", [0.95, 1.17], "differs"),  # no spread excuses more than 5 %
        ("test_mse", [0.60, 1.20], "better"),
        ("test_mse", [0.94, 0.95], "better"),
        ("test_mse", [1.05, 1.06], "differs"),
        ("test_mse", [1.009], "reproduced"),  # one split: the tolerance alone
        ("test_mse", [1.011], "differs"),
        ("train_mse", [0.94, 0.95], "differs"),  # to fit the training rows closer is not better
        ("ndcg@10", [1.05, 1.06], "better"),
        ("ndcg@10", [0.94, 0.95], "differs"),
        ("alike_neighbors", [3.0, 4.0], "better"),
        ("gravity", [1.2, 1.21], "differs"),
    ],
)
def test_the_verdict_weighs_the_difference_against_the_spread(
    measure: Measure, values: list[float], verdict: str
) -> None:
    figure = Figure(measure=measure, printed=1.0, tolerance=0.01)
    spread = statistics.stdev(values) if len(values) > 1 else None
    assert judge(figure, statistics.fmean(values), spread)[0] == verdict


def test_a_tolerance_of_the_recipe_widens_the_verdict() -> None:
    assert judge(Figure(measure="gravity", printed=1.0, tolerance=0.05), 1.04, 0.0)[0] == "reproduced"
    assert judge(Figure(measure="gravity", printed=1.0, tolerance=0.1), 1.09, 0.0)[0] == "reproduced"


def test_a_figure_that_came_of_a_mistake_is_no_target() -> None:
    figure = Figure(measure="test_mse", printed=13.68, mistake="It was never trained.")
    assert judge(figure, 13.68, 0.0) == ("no target", "It was never trained.")


def test_a_document_without_a_figure_gets_no_verdict() -> None:
    assert judge(Figure(measure="test_mse"), 0.9, None)[0] == "no figure"


def test_a_figure_that_differs_says_why() -> None:
    known = Figure(measure="test_mse", printed=1.0, reason="Another split.")
    assert judge(known, 2.0, None)[1] == "Another split."
    assert judge(Figure(measure="test_mse", printed=1.0), 2.0, None)[1] == "The reason is not known."


def test_a_finding_sums_up_the_splits() -> None:
    recipe = recipes()["B4"]
    measured = [
        Measured((0.84, 0.85, 0.46), (0.86, None, None), {}, 10.0, 3),
        Measured((0.86, 0.87, 0.46), (0.88, None, None), {}, 20.0, 4),
    ]
    best, last, train = findings_of(recipe, recipe.runs[0], "ml-100k", measured)
    assert (best.figure, best.printed, best.values) == ("test MSE, best epoch", 0.8458, (0.84, 0.86))
    assert best.ours == pytest.approx(0.85)
    assert best.spread == pytest.approx(0.02 / 2**0.5)
    assert best.honest == pytest.approx(0.87)
    assert last.honest is None
    assert train.spread == 0.0
    assert (best.seconds, best.n_unknown) == (15.0, 7)
    assert best.as_json()["ours"] == best.ours


def test_a_median_is_not_moved_by_a_fit_that_ends_in_a_worse_place() -> None:
    recipe = recipes()["B12"].model_copy(update={"summary": "median"})
    measured = [Measured((value,), (None,), {}, 1.0, 0) for value in (0.81, 0.82, 1.4)]
    (only,) = findings_of(recipe, recipe.runs[0], "ml-100k", measured)
    assert (only.ours, only.summary) == (0.82, "median")


@pytest.mark.parametrize(
    ("printed", "verdict"), [(0.796, "reproduced"), (0.5, "differs"), (0.85, "better"), (1.2, "better")]
)
def test_a_fit_that_ends_in_a_worse_place_excuses_no_other_figure(printed: float, verdict: str) -> None:
    recipe = recipes()["B3"]
    run = recipe.runs[0].model_copy(update={"figures": (Figure(measure="test_mse", printed=printed),)})
    measured = [Measured((value,), (None,), {}, 1.0, 0) for value in (0.80, 0.80, 0.81, 0.80, 1.30)]
    (only,) = findings_of(recipe, run, "ml-latest-small-2016", measured)
    assert (only.ours, only.spread, only.verdict) == (0.80, 0.0, verdict)


def test_the_spread_about_a_median_is_that_of_a_normal_distribution() -> None:
    recipe = recipes()["B12"].model_copy(update={"summary": "median"})
    measured = [Measured((value,), (None,), {}, 1.0, 0) for value in (0.80, 0.81, 0.82, 0.84, 9.0)]
    (only,) = findings_of(recipe, recipe.runs[0], "ml-100k", measured)
    assert only.spread == pytest.approx(1.4826 * 0.02)  # distances 0.02, 0.01, 0, 0.02, 8.18


def test_one_split_has_no_spread() -> None:
    recipe = recipes()["B12"]
    (only,) = findings_of(recipe, recipe.runs[0], "ml-100k", [Measured((0.81,), (None,), {}, 1.0, 0)])
    assert only.spread is None
