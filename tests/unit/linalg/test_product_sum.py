"""Many low-rank products as one."""

from __future__ import annotations

import numpy as np
import pytest

from tastemap.linalg.product_sum import ProductSum
from tastemap.linalg.threads import use_threads
from tastemap.linalg.types import Float32Array, Float64Array


def products(n: int, d: int, spread: float, seed: int = 0) -> list[tuple[Float32Array, Float32Array]]:
    """Draws around fixed factors, each turned by another rotation."""
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(30, d)), rng.normal(size=(20, d))
    found = []
    for _ in range(n):
        turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
        left = (X + spread * rng.normal(size=X.shape)) @ turn
        right = (Y + spread * rng.normal(size=Y.shape)) @ turn
        found.append((left.astype(np.float32), right.astype(np.float32)))
    return found


def summed(parts: list[tuple[Float32Array, Float32Array]], rank: int) -> ProductSum:
    total = ProductSum.empty(len(parts[0][0]), len(parts[0][1]))
    for left, right in parts:
        total = total.plus(left, right, rank)
    return total


def dense_mean(parts: list[tuple[Float32Array, Float32Array]]) -> Float64Array:
    mean: Float64Array = np.mean([left.astype(np.float64) @ right.T for left, right in parts], axis=0)
    return mean


def test_a_sum_within_the_rank_is_exact() -> None:
    parts = products(13, 3, spread=0.0)
    left, right = summed(parts, 6).mean(6)
    assert left.shape[1] <= 6
    np.testing.assert_allclose(left @ right.T, dense_mean(parts), atol=1e-5)


def test_the_mean_is_near_the_best_of_its_rank() -> None:
    parts = products(100, 3, spread=0.2)
    mean = dense_mean(parts)
    left, right = summed(parts, 9).mean(6)
    U, singular, V = np.linalg.svd(mean)
    best = (U[:, :6] * singular[:6]) @ V[:6]
    assert np.linalg.norm(left @ right.T - mean) <= 1.15 * np.linalg.norm(best - mean)
    np.testing.assert_allclose(left.T @ left, right.T @ right, atol=1e-4)


@pytest.mark.parametrize("rank", [1, 4, 50])
def test_a_rank_beyond_both_sides_or_a_product_of_zeros_is_fine(rank: int) -> None:
    left, right = np.zeros((3, 4), np.float32), np.ones((2, 4), np.float32)
    found = summed([(left, right)] * 9, rank).mean(rank)
    np.testing.assert_array_equal(found[0] @ found[1].T, np.zeros((3, 2)))


def test_threads_do_not_change_a_bit() -> None:
    rng = np.random.default_rng(0)
    left, right = (rng.normal(size=(n, 8)).astype(np.float32) for n in (9_000, 5_000))
    found = []
    for threads in (1, 2):
        with use_threads(threads):
            found.append(summed([(left, right), (right[:1] + left, right)] * 5, 12).mean(10))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_more_rows_than_a_chunk_are_summed_with_any_number_of_threads() -> None:
    rng = np.random.default_rng(0)
    left, right = (rng.normal(size=(n, 2)).astype(np.float32) for n in (20_000, 9_000))
    found = []
    for count in (1, 2):
        with use_threads(count):
            found.append(ProductSum.empty(20_000, 9_000).plus(left, right, 2).mean(2))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(found[0][0][:50] @ found[0][1][:50].T, left[:50] @ right[:50].T, atol=1e-4)
