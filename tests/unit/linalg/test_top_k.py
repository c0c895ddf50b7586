from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastemap.linalg.top_k import LANES, TopK, strongest, top_k
from tastemap.linalg.types import BoolArray, Float32Array, Int32Array

NOTHING_SEEN = np.zeros(0, np.int32)


def naive(scores: Float32Array, k: int, seen: list[set[int]], allowed: BoolArray) -> list[list[int]]:
    """The lists by sorting every valid item: falling score, then rising index; padded with -1."""
    lists = []
    for row, values in enumerate(scores):
        valid = [i for i in range(len(values)) if allowed[i] and i not in seen[row] and values[i] > -np.inf]
        ranked = sorted(valid, key=lambda i: (-values[i], i))[:k]
        lists.append(ranked + [-1] * (min(k, len(values)) - len(ranked)))
    return lists


def ranked(scores: Float32Array, k: int, seen: list[set[int]], allowed: BoolArray) -> Int32Array:
    """The kernel's lists, from seen items as sets."""
    indptr = np.concatenate(([0], np.cumsum([len(items) for items in seen]))).astype(np.int64)
    indices = np.array([item for items in seen for item in sorted(items)], np.int32)
    return top_k(scores.copy(), k, seen_indptr=indptr, seen_indices=indices, allowed=allowed)


@st.composite
def problems(draw: st.DrawFn) -> tuple[Float32Array, int, list[set[int]], BoolArray]:
    """Small score blocks with many ties, some NaN and infinities, seen and forbidden items."""
    n_users, n_items = draw(st.integers(1, 4)), draw(st.integers(1, 12))
    value = st.sampled_from([-1.5, 0.0, 0.25, 0.25, 1.0, 3.0, np.nan, np.inf, -np.inf])
    cells = draw(st.lists(value, min_size=n_users * n_items, max_size=n_users * n_items))
    seen = draw(st.lists(st.sets(st.integers(0, n_items - 1)), min_size=n_users, max_size=n_users))
    allowed = draw(st.lists(st.booleans(), min_size=n_items, max_size=n_items))
    scores = np.array(cells, np.float32).reshape(n_users, n_items)
    return scores, draw(st.integers(1, n_items + 3)), seen, np.array(allowed)


@given(problems())
def test_the_lists_are_those_of_a_full_sort(
    problem: tuple[Float32Array, int, list[set[int]], BoolArray],
) -> None:
    assert ranked(*problem).tolist() == naive(*problem)


@pytest.mark.parametrize("k", [1, 10, 400])
def test_large_blocks_with_ties_are_ranked_as_a_full_sort_ranks_them(k: int) -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 40, (5, 400)).astype(np.float32)
    seen = [set(rng.permutation(400)[: 7 * row].tolist()) for row in range(5)]
    allowed = rng.random(400) < 0.8
    assert ranked(scores, k, seen, allowed).tolist() == naive(scores, k, seen, allowed)


@pytest.mark.parametrize("width", [1, 7, LANES, 300, 400])
def test_scores_that_come_in_blocks_give_the_lists_of_the_whole(width: int) -> None:
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 60, (6, 400)).astype(np.float32)
    scores[1, ::3], scores[2] = np.nan, -np.inf
    seen = np.sort(rng.permuted(np.tile(np.arange(400, dtype=np.int32), (6, 1)), axis=1)[:, :50], axis=1)
    given = {"seen_indptr": np.arange(7) * 50, "seen_indices": seen.ravel(), "allowed": rng.random(400) < 0.7}
    best = TopK(30, **given)
    for first in range(0, 400, width):
        columns = np.arange(first, min(first + width, 400), dtype=np.int32)
        best.add(scores[:, first : first + width].copy(), columns)
    np.testing.assert_array_equal(best.columns(), top_k(scores.copy(), 30, **given))


def test_rising_scores_replace_all_that_were_kept() -> None:
    found = ranked(np.arange(500, dtype=np.float32)[None], 3, [{499}], np.arange(500) != 497)
    assert found.tolist() == [[498, 496, 495]]


def test_equal_scores_are_listed_by_rising_index() -> None:
    found = ranked(np.ones((1, 6), np.float32), 4, [{1}], np.ones(6, np.bool_))
    assert found.tolist() == [[0, 2, 3, 4]]


def test_a_score_that_is_not_a_number_is_never_listed() -> None:
    scores = np.array([[np.nan, 1.0, np.nan, 2.0]], np.float32)
    assert ranked(scores, 4, [set()], np.ones(4, np.bool_)).tolist() == [[3, 1, -1, -1]]


def test_a_list_ends_with_minus_one_where_no_valid_item_is_left() -> None:
    found = ranked(np.arange(5, dtype=np.float32)[None], 5, [{4, 0}], np.array([1, 1, 0, 1, 1], np.bool_))
    assert found.tolist() == [[3, 1, -1, -1, -1]]


def test_more_than_all_items_gives_all_items() -> None:
    found = ranked(np.arange(3, dtype=np.float32)[None], 99, [set()], np.ones(3, np.bool_))
    assert found.tolist() == [[2, 1, 0]]
    assert found.dtype == np.int32


def test_a_list_of_no_items_is_empty_and_leaves_the_scores_alone() -> None:
    scores = np.arange(6, dtype=np.float32).reshape(2, 3)
    indptr = np.zeros(3, np.int64)
    found = top_k(scores, 0, seen_indptr=indptr, seen_indices=NOTHING_SEEN, allowed=np.ones(3, np.bool_))
    assert found.shape == (2, 0)
    np.testing.assert_array_equal(scores, np.arange(6).reshape(2, 3))


def test_kept_columns_are_listed_by_their_exact_scores_with_equal_ones_by_column_and_missing_ones_last() -> (
    None
):
    exact = np.array([[3.0, 1.0, 3.0, 9.0, 3.0], [0.0, -1.0, 2.0, 5.0, np.inf]])
    best = TopK(4, seen_indptr=np.zeros(3, np.int64), seen_indices=NOTHING_SEEN, allowed=np.ones(5, np.bool_))
    best.add(
        np.array([[1, 2, 3, 0, 4], [9, 8, np.nan, -np.inf, -np.inf]], np.float32), np.arange(5, dtype=np.int32)
    )
    columns, scores = best.columns_by(lambda some: np.take_along_axis(exact, some, axis=1))
    assert columns.tolist() == [[0, 2, 4, 1], [0, 1, -1, -1]]
    assert scores.tolist() == [[3.0, 3.0, 3.0, 1.0], [0.0, -1.0, -np.inf, -np.inf]]


def test_the_strongest_values_of_a_row_are_those_farthest_from_0_and_of_equally_far_ones_the_first() -> None:
    values = np.array([[1.0, -3.0, 0.0, 3.0, 2.0], [0.0, 0.0, 0.0, 0.0, -0.5]])
    assert strongest(values, 3).tolist() == [[1, 3, 4], [4, 0, 1]]
    assert strongest(values, 9).tolist() == [[1, 3, 4, 0, 2], [4, 0, 1, 2, 3]]
    assert strongest(values[:, :0], 3).shape == (2, 0)
