"""The page says what its figures are, how far they lie apart, and by how much they may differ."""

from __future__ import annotations

from tastemap.reproduction import Finding, page, recipes
from tastemap.reproduction.findings import findings_of
from tastemap.reproduction.run import Measured


def found(name: str, *splits: tuple[float, ...]) -> list[Finding]:
    """Findings of the first run of a recipe, with these figures on each split."""
    recipe = recipes()[name]
    measured = [Measured(values, (None,) * len(values), {}, 1.0, 0) for values in splits]
    return findings_of(recipe, recipe.runs[0], "ml-100k", measured)


def test_the_values_of_every_split_can_be_set_against_those_of_another_recipe() -> None:
    text = page([*found("B11", (0.88,), (0.89,), (0.8849,)), *found("B12", (0.8096,), (0.8201,), (0.817,))])
    assert "- test MSE: Splits: 0.8800, 0.8900, 0.8849." in text.split("## B12")[0]
    assert "- test MSE: Splits: 0.8096, 0.8201, 0.8170." in text.split("## B12")[1]


def test_one_split_is_in_the_table_alone() -> None:
    assert "Splits:" not in page(found("B12", (0.81,)))


def test_a_tolerance_other_than_two_percent_is_named_with_its_figure() -> None:
    wide, usual = page(found("B17", (0.6, 2.2))), page(found("B12", (0.81,)))
    assert "- train MSE: Tolerance: 5 %." in wide
    assert "- test MSE: Tolerance: 5 %." in wide
    assert "Tolerance:" not in usual


def test_the_page_says_what_reproduced_means() -> None:
    text = " ".join(page(found("B12", (0.81,))).split())
    assert "within two of these spreads, but not beyond 5 % of it. Within 2 % it always is" in text
    assert "median ± 1.4826 times the median distance from it" in text
