r"""A sum of many low-rank products, kept as one product of low rank.

The mean prediction of a sampler is :math:`\frac{1}{n} \sum_s X_s Y_s^\top`. Its rank grows with n, but nearly
all of it lies in a few directions. :class:`ProductSum` keeps the best approximation of a fixed rank: products
are put side by side, :math:`[L\ X_s][R\ Y_s]^\top`, and from time to time cut back by a singular value
decomposition, which needs only the two small gramians (Golub and Van Loan, "Matrix computations", section 5.4).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tastemap.linalg.gramian import gramian
from tastemap.linalg.products import product_by_rows
from tastemap.linalg.threads import single_threaded_blas
from tastemap.linalg.types import Float32Array, Float64Array

BUFFERED = 4
"""Products added between two cuts."""
ROWS_PER_BLOCK = 2048
SMALLEST = 1e-12
"""Share of the largest eigenvalue of a gramian below which a direction is rounding."""


@dataclass(frozen=True, eq=False)
class ProductSum:
    """The sum ``left @ right.T`` of `n` products.

    Parameters
    ----------
    left, right : arrays of shape (U, w) and (I, w), float32
    n : int
        Products summed so far.
    """

    left: Float32Array
    right: Float32Array
    n: int = 0

    @classmethod
    def empty(cls, n_rows: int, n_columns: int) -> ProductSum:
        """No product yet, of shape (U, I)."""
        return cls(np.zeros((n_rows, 0), np.float32), np.zeros((n_columns, 0), np.float32))

    def plus(self, left: Float32Array, right: Float32Array, rank: int) -> ProductSum:
        """With ``left @ right.T`` added, of shapes (U, d) and (I, d), and cut to `rank` when it gets wide.

        O((U + I) (rank + 4 d)^2) in one of four calls, O((U + I) (rank + 4 d)) in the others.
        """
        joined = ProductSum(np.hstack([self.left, left]), np.hstack([self.right, right]), self.n + 1)
        wide = joined.left.shape[1] > rank + (BUFFERED - 1) * left.shape[1]
        return joined.cut(rank) if wide else joined

    def cut(self, rank: int) -> ProductSum:
        """The best approximation of at most this rank, in balanced columns by falling singular value."""
        with single_threaded_blas():
            # left = Q root with orthonormal Q, so Q' left right' (Q' left right')' is a small matrix,
            # whose eigenvalues are the squares of the singular values.
            root, whitening = _roots(gramian(self.left))
            values, U = np.linalg.eigh(root @ gramian(self.right) @ root.T)
            kept = np.flatnonzero(values > SMALLEST * values.max(initial=0.0))[-rank:][::-1]
            U, scale = U[:, kept], values[kept] ** 0.25  # roots of the singular values
            left = product_by_rows(self.left, whitening @ (U * scale), ROWS_PER_BLOCK)
            right = product_by_rows(self.right, root.T @ (U / scale), ROWS_PER_BLOCK)
        return replace(self, left=left, right=right)

    def mean(self, rank: int) -> tuple[Float32Array, Float32Array]:
        """Factors (U, k) and (I, k), k <= rank, whose product is the mean of the products."""
        found = self.cut(rank)
        scale = np.float32(1.0 / np.sqrt(max(self.n, 1)))
        return found.left * scale, found.right * scale


def _roots(gram: Float64Array) -> tuple[Float64Array, Float64Array]:
    """C (r, w) with ``C'C = gram``, and W (w, r) with ``C W = I``: directions without length are left out."""
    values, vectors = np.linalg.eigh(gram)
    kept = values > SMALLEST * max(values.max(initial=0.0), np.finfo(np.float64).tiny)
    roots, vectors = np.sqrt(values[kept]), vectors[:, kept]
    return roots[:, None] * vectors.T, vectors / roots
