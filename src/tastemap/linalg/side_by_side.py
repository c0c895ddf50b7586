r"""Cholesky factorizations of many small positive definite matrices beside each other.

One factorization of a small matrix waits for its own results most of the time. So those of many systems
:math:`A x = b` are made at once: the last axis of an array of theirs, a lane, is the system, and a step does
the same to all of them.
"""

from __future__ import annotations

import numpy as np

from tastemap.linalg.jit import fast_kernel, kernel
from tastemap.linalg.types import Float64Array


@fast_kernel
def _scale(values: Float64Array, divisors: Float64Array) -> None:
    for lane in range(len(values)):
        values[lane] /= divisors[lane]


@fast_kernel
def _subtract_product(values: Float64Array, left: Float64Array, right: Float64Array) -> None:
    for lane in range(len(values)):
        values[lane] -= left[lane] * right[lane]


@fast_kernel
def _subtract_four(
    values: Float64Array,
    left0: Float64Array,
    right0: Float64Array,
    left1: Float64Array,
    right1: Float64Array,
    left2: Float64Array,
    right2: Float64Array,
    left3: Float64Array,
    right3: Float64Array,
) -> None:
    for lane in range(len(values)):
        values[lane] -= (
            left0[lane] * right0[lane]
            + left1[lane] * right1[lane]
            + left2[lane] * right2[lane]
            + left3[lane] * right3[lane]
        )


@kernel
def factorize(systems: Float64Array) -> None:
    """Replace ``[A | b]``, (D, D + 1, lanes), by ``[U | U'^-1 b]`` with U'U = A, upper triangles.

    Earlier rows are taken four at a time, so that a sum is read and written once for four products.
    """
    d = len(systems)
    for i in range(d):
        whole = i - i % 4
        for j in range(i, d + 1):
            values = systems[i, j]
            for k in range(0, whole, 4):
                _subtract_four(
                    values, systems[k, i], systems[k, j], systems[k + 1, i], systems[k + 1, j],
                    systems[k + 2, i], systems[k + 2, j], systems[k + 3, i], systems[k + 3, j],
                )  # fmt: skip
            for k in range(whole, i):
                _subtract_product(values, systems[k, i], systems[k, j])
            if j == i:
                for lane in range(len(values)):
                    values[lane] = np.sqrt(values[lane])
            else:
                _scale(values, systems[i, i])


@kernel
def solve_back(systems: Float64Array) -> None:
    """Replace the last column c of the factorized systems by ``U^-1 c``."""
    d = len(systems)
    for i in range(d - 1, -1, -1):
        _scale(systems[i, d], systems[i, i])
        for j in range(i):
            _subtract_product(systems[j, d], systems[j, i], systems[i, d])
