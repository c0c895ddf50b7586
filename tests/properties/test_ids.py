"""Ids and indices: round trips, and encodings that unknown ids never shift."""

from __future__ import annotations

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastemap.data import UNKNOWN, Id, IdMap, RatingScale, load, make_interactions
from tastemap.data.id_map import FEW
from tastemap.errors import DataError, UnknownUserError
from tests.strategies import Row

INTEGERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(0, 50))
# Text as a CSV field may hold it: no line ends or quotes, no blanks at its ends.
TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Z"), exclude_characters='",;|:'), min_size=1, max_size=8
)
ID_LISTS = st.one_of(
    st.lists(INTEGERS, min_size=1, max_size=30), st.lists(st.text(max_size=5), min_size=1, max_size=30)
)


# Of user, item, rating and time: so narrow that pairs and times repeat.
RANGES = ((0, 3), (0, 3), (1, 5), (0, 4))


@given(ID_LISTS)
def test_every_id_comes_back_from_its_index(ids: list[Id]) -> None:
    made = IdMap(ids, kind="user")
    assert made.take(made.indices(ids)).to_list() == ids
    assert made.ids.to_list() == sorted(set(ids), key=lambda one: one if isinstance(one, int) else one.encode())


@given(ID_LISTS, ID_LISTS)
def test_unknown_ids_never_shift_the_indices_of_known_ones(ids: list[Id], others: list[Id]) -> None:
    made = IdMap(ids, kind="item")
    if isinstance(ids[0], int) != isinstance(others[0], int):
        others = ids[::-1]
    mixed = [one for pair in zip(ids, others, strict=False) for one in pair]
    found = made.indices(mixed)
    for one, index in zip(mixed, found.tolist(), strict=True):
        assert index == (made.ids.to_list().index(one) if one in ids else UNKNOWN)


@given(st.lists(INTEGERS, min_size=1, max_size=30, unique=True), st.lists(INTEGERS, min_size=1, max_size=30))
def test_a_table_and_a_search_find_the_same_indices(ids: list[int], queried: list[int]) -> None:
    near = IdMap(ids, kind="user")
    far = IdMap([*ids, 2**63 - 1, -(2**63)], kind="user")  # a range too wide for a table
    in_far = {one: index for index, one in enumerate(far.ids.to_list()) if one in ids}
    expected = [UNKNOWN if one not in in_far else near.ids.to_list().index(one) for one in queried]
    assert near.indices(queried).tolist() == expected
    assert [index != UNKNOWN for index in far.indices(ids).tolist()] == [True] * len(ids)


@given(ID_LISTS, ID_LISTS)
def test_an_id_is_found_alone_as_among_many(ids: list[Id], others: list[Id]) -> None:
    fill: list[Id] = [str(n) if isinstance(ids[0], str) else n for n in range(2 * FEW)]
    made = IdMap([*ids, *fill], kind="user")
    queried = [*ids, *(str(one) for one in others)] if made.ids.dtype == pl.String else [*ids, *fill[:20]]
    assert [int(made.indices([one])[0]) for one in queried] == made.indices(queried).tolist()


@given(ID_LISTS, st.one_of(INTEGERS, st.text(max_size=5), st.integers(0, 50).map(str)))
def test_the_index_of_an_id_is_that_among_others(ids: list[Id], other: Id) -> None:
    made = IdMap(ids, kind="user")
    for one in (*ids, other):
        expected = int(made.indices([one])[0])
        if expected == UNKNOWN:
            with pytest.raises(UnknownUserError):
                made.index(one)
        else:
            assert made.index(one) == expected


@given(ID_LISTS)
def test_equal_maps_have_equal_hashes_and_users_are_no_items(ids: list[Id]) -> None:
    made, again = IdMap(ids, kind="user"), IdMap(ids[::-1], kind="user")
    assert (made, hash(made)) == (again, hash(again))
    assert made != IdMap(ids, kind="item")


