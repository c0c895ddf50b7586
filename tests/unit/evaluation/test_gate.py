"""Conditions on the change of a metric."""

from __future__ import annotations

import doctest
from dataclasses import replace
from typing import cast

import pytest

from tastemap.errors import DataError, InvalidValueError
from tastemap.evaluation import compare, gate, parse_gate, slices
from tastemap.evaluation.comparison import Comparison, MetricChange
from tests.unit.evaluation.by_hand import recommender


def changed(a: float, b: float, metric: str = "ndcg@10") -> Comparison:
    change = b - a
    row = MetricChange(metric, a, b, change, change / abs(a) if a else None, None, None, "test")
    return Comparison("als", "als", 10, 0, None, (row,), None, (), (), ())


@pytest.mark.parametrize(
    ("expression", "a", "b", "fails"),
    [
        ("ndcg@10 < -1%", 0.40, 0.397, False),
        ("ndcg@10 < -1%", 0.40, 0.395, True),
        ("ndcg@10<-1%", 0.40, 0.395, True),
        ("  ndcg@10  <=  -25 %  ", 0.40, 0.30, True),
        ("ndcg@10 < -25%", 0.40, 0.30000001, False),
        ("ndcg@10 < -0.05", 0.40, 0.34, True),
        ("ndcg@10 < -.05", 0.40, 0.36, False),
        ("ndcg@10 < 0", 0.40, 0.40, False),
        ("ndcg@10 <= 0", 0.40, 0.40, True),
        ("ndcg@10 >= +1e-3", 0.40, 0.41, True),
        ("ndcg@10 < -1%", 0.0, 0.0, False),
        ("ndcg@10 > 5%", 0.0, 0.1, True),
    ],
)
def test_a_condition_fails_when_the_change_of_b_against_a_meets_it(
    expression: str, a: float, b: float, fails: bool
) -> None:
    assert parse_gate(expression).fails(changed(a, b)) is fails


def test_a_relative_change_is_of_the_size_of_a_figure_and_keeps_its_sign() -> None:
    assert parse_gate("rmse > 0.5%").fails(changed(0.90, 0.91, "rmse"))
    assert not parse_gate("rmse > 0.5%").fails(changed(0.90, 0.89, "rmse"))


@pytest.mark.parametrize(
    ("expression", "position", "said"),
    [
        ("", 0, "the name of a metric"),
        ("  ", 2, "the end"),
        ("10 < 3", 0, "the name of a metric"),
        ("ndgc@10 < -1%", 0, "Did you mean ndcg"),
        ("loss < 1", 0, "the name of a metric"),
        ("ndcg < -1%", 0, "ndcg@10"),
        ("ndcg@ < -1%", 0, "ndcg@10"),
        ("ndcg@0 < -1%", 0, "ndcg@10"),
        ("rmse@10 > 1%", 0, "rmse without a list length"),
        ("ndcg@10 -1%", 8, "one of <, <=, >, >="),
        ("ndcg@10 = -1%", 8, "one of <, <=, >, >="),
        ("ndcg@10 <", 9, "a change"),
        ("ndcg@10 < one", 10, "a change"),
        ("ndcg@10 < -1 percent", 13, "% or nothing more"),
        ("ndcg@10 < -1% and rmse > 1%", 14, "nothing more"),
        ("ndcg@10 < -1%%", 13, "nothing more"),
        ("ndcg@10 < --1", 10, "a change"),
    ],
)
def test_an_expression_that_does_not_parse_is_pointed_at(expression: str, position: int, said: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_gate(expression)
    assert said in caught.value.message
    assert caught.value.details["position"] == position
    text, pointer = caught.value.message.split("\n")[1:]
    assert text == f"  {expression}"
    assert pointer.index("^") == position + 2


def test_a_metric_that_was_not_compared_is_refused_with_what_there_is() -> None:
    with pytest.raises(InvalidValueError, match=r"no mae .* \(there is: ndcg@10\)"):
        parse_gate("mae > 1%").fails(changed(0.4, 0.4))
    with pytest.raises(InvalidValueError, match="there is: none"):
        parse_gate("mae > 1%").fails(compare(recommender(), recommender()))


@pytest.mark.parametrize(("of_a", "of_b"), [(3, 0), (0, 1)])
def test_test_rows_that_a_model_was_trained_on_are_refused(of_a: int, of_b: int) -> None:
    found = replace(changed(0.4, 0.5), n_test=8, n_trained_a=of_a, n_trained_b=of_b)
    with pytest.raises(DataError, match=f"Of 8 test rows, {of_a} are training rows of A, als, and {of_b} of B"):
        parse_gate("ndcg@10 < -1%").fails(found)


def test_the_outcome_is_told_in_a_sentence() -> None:
    said = parse_gate("ndcg@10 < -1%").sentence(changed(0.40, 0.38))
    assert said == "ndcg@10 changes by -5.00% (from 0.4 to 0.38), which is < -1%."
    assert "which is not" in parse_gate("ndcg@10 < -0.1").sentence(changed(0.40, 0.38))


def test_worked_examples_hold() -> None:
    for module in (cast(object, gate), slices):
        found = doctest.testmod(module)  # type: ignore[arg-type]
        assert (found.attempted > 0, found.failed) == (True, 0)
