"""The engine of Gibbs sampling against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from tastemap.linalg.csr import CSR
from tastemap.linalg.posterior import draw_rows, row_posterior_reference
from tastemap.linalg.threads import use_threads
from tastemap.linalg.types import Float32Array, Float64Array

NOISE_PRECISION = 1.7


def problem(lengths: list[int], d: int, seed: int = 0) -> tuple[CSR, Float32Array, Float32Array, Float64Array]:
    """Rows of the given lengths over 600 columns, their vectors and offsets, and a prior precision."""
    rng = np.random.default_rng(seed)
    indptr = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    columns = np.concatenate([np.sort(rng.permutation(600)[:n]) for n in lengths]).astype(np.int32)
    rows = CSR(indptr, columns, rng.normal(size=len(columns)).astype(np.float32), 600)
    vectors, offsets = rng.normal(size=(600, d)).astype(np.float32), rng.normal(size=600).astype(np.float32)
    root = rng.normal(size=(d, d + 3))
    return rows, vectors, offsets, root @ root.T


@pytest.mark.parametrize("d", [1, 2, 5, 17, 33])
def test_a_draw_has_the_mean_and_the_covariance_of_the_reference(d: int) -> None:
    rows, vectors, offsets, precision = problem([0, 1, 40, 256, 257, 600], d)
    means = np.random.default_rng(1).normal(size=(rows.n_rows, d))

    def draw(normals: Float64Array) -> Float64Array:
        return draw_rows(rows, vectors, offsets, NOISE_PRECISION, means, precision, normals)[0].astype(float)

    found = draw(np.zeros(means.shape))
    # a draw is linear in the normals: one unit at a time gives the root of the covariance
    roots = np.stack([draw(np.tile(unit, (rows.n_rows, 1))) - found for unit in np.eye(d)], axis=2)
    for row in range(rows.n_rows):
        items, values = rows.row(row)
        targets = values.astype(float) - offsets[items]
        mean, row_precision = row_posterior_reference(
            vectors[items], targets, NOISE_PRECISION, means[row], precision
        )
        covariance = np.linalg.inv(row_precision)
        np.testing.assert_allclose(found[row], mean, rtol=2e-4, atol=2e-5)
        scale = np.abs(covariance).max()
        np.testing.assert_allclose(roots[row] @ roots[row].T / scale, covariance / scale, atol=2e-4)


def test_the_squares_are_those_of_the_residuals_under_the_draw() -> None:
    rows, vectors, offsets, precision = problem([0, 3, 500], 4)
    normals = np.random.default_rng(2).normal(size=(3, 4))
    draws, squares = draw_rows(rows, vectors, offsets, NOISE_PRECISION, np.zeros((3, 4)), precision, normals)
    for row in range(3):
        items, values = rows.row(row)
        residuals = values.astype(float) - offsets[items] - vectors[items].astype(float) @ draws[row]
        assert squares[row] == pytest.approx(float(residuals @ residuals), rel=1e-4, abs=1e-9)


def test_threads_do_not_change_a_bit() -> None:
    lengths = np.random.default_rng(3).integers(0, 200, 500).tolist()
    rows, vectors, offsets, precision = problem(lengths, 9)
    normals = np.random.default_rng(4).normal(size=(500, 9))
    found = []
    for threads in (1, 2):
        with use_threads(threads):
            found.append(draw_rows(rows, vectors, offsets, 2.0, np.zeros((500, 9)), precision, normals))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])
