"""Notes on lists: one list is looked at sooner than many, and told the same."""

from __future__ import annotations

import numpy as np
import pytest

from tastemap.inference import notes
from tastemap.inference.ranking import Ranking
from tastemap.inference.rules import Prepared

INF = np.inf


def one(scores: list[float]) -> Ranking:
    values = np.array([scores])
    items = np.where(np.isfinite(values), np.arange(len(scores)), -1).astype(np.int32)
    return Ranking(items, values, np.zeros(items.shape, np.bool_))


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([3.0, 2.0, 1.0], []),
        ([2.0, 3.0, 2.0], []),  # a pin, or diversity: the ends are the same, the list is not flat
        ([2.0, 2.0, 2.0], ["1 list in no"]),
        ([2.0, 2.0, -INF], ["1 list shorter", "1 list in no"]),
        ([3.0, 2.0, -INF], ["1 list shorter"]),
        ([3.0, 2.0], ["1 list shorter"]),
        ([3.0], ["1 list shorter"]),
        ([-INF, -INF, -INF], ["1 list shorter"]),
    ],
)
def test_one_list_is_told_what_many_are_told(scores: list[float], said: list[str]) -> None:
    prepared = Prepared(np.ones(5, np.bool_), np.zeros(0, np.int32), notes=("of the rules",))
    told = notes.of_list(one(scores), 3, prepared)
    assert told == notes.of_lists(one(scores), 3, prepared)
    assert told[0] == "of the rules"
    assert [note[: len(start)] for note, start in zip(told[1:], said, strict=True)] == said


def test_a_list_of_one_item_is_in_order() -> None:
    prepared = Prepared(np.ones(5, np.bool_), np.zeros(0, np.int32))
    assert notes.of_list(one([2.0]), 1, prepared) == []


def test_unknown_items_are_counted_and_three_are_named() -> None:
    assert notes.unknown_items(0) == []
    assert notes.unknown_items(2) == ["2 items of the history unknown and left out."]
    assert notes.unknown_items(4, ["a", 2, "c", "d"]) == [
        "4 items of the history unknown and left out: 'a', 2, 'c'."
    ]