@given(
    st.one_of(st.integers(2**63, 2**200), st.integers(-(2**200), -(2**63) - 1)), st.lists(INTEGERS, max_size=3)
)
def test_an_integer_beyond_64_bits_is_refused_in_words(beyond: int, others: list[int]) -> None:
    with pytest.raises(DataError, match=rf"must fit 64 bits.*Got {beyond}; make them text"):
        IdMap([*others, beyond], kind="user")
    with pytest.raises(DataError, match="must fit 64 bits"):
        IdMap([1], kind="user").index(beyond)


@given(st.lists(st.tuples(TEXTS, st.integers(0, 99)), min_size=2, max_size=20))
def test_text_ids_come_out_of_a_csv_as_they_went_in(rows: list[tuple[str, int]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        path.write_text(
            "user_id,item_id\n" + "".join(f"x{user},{item}\n" for user, item in rows), encoding="utf-8"
        )
        data = load(path).interactions
    assert set(data.users.ids.to_list()) == {f"x{user}" for user, _ in rows}
    assert set(data.frame().select("user_id", "item_id").rows()) == {(f"x{user}", item) for user, item in rows}


@given(st.lists(st.from_regex(r"[-+]?[0-9]{1,4}", fullmatch=True), min_size=1, max_size=10))
def test_a_column_is_integer_only_if_every_value_reads_back_the_same(values: list[str]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        path.write_text("user_id,item_id\n" + "".join(f"{value},1\n" for value in values), encoding="utf-8")
        ids = load(path).interactions.users.ids
    is_canonical = all(str(int(value)) == value for value in values)
    assert (ids.dtype == pl.Int64) == is_canonical
    assert {str(one) for one in ids} == set(values)


COUNTS = st.sampled_from([1.0, 0.1, 0.2, 0.7, 3.0])
ROWS_WITH_REPEATS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), COUNTS, st.integers(0, 4)), min_size=1, max_size=40
)


@given(ROWS_WITH_REPEATS, st.randoms(use_true_random=False), st.booleans(), st.booleans())
def test_the_table_is_the_same_in_any_order_of_rows(
    rows: list[Row], random: Random, implicit: bool, with_times: bool
) -> None:
    with_times = with_times or not implicit  # without times, of repeated ratings the last row counts
    shuffled = list(rows)
    random.shuffle(shuffled)
    frames = []
    for given_rows in (rows, shuffled):
        made, _ = make_interactions(
            [row[0] for row in given_rows],
            [row[1] for row in given_rows],
            np.array([row[2] for row in given_rows], np.float32),
            timestamps=np.array([row[3] for row in given_rows], np.int64) if with_times else None,
            rating_scale=None if implicit else RatingScale(0, 5),
        )
        frames.append(made.frame())
    assert frames[0].equals(frames[1])


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 5), st.integers(0, 4)),
        min_size=1,
        max_size=40,
    ),
    st.booleans(),
)
def test_of_repeated_ratings_the_last_by_time_then_the_highest_counts_or_without_times_the_last_row(
    rows: list[tuple[int, int, int, int]], with_times: bool
) -> None:
    expected: dict[tuple[int, int], tuple[int, int]] = {}
    for place, (user, item, rating, time) in enumerate(rows):
        here = (time, rating) if with_times else (place, rating)
        expected[user, item] = max(expected.get((user, item), here), here)
    made, n_merged = make_interactions(
        [row[0] for row in rows],
        [row[1] for row in rows],
        np.array([row[2] for row in rows], np.float32),
        timestamps=np.array([row[3] for row in rows], np.int64) if with_times else None,
        rating_scale=RatingScale(1, 5),
    )
    found = {(row[0], row[1]): row[2] for row in made.frame().rows()}
    assert found == {pair: float(last[1]) for pair, last in expected.items()}
    assert n_merged == len(rows) - len(expected)
