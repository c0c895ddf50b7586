from __future__ import annotations

import numpy as np
import pytest

from tastemap.linalg.products import CACHE_LINE, empty_lines, product_by_rows


@pytest.mark.parametrize("shape", [(7, 3), (1000, 64), (0, 5), (4, 0)])
def test_rows_begin_with_a_cache_line_and_are_all_there(shape: tuple[int, int]) -> None:
    made = empty_lines(*shape)
    assert made.shape == shape
    assert made.flags.c_contiguous
    assert made.ctypes.data % CACHE_LINE == 0 or not made.size


def test_a_product_is_that_of_numpy_in_blocks_of_any_size() -> None:
    rng = np.random.default_rng(0)
    matrix, right = rng.normal(size=(50, 6)).astype(np.float32), rng.normal(size=(6, 4))
    for rows_per_block in (1, 7, 50, 64):
        np.testing.assert_allclose(
            product_by_rows(matrix, right, rows_per_block), matrix @ right, rtol=1e-5, atol=1e-5
        )
