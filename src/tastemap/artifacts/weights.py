"""Item-to-item weights, dense or sparse, as arrays of an artifact."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tastemap.artifacts.arrays import check_array, check_names, require
from tastemap.artifacts.tensors import Array
from tastemap.errors import ArtifactError
from tastemap.linalg.csr import CSR
from tastemap.models.sparse_weights import SparseWeights
from tastemap.models.weight_matrix import DenseWeights, WeightMatrix

SPARSE_WEIGHTS = ("weight_indptr", "weight_indices", "weight_values")


def weight_arrays(weights: WeightMatrix) -> dict[str, Array]:
    """The arrays of item-to-item weights, uncopied where they can be."""
    if isinstance(weights, DenseWeights):
        return {"weights": np.ascontiguousarray(weights.matrix)}
    if isinstance(weights, SparseWeights):
        parts = (weights.rows.indptr, weights.rows.indices, weights.rows.values)
        return {name: np.ascontiguousarray(part) for name, part in zip(SPARSE_WEIGHTS, parts, strict=True)}
    raise ArtifactError(
        f"Weights of the kind {type(weights).__name__} cannot be saved by this version of Tastemap."
    )


def weights_of(arrays: Mapping[str, Array]) -> WeightMatrix:
    """The weights that were packed; the arrays have been checked."""
    if "weights" in arrays:
        return DenseWeights(arrays["weights"])
    indptr, indices, values = (arrays[name] for name in SPARSE_WEIGHTS)
    return SparseWeights(CSR(indptr, indices, values, len(indptr) - 1))


def check_weights(arrays: Mapping[str, Array], n_items: int) -> None:
    """Dense weights, or rows of sorted, distinct columns that lie in their arrays."""
    if SPARSE_WEIGHTS[0] not in arrays:
        check_names(arrays, {"weights"}, set(), "arrays")
        return check_array(arrays, "weights", np.float32, (n_items, n_items))
    check_names(arrays, set(SPARSE_WEIGHTS), set(), "arrays")
    indptr, indices, _ = (arrays[name] for name in SPARSE_WEIGHTS)
    check_array(arrays, "weight_indptr", np.int64, (n_items + 1,))
    check_array(arrays, "weight_indices", np.int32, (indices.size,))
    check_array(arrays, "weight_values", np.float32, (indices.size,))
    is_whole = indptr[0] == 0 and indptr[-1] == indices.size and bool((indptr[:-1] <= indptr[1:]).all())
    require(is_whole, f"weight_indptr does not divide the {indices.size:,} weights into rows")
    if indices.size:
        low, high = int(indices.min()), int(indices.max())
        require(
            0 <= low and high < n_items,
            f"weight_indices runs from {low} to {high} where there are {n_items} items",
        )
        rises = indices[1:] > indices[:-1]
        rises[indptr[1:-1][(indptr[1:-1] > 0) & (indptr[1:-1] < indices.size)] - 1] = True  # a new row begins
        require(bool(rises.all()), "weight_indices do not rise within a row")
    return None
