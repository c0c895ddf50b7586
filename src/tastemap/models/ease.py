r"""EASE: item-to-item weights in closed form.

.. math:: P = (X^\top X + \lambda I)^{-1}, \qquad W_{ji} = -P_{ji} / P_{ii}, \quad W_{ii} = 0,

the minimiser of :math:`\lVert X - XW \rVert^2 + \lambda \lVert W \rVert^2` with a zero diagonal, where X
holds a 1 for every interaction. Source: Steck, "Embarrassingly shallow autoencoders for sparse data",
WWW 2019, equation 8.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from tastemap.data import Dataset, Interactions
from tastemap.errors import InvalidValueError
from tastemap.linalg.csr import CSR
from tastemap.linalg.jit import kernel
from tastemap.linalg.threads import map_blocks, single_threaded_blas
from tastemap.linalg.types import Float32Array, Float64Array, Int32Array, Int64Array
from tastemap.models.config import RankingConfig
from tastemap.models.item_weights import ItemWeights
from tastemap.models.weight_matrix import DenseWeights

LARGEST_MATRIX_BYTES = 8 * 2**30
"""Above this the dense (I, I) matrix in float64 is refused: about 32,000 items."""


class EASEConfig(RankingConfig):
    """Settings of ``ease``."""

    regularization: float = Field(default=200.0, gt=0.0, description="λ on the weights, in interactions")


def fit(train: Dataset, config: EASEConfig, *, rng: np.random.Generator) -> ItemWeights:
    """Invert the regularized item gramian. `rng` is not used: there is nothing to draw.

    Raises
    ------
    InvalidValueError
        If the matrix of I x I items would need more than 8 GB.

    Notes
    -----
    Cost O(I^3) by Cholesky in one thread (its sums must not depend on a thread count); peak
    memory 1.5 float64 matrices of I x I: the gramian, which LAPACK inverts in place, and the float32 weights.
    """
    from scipy.linalg import lapack  # here, since the import takes half a second

    data = train.interactions
    refusal = too_many_items(data.n_items)
    if refusal is not None:
        raise InvalidValueError(refusal)
    G = co_counts(data).T  # symmetric; the transposed view is in the order in which LAPACK needs no copy
    G[np.diag_indices_from(G)] += config.regularization
    with single_threaded_blas():
        factor, failed = lapack.dpotrf(G, lower=1, overwrite_a=1)
        P, failed = lapack.dpotri(factor, lower=1, overwrite_c=1) if not failed else (G, failed)
    if failed:
        raise InvalidValueError("ease: the item gramian is singular; raise `regularization`.")
    weights = np.empty(P.shape, np.float32)
    diagonal = np.diag(P).copy()
    map_blocks(lambda start, stop: _scale_rows(P, diagonal, start, stop, weights), data.n_items, 64)
    return ItemWeights(DenseWeights(weights), data.by_user, config.positive_min)


def too_many_items(n_items: int) -> str | None:
    """The sentence with which so many items are refused; None if they are not."""
    n_bytes = 8 * n_items**2
    if n_bytes <= LARGEST_MATRIX_BYTES:
        return None
    return (
        f"ease needs a dense matrix of {n_items:,} x {n_items:,} items, {n_bytes / 2**30:,.0f} GB; "
        "it is meant for up to 32,000 items. Use ials, whose memory grows with the items alone."
    )


def co_counts(train: Interactions) -> Float64Array:
    """``X.T @ X``: users who have both items, shape (I, I), float64, exact integers; O(sum of n_u^2)."""
    counts = np.zeros((train.n_items, train.n_items))
    by_item: CSR = train.by_item
    by_user: CSR = train.by_user

    def count(start: int, stop: int) -> None:
        _count_rows(by_item.indptr, by_item.indices, by_user.indptr, by_user.indices, start, stop, counts)

    map_blocks(count, train.n_items, 64)
    return counts


@kernel
def _count_rows(
    item_indptr: Int64Array,
    item_users: Int32Array,
    user_indptr: Int64Array,
    user_items: Int32Array,
    start: int,
    stop: int,
    counts: Float64Array,
) -> None:
    for item in range(start, stop):
        for entry in range(item_indptr[item], item_indptr[item + 1]):
            user = item_users[entry]
            for other in range(user_indptr[user], user_indptr[user + 1]):
                counts[item, user_items[other]] += 1.0


@kernel
def _scale_rows(
    inverse: Float64Array, diagonal: Float64Array, start: int, stop: int, weights: Float32Array
) -> None:
    """Fill in rows of the weights; only the lower triangle of `inverse` holds P."""
    for row in range(start, stop):
        for item in range(weights.shape[1]):
            entry = inverse[row, item] if item < row else inverse[item, row]
            weights[row, item] = -entry / diagonal[item]
        weights[row, row] = 0.0
