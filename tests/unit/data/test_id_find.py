from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastemap.data import UNKNOWN, Id, IdMap
from tastemap.errors import UnknownUserError


@given(st.lists(st.integers(-50, 50), min_size=1), st.integers(-60, 60) | st.text("0-1 5a", max_size=3))
def test_finding_one_id_answers_what_indices_answers_for_integers(ids: list[int], asked: int | str) -> None:
    made = IdMap(ids, kind="item")
    assert made.find(asked) == made.indices(pl.Series([asked]))[0]


@given(st.lists(st.text(max_size=3), min_size=1), st.one_of(st.integers(0, 20), st.text(max_size=3)))
def test_finding_one_id_answers_what_indices_answers_for_text(ids: list[str], asked: int | str) -> None:
    made = IdMap([*ids, "7"], kind="item")
    assert made.find(asked) == made.indices(pl.Series([str(asked)]))[0]


@given(st.lists(st.integers(-50, 50), min_size=1), st.lists(st.text("0-1 5a", max_size=3), max_size=5))
def test_a_few_texts_are_found_as_a_column_of_them_is(ids: list[int], asked: list[str]) -> None:
    made = IdMap(ids, kind="item")
    assert made.indices(asked).tolist() == made.indices(pl.Series(asked, dtype=pl.String)).tolist()


@pytest.mark.parametrize("id", ["050", "+5", " 5", "5\n", "٥", "1e3", "", 2**63, str(2**63), "-0"])
def test_an_integer_map_cannot_hold_what_is_no_canonical_integer(id: int | str) -> None:
    made = IdMap([0, 5], kind="item")
    assert made.own_form(id) is None
    assert made.find(id) == -1


def test_text_that_is_an_integer_finds_it() -> None:
    assert IdMap([3, 5], kind="item").find("5") == 1
    assert IdMap(["5", "b"], kind="item").find(5) == 0


@pytest.mark.parametrize("ids", [list(range(10, 400)), [f"id{number:03}" for number in range(10, 400)]])
def test_hidden_ids_are_found_by_no_way_and_the_others_stay(ids: list[Id]) -> None:
    whole = IdMap(ids, kind="user")
    hidden = whole.hiding(np.array([0, 7])).hiding(np.array([8]))
    expected = [UNKNOWN if index in (0, 7, 8) else index for index in range(len(ids))]
    assert hidden.indices(pl.Series(ids)).tolist() == expected
    assert hidden.indices(ids[:9]).tolist() == [hidden.find(id) for id in ids[:9]] == expected[:9]
    assert hidden.indices(ids[7:8]).tolist() == [UNKNOWN]
    with pytest.raises(UnknownUserError):
        hidden.index(ids[7])
    assert hidden.near(ids[9])
    assert not {ids[0], ids[7], ids[8]} & set(hidden.near(ids[9]))
    assert (hidden.to_id(7), len(hidden), whole.find(ids[7])) == (ids[7], len(ids), 7)
