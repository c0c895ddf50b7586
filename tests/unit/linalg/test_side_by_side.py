"""Systems factorized beside each other are solved as each alone."""

from __future__ import annotations

import numpy as np
import pytest

from tastemap.linalg.side_by_side import factorize, solve_back


@pytest.mark.parametrize("d", [1, 2, 5, 9, 18])
def test_each_lane_is_the_solution_of_its_own_system(d: int) -> None:
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(7, d, d + 3))
    A, b = roots @ roots.transpose(0, 2, 1), rng.normal(size=(7, d))
    systems = np.ascontiguousarray(np.concatenate([A, b[:, :, None]], axis=2).transpose(1, 2, 0))
    factorize(systems)
    upper = np.triu(systems[:, :d].transpose(2, 0, 1))
    np.testing.assert_allclose(upper.transpose(0, 2, 1) @ upper, A, atol=1e-10)
    solve_back(systems)
    np.testing.assert_allclose(systems[:, d].T, np.linalg.solve(A, b[:, :, None])[:, :, 0], rtol=1e-8)
