from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastemap.linalg import cosine
from tastemap.linalg.cosine import cosine_to, dots_to, row_norms
from tastemap.linalg.types import Float32Array


def some_vectors(n: int = 7, d: int = 5) -> Float32Array:
    return np.random.default_rng(0).normal(size=(n, d)).astype(np.float32)


@given(st.integers(1, 30), st.integers(0, 20), st.integers(0, 2**32 - 1))
def test_dots_and_cosines_are_those_of_float64(n: int, d: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1)
    np.testing.assert_allclose(dots_to(vectors, n - 1), wide @ wide[n - 1], rtol=0, atol=1e-12)
    expected = np.divide(wide @ wide[0], lengths * lengths[0], out=np.zeros(n), where=lengths * lengths[0] > 0)
    np.testing.assert_allclose(cosine_to(vectors, row_norms(vectors), 0), expected, rtol=0, atol=1e-12)


def test_a_vector_of_zeros_is_like_nothing() -> None:
    vectors = some_vectors()
    vectors[3] = 0.0
    assert cosine_to(vectors, row_norms(vectors), 0)[3] == 0.0
    assert not cosine_to(vectors, row_norms(vectors), 3).any()


def test_equal_rows_tie_wherever_they_stand_and_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.tile(some_vectors(1, 37), (50, 1))
    whole = dots_to(vectors, 4)
    assert len(set(whole.tolist())) == 1
    monkeypatch.setattr(cosine, "VALUES_PER_BLOCK", 111)  # three rows
    np.testing.assert_array_equal(dots_to(vectors, 4), whole)
