r"""EASE: item-to-item weights in closed form.

.. math:: P = (X^\top X + \Lambda)^{-1}, \qquad W_{ji} = -P_{ji} / P_{ii}, \quad W_{ii} = 0,
   \qquad \Lambda_{jj} = \lambda n_j^p,

the minimiser of :math:`\lVert X - XW \rVert^2 + \sum_j \Lambda_{jj} \lVert W_{j\cdot} \rVert^2` with a zero
diagonal, where X holds a 1 for every interaction and :math:`n_j` counts those of item j. With fewer users
than half the items the matrix that is inverted is U x U, by Woodbury's identity:

.. math:: B = X^\top (I + X \Lambda^{-1} X^\top)^{-1} X, \qquad
   W_{ji} = \frac{B_{ji} / \Lambda_{jj}}{1 - B_{ii} / \Lambda_{ii}}.

Sources: Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, equation 8 (p = 0); Steck,
"Markov random fields for collaborative filtering", NeurIPS 2019 (columns of X scaled by a power of their
spread before the same λ, which is this Λ); Steck, "Autoencoders that don't overfit towards the identity",
NeurIPS 2020 (dropout of the input, in which Λ grows with n: p = 1).
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
    frequency_power: float = Field(
        default=0.0, ge=0.0, le=1.0, description="p, how λ grows with the users of the item that speaks"
    )


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
    With fewer users than half the items O(U^3 + n (U + I)), and less memory: the float32 weights, and float64
    matrices of U x U and U x I.
    """
    data = train.interactions
    refusal = too_many_items(data.n_items)
    if refusal is not None:
        raise InvalidValueError(refusal)
    # An item without users has no part in any weight; 1 in place of 0 keeps its power finite.
    popularity = np.maximum(data.by_item.row_lengths, 1).astype(np.float64)
    penalty = config.regularization * popularity**config.frequency_power  # (I,)
    make_weights = _weights_by_users if is_by_users(data.n_users, data.n_items) else _weights_by_items
    return ItemWeights(DenseWeights(make_weights(data, penalty)), data.by_user, config.positive_min)


def is_by_users(n_users: int, n_items: int) -> bool:
    """Whether the matrix that is inverted is U x U: with few users that is less work."""
    return 2 * n_users < n_items


def too_many_items(n_items: int) -> str | None:
    """The sentence with which so many items are refused; None if they are not."""
    n_bytes = 8 * n_items**2
    if n_bytes <= LARGEST_MATRIX_BYTES:
        return None
    return (
        f"ease needs a dense matrix of {n_items:,} x {n_items:,} items, {n_bytes / 2**30:,.0f} GB; "
        "it is meant for up to 32,000 items. Use ials, whose memory grows with the items alone."
    )


def _weights_by_items(data: Interactions, penalty: Float64Array) -> Float32Array:
    """W from the inverse of the item gramian."""
    G = co_counts(data).T  # symmetric; the transposed view is in the order in which LAPACK needs no copy
    G[np.diag_indices_from(G)] += penalty
    P = _inverse(G)
    weights = np.empty(P.shape, np.float32)
    diagonal = np.diag(P).copy()
    map_blocks(lambda start, stop: _scale_rows(P, diagonal, start, stop, weights), data.n_items, 64)
    return weights


def _weights_by_users(data: Interactions, penalty: Float64Array) -> Float32Array:
    """W from the inverse of a U x U matrix."""
    by_user, by_item = data.by_user, data.by_item
    users = (by_user.indptr, by_user.indices)
    items = (by_item.indptr, by_item.indices)
    shrunk = 1.0 / penalty  # (I,)
    K = np.zeros((data.n_users, data.n_users))
    map_blocks(lambda start, stop: _user_rows(*users, *items, shrunk, start, stop, K), data.n_users, 64)
    K[np.diag_indices_from(K)] += 1.0
    A = _inverse(K.T)
    AX = np.zeros((data.n_users, data.n_items))
    map_blocks(lambda start, stop: _sums_over_items(A, *users, start, stop, AX), data.n_users, 64)
    diagonal = np.zeros(data.n_items)  # of B
    np.add.at(diagonal, data.item_index, AX[data.user_index, data.item_index])
    scale = 1.0 / (1.0 - diagonal * shrunk)
    weights = np.empty((data.n_items, data.n_items), np.float32)

    def fill(start: int, stop: int) -> None:
        room = np.empty(data.n_items)
        _sums_over_users(AX, *items, shrunk, scale, start, stop, room, weights)

    map_blocks(fill, data.n_items, 64)
    return weights


def _inverse(matrix: Float64Array) -> Float64Array:
    """The inverse of a positive definite matrix in Fortran order, in its place; the lower triangle alone."""
    from scipy.linalg import lapack  # here, since the import takes half a second

    with single_threaded_blas():
        factor, failed = lapack.dpotrf(matrix, lower=1, overwrite_a=1)
        inverse, failed = lapack.dpotri(factor, lower=1, overwrite_c=1) if not failed else (matrix, failed)
    if failed:
        raise InvalidValueError("ease: the item gramian is singular; raise `regularization`.")
    found: Float64Array = inverse
    return found


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


@kernel
def _user_rows(
    user_indptr: Int64Array,
    user_items: Int32Array,
    item_indptr: Int64Array,
    item_users: Int32Array,
    shrunk: Float64Array,
    start: int,
    stop: int,
    rows: Float64Array,
) -> None:
    """Rows of ``X diag(shrunk) X'``, which start at zero."""
    for user in range(start, stop):
        for entry in range(user_indptr[user], user_indptr[user + 1]):
            item = user_items[entry]
            for other in range(item_indptr[item], item_indptr[item + 1]):
                rows[user, item_users[other]] += shrunk[item]


@kernel
def _sums_over_items(
    inverse: Float64Array,
    user_indptr: Int64Array,
    user_items: Int32Array,
    start: int,
    stop: int,
    sums: Float64Array,
) -> None:
    """Rows of ``A X``, which start at zero; only the lower triangle of `inverse` holds A."""
    for user in range(start, stop):
        for other in range(inverse.shape[0]):
            weight = inverse[user, other] if other < user else inverse[other, user]
            for entry in range(user_indptr[other], user_indptr[other + 1]):
                sums[user, user_items[entry]] += weight


@kernel
def _sums_over_users(
    sums: Float64Array,
    item_indptr: Int64Array,
    item_users: Int32Array,
    shrunk: Float64Array,
    scale: Float64Array,
    start: int,
    stop: int,
    room: Float64Array,
    weights: Float32Array,
) -> None:
    """Rows of the weights: those of ``B = X' A X``, scaled; `room` holds one of them."""
    for row in range(start, stop):
        room[:] = 0.0
        for entry in range(item_indptr[row], item_indptr[row + 1]):
            user = item_users[entry]
            for item in range(room.shape[0]):
                room[item] += sums[user, item]
        for item in range(room.shape[0]):
            weights[row, item] = room[item] * shrunk[row] * scale[item]
        weights[row, row] = 0.0
