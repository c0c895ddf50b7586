"""Numbers, metrics and the protocol as a page writes them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tastemap.data.splits import SPLIT_KINDS
from tastemap.evaluation.names import METRICS
from tastemap.evaluation.records import Difference, Estimate, Protocol
from tastemap.reports.wording import (
    count,
    difference,
    estimate,
    interval,
    listed,
    number,
    plural,
    relevance_sentence,
    split_sentence,
    wording,
)
from tests.records import PROTOCOL, movie_record


@pytest.mark.parametrize("stem", METRICS)
def test_every_metric_of_the_evaluation_has_words_of_its_own(stem: str) -> None:
    said = wording(METRICS[stem].name(10))
    assert said.label != METRICS[stem].name(10)
    assert said.sentence != METRICS[stem].summary
    assert said.sentence.endswith(".")
    assert (said.family, said.better) == (METRICS[stem].family, METRICS[stem].better)


def test_an_unknown_metric_keeps_its_name() -> None:
    assert (wording("serendipity@5").label, wording("serendipity@5").family) == ("serendipity@5", "other")


def test_the_list_length_stays_in_the_label() -> None:
    assert wording("ndcg@20").label == "NDCG@20"


@pytest.mark.parametrize(
    ("value", "sign", "wanted"),
    [
        (0.91234, False, "0.912"),
        (-0.0312, False, "−0.031"),
        (0.0312, True, "+0.031"),
        (-0.0001, True, "0.000"),
        (0.0, True, "0.000"),
        (math.nan, False, "–"),
        (math.inf, False, "–"),
    ],
)
def test_numbers_have_a_true_minus_and_no_signed_zero(value: float, sign: bool, wanted: str) -> None:
    assert number(value, sign=sign) == wanted


def test_intervals_use_a_dash_only_where_no_minus_stands_beside_it() -> None:
    assert interval(0.905, 0.92) == "0.905–0.920"
    assert interval(-0.1, 0.2) == "−0.100 to 0.200"
    assert interval(0.1, 0.2, sign=True) == "+0.100 to +0.200"
    assert interval(math.nan, 0.2) == interval(None, None) == "no interval"


def test_figures_and_differences_carry_their_intervals() -> None:
    assert estimate("rmse", Estimate(0.9134, 0.905, 0.92)) == "0.913 (0.905–0.920)"
    assert estimate("novelty@10", Estimate(2.345, 2.3, 2.4)) == "2.35 (2.30–2.40)"
    assert estimate("coverage@10", Estimate(0.4, None, None)) == "0.400"
    assert difference(Difference("a", "b", "rmse", -0.03, -0.034, -0.026)) == "−0.0300 (−0.0340 to −0.0260)"


def test_counts_lists_and_plurals_read_well() -> None:
    assert count(80_000) == "80\u202f000"
    assert (listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])) == ("a", "a and b", "a, b and c")
    assert (plural(1, "row"), plural(2, "row")) == ("1 row", "2 rows")


@pytest.mark.parametrize("kind", [*SPLIT_KINDS, "test"])
def test_every_split_is_said_in_plain_words(kind: str) -> None:
    said = split_sentence(Protocol(kind.replace("K", "3"), 5, 10, None, 1000, 0), 0.2)
    assert "split “" not in said
    assert said.endswith(".")


def test_an_unknown_split_is_named() -> None:
    assert "“by-moon”" in split_sentence(replace(PROTOCOL, split="by-moon"), 0.2)


def test_the_share_of_a_random_test_part_is_said() -> None:
    assert "20\u202f%" in split_sentence(PROTOCOL, 0.2)


def test_what_is_relevant_and_what_is_masked_is_said() -> None:
    record = movie_record()
    assert "if rated 4 or more" in relevance_sentence(record)
    loose = replace(record, protocol=replace(record.protocol, relevant_min=None, also_masked=7, also_given=9))
    assert "every tested interaction counts as relevant" in relevance_sentence(loose)
    assert "Of 9 pairs to be masked too, as asked, 7 were." in relevance_sentence(loose)
