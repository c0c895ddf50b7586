"""Which items a new person is asked about."""

from __future__ import annotations

import numpy as np
import pytest

from tastemap.data import Dataset, load
from tastemap.errors import InvalidValueError
from tastemap.inference import informative_items
from tastemap.models.recommender import Recommender
from tastemap.training import fit


def recommender(rows: list[tuple[str, str, float]]) -> Recommender:
    import polars as pl

    data: Dataset = load(pl.DataFrame(rows, schema=["user_id", "item_id", "rating"], orient="row"))
    return fit(data, "bias", rng=0)


def ids(found: Recommender, n: int, leave_out: tuple[int, ...] = ()) -> list[object]:
    return [found.items.to_id(int(item)) for item in informative_items(found, n, leave_out=leave_out)]


def test_an_item_judged_differently_comes_before_one_judged_alike() -> None:
    rows = [(f"u{n}", "agreed", 4.0) for n in range(8)]
    rows += [(f"u{n}", "disputed", float(1 + n % 5)) for n in range(8)]
    found = recommender(rows)
    assert ids(found, 1) == ["disputed"]


def test_a_popular_item_comes_before_a_rare_one() -> None:
    rows = [(f"u{n}", "popular", float(1 + n % 2)) for n in range(8)]
    rows += [(f"u{n}", "rare", float(1 + n % 2)) for n in range(2)]
    assert ids(recommender(rows), 2) == ["popular", "rare"]


def test_what_the_same_users_rated_is_asked_later_than_what_others_did() -> None:
    rows = [(f"u{n}", name, float(1 + n % 4)) for n in range(9) for name in ("first", "sequel")]
    rows += [(f"v{n}", "other", float(1 + n % 4)) for n in range(8)]
    assert ids(recommender(rows), 3) == ["first", "other", "sequel"]


def test_items_left_out_are_not_asked_about() -> None:
    rows = [(f"u{n}", name, float(1 + (n + place) % 3)) for n in range(6) for place, name in enumerate("abc")]
    found = recommender(rows)
    left_out = (found.items.index("a"),)
    assert "a" not in ids(found, 3, left_out)
    assert len(set(ids(found, 3))) == len(ids(found, 3))


def test_fewer_than_one_question_is_refused() -> None:
    found = recommender([("u", "a", 1.0), ("v", "b", 2.0), ("u", "b", 3.0)])
    with pytest.raises(InvalidValueError, match="n must be >= 1"):
        informative_items(found, 0)
    assert informative_items(found, 5).dtype == np.int64
