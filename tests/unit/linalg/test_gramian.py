from __future__ import annotations

import numpy as np
import pytest

from tastemap.linalg.gramian import ROWS_PER_CHUNK, gramian
from tastemap.linalg.threads import use_threads
from tastemap.linalg.types import Float32Array


def factors(n: int, d: int) -> Float32Array:
    """Random factors."""
    return np.random.default_rng(0).normal(size=(n, d)).astype(np.float32)


@pytest.mark.parametrize("n", [0, 1, ROWS_PER_CHUNK, 2 * ROWS_PER_CHUNK + 77])
def test_the_gramian_is_the_dense_product_in_float64(n: int) -> None:
    Y = factors(n, 5)
    made = gramian(Y)
    assert made.dtype == np.float64
    np.testing.assert_allclose(made, Y.astype(np.float64).T @ Y.astype(np.float64), rtol=1e-12, atol=1e-12)


def test_the_gramian_of_no_factors_is_empty() -> None:
    assert gramian(factors(10, 0)).shape == (0, 0)


def test_the_gramian_has_the_same_bits_at_one_and_two_threads() -> None:
    Y = factors(3 * ROWS_PER_CHUNK + 11, 16)
    with use_threads(1):
        alone = gramian(Y)
    with use_threads(2):
        together = gramian(Y)
    assert alone.tobytes() == together.tobytes()
