from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tastemap.data import Catalog
from tastemap.service.answers import items, people
from tastemap.service.answers.cursors import CURSOR, StaleCursorError
from tastemap.service.database.records import Event, Kind
from tastemap.service.live.serving import Serving
from tastemap.training import fit
from tests.saved import factors_recommender
from tests.toys import planted

DAY = 86_400
HAND = Serving(factors_recommender(), Path("hand"), 1, "0123456789abcdef", 0.0, 0)


@pytest.fixture(scope="module")
def popular() -> Serving:
    data = planted()
    ids = data.interactions.items.ids
    catalog = pl.DataFrame({"item_id": ids, "title": [f"Part {n}" for n in range(len(ids))]})
    made = fit(replace(data, catalog=Catalog(catalog)), "popularity", rng=0)
    return Serving(made, Path("planted"), 1, "89abcdef01234567", 0.0, 0)


def event(seq: int, item: int, *, time: float = 99 * DAY, kind: Kind = "interaction") -> Event:
    return Event(seq, "u1", str(item), kind, 3.0, time, 0.0, None)


def walked(page_of: Callable[[str | None], dict[str, Any]]) -> list[object]:
    """The ids of all pages, one after the other."""
    found: list[object] = []
    cursor: str | None = None
    while True:
        page = page_of(cursor)
        found += [row["item_id"] for row in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def ids(page: dict[str, Any]) -> list[object]:
    return [row["item_id"] for row in page["items"]]


def history(events: Sequence[Event], limit: int, cursor: str | None = None) -> dict[str, Any]:
    return people.history(HAND, "u1", events, limit, cursor)


def test_an_event_between_two_pages_of_a_history_repeats_no_row_and_leaves_none_out() -> None:
    whole = ids(history([], 10))
    first = history([], 2)
    second = history([event(1, 5), event(2, 4)], 2, first["next_cursor"])
    assert ids(first) + ids(second) == whole
    assert second["next_cursor"] is None


def test_a_row_withdrawn_between_two_pages_leaves_none_out() -> None:
    first = history([], 2)
    gone = int(str(ids(first)[1]))
    second = history([event(1, gone, kind="withdrawal")], 2, first["next_cursor"])
    assert ids(first) + ids(second) == ids(history([], 10))


def test_rows_of_one_time_are_parted_by_their_items() -> None:
    same = [event(seq, item) for seq, item in enumerate((5, 4, 3, 2, 1), start=1)]
    assert walked(lambda cursor: history(same, 2, cursor)) == [1, 2, 3, 4, 5]


def test_an_item_that_came_in_between_two_pages_repeats_none(popular: Serving) -> None:
    whole = walked(lambda cursor: items.search(popular, None, 500, cursor))
    first = items.search(popular, None, 7, None)
    data = popular.recommender.train
    rows = data.interactions
    # As if the last item of the list had become the most popular one.
    last = popular.recommender.items.index(whole[-1])  # type: ignore[arg-type]
    popularity = rows.popularity.copy()
    popularity[last] = popularity.max() + 1
    grown = replace(rows)
    grown.__dict__["popularity"] = popularity
    later = replace(popular, recommender=replace(popular.recommender, train=replace(data, interactions=grown)))
    second = items.search(later, None, 500, first["next_cursor"])
    assert ids(first) + ids(second) == whole[:-1]


@pytest.mark.parametrize("words", [None, "1", "part"])
def test_pages_of_items_follow_each_other_whatever_is_asked(popular: Serving, words: str | None) -> None:
    whole = ids(items.search(popular, words, 500, None))
    assert len(whole) > 3
    assert walked(lambda cursor: items.search(popular, words, 1, cursor)) == whole


def test_the_item_of_exactly_this_id_comes_first_and_once(popular: Serving) -> None:
    rows = popular.recommender.train.interactions
    least = popular.recommender.items.to_id(int(np.argmin(rows.popularity)))
    found = walked(lambda cursor: items.search(popular, str(least), 1, cursor))
    assert found[0] == least
    assert len(set(found)) == len(found)


def test_a_cursor_of_another_version_is_refused() -> None:
    cursor = history([], 1)["next_cursor"]
    other = replace(HAND, digest="fedcba9876543210")
    with pytest.raises(StaleCursorError, match="another version of the model"):
        people.history(other, "u1", [], 1, cursor)


def test_cursors_have_the_form_that_routes_ask_for(popular: Serving) -> None:
    made = [history([], 1)["next_cursor"], items.search(popular, None, 1, None)["next_cursor"]]
    made.append(items.search(popular, "1", 1, None)["next_cursor"])
    assert all(re.fullmatch(CURSOR, one) for one in made), made
