from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastemap.linalg import pairs
from tastemap.linalg.pairs import is_among, pair_keys

keys = st.lists(st.integers(-(2**62), 2**62), max_size=30)


def test_worked_examples_hold() -> None:
    found = doctest.testmod(pairs)
    assert found.attempted > 0
    assert found.failed == 0


@given(queried=keys, others=keys, shared=keys)
def test_membership_is_that_of_a_set(queried: list[int], others: list[int], shared: list[int]) -> None:
    among = np.sort(np.array([*others, *shared], np.int64))
    asked = np.array([*queried, *shared], np.int64)
    assert is_among(asked, among).tolist() == [key in {*others, *shared} for key in asked.tolist()]


@pytest.mark.parametrize("shape", [(0,), (2, 3), (3, 0)])
def test_nothing_is_among_nothing_in_any_shape(shape: tuple[int, ...]) -> None:
    found = is_among(np.zeros(shape, np.int64), np.zeros(0, np.int64))
    assert found.shape == shape
    assert not found.any()


def test_keys_of_narrow_indices_do_not_overflow() -> None:
    rows, columns = np.array([2**20], np.int32), np.array([2**30], np.int32)
    assert pair_keys(rows, columns, 2**31 - 1).tolist() == [2**20 * (2**31 - 1) + 2**30]
