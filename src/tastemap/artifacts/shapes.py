"""Each shape of the waist as arrays and facts, and back; checked before it is built.

Kernels do not check bounds: what passes :func:`check_arrays` can be scored without reading outside an array.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np

from tastemap.artifacts.arrays import check_array, check_names, require
from tastemap.artifacts.manifest import Manifest
from tastemap.artifacts.tensors import Array
from tastemap.data import Interactions
from tastemap.errors import ArtifactError
from tastemap.linalg.csr import CSR
from tastemap.models.base import Link, Model
from tastemap.models.config import positive_min_of
from tastemap.models.encoder import HistoryEncoder
from tastemap.models.factor import FactorModel, UserSide
from tastemap.models.implicit_history import ImplicitHistory
from tastemap.models.item_weights import ItemWeights
from tastemap.models.layers import Layer
from tastemap.models.network import Network
from tastemap.models.recommender import Recommender
from tastemap.models.user_loss import UserLoss
from tastemap.models.weight_matrix import DenseWeights, SparseWeights, WeightMatrix

FACTOR_ARRAYS = ("user_factors", "item_factors", "user_bias", "item_bias")
NETWORK_ARRAYS = ("user_inputs", "item_inputs")
SPARSE_WEIGHTS = ("weight_indptr", "weight_indices", "weight_values")
HISTORY_INPUTS = "history_inputs"
HISTORY_FACTORS = "history_factors"


def arrays_of(recommender: Recommender) -> dict[str, Array]:
    """The arrays of the model, uncopied where they can be.

    Raises
    ------
    ArtifactError
        If the model has a shape that the format lacks, or weights of other interactions than its own.
    """
    model = recommender.model
    if isinstance(model, FactorModel):
        arrays = _named(model, FACTOR_ARRAYS)
        if isinstance(model.user_side, HistoryEncoder):
            arrays[HISTORY_INPUTS] = np.ascontiguousarray(model.user_side.item_inputs)
            arrays |= _layer_arrays(model.user_side.layers)
        elif isinstance(model.user_side, ImplicitHistory):
            arrays[HISTORY_FACTORS] = np.ascontiguousarray(model.user_side.history_factors)
        return arrays
    if isinstance(model, Network):
        return _named(model, NETWORK_ARRAYS) | _layer_arrays(model.layers)
    if not isinstance(model, ItemWeights):
        raise ArtifactError(
            f"A model of the shape {type(model).__name__} cannot be saved by this version of Tastemap."
        )
    # The history is not stored: it is read back from the interactions and the setting.
    lowest = positive_min_of(recommender.resolved)
    history, learned = model.history, recommender.train.interactions.at_least(lowest).by_user
    if not (
        model.positive_min == lowest
        and np.array_equal(history.indptr, learned.indptr)
        and np.array_equal(history.indices, learned.indices)
    ):
        raise ArtifactError(
            "Cannot save: the histories of the model are not its training interactions. Save the recommender "
            "with the data set that the model was fitted to."
        )
    return _weight_arrays(model.weights)


def facts_of(model: Model) -> dict[str, object]:
    """What the manifest says of the shape."""
    facts: dict[str, object] = {
        "shape": "item_weights",
        "link": {"kind": model.link.kind, "low": float(model.link.low), "high": float(model.link.high)},
        "user_loss": None,
        "global_bias": None,
        "n_layers": None,
        "input_relu": None,
        "n_products": None,
    }
    if isinstance(model, FactorModel):
        facts |= {"shape": "factors", "global_bias": float(model.global_bias)}
        if isinstance(model.user_side, UserLoss):
            facts["user_loss"] = asdict(model.user_side)
        elif isinstance(model.user_side, ImplicitHistory):
            facts["user_loss"] = asdict(model.user_side.loss)
        elif isinstance(model.user_side, HistoryEncoder):
            facts["n_layers"] = len(model.user_side.layers)
    elif isinstance(model, Network):
        facts |= {"shape": "network", "user_loss": asdict(model.user_loss)}
        facts |= {"n_layers": len(model.layers), "input_relu": model.input_relu}
        facts |= {"n_products": model.n_products}
    return facts


def build(
    manifest: Manifest, arrays: Mapping[str, Array], train: Interactions, positive_min: float | None
) -> Model:
    """The model that was packed; `arrays` have been checked."""
    link = Link(**manifest.link.model_dump())
    loss = None if manifest.user_loss is None else UserLoss(**manifest.user_loss.model_dump())
    layers = [
        Layer(arrays[f"layer_{number}_weights"], arrays[f"layer_{number}_offsets"])
        for number in range(manifest.n_layers or 0)
    ]
    if manifest.shape == "item_weights":
        return ItemWeights(_weights(arrays), train.at_least(positive_min).by_user, positive_min)
    if manifest.shape == "network":
        assert loss is not None, "the manifest was checked when it was read"
        assert manifest.input_relu is not None, "the manifest was checked when it was read"
        assert manifest.n_products is not None, "the manifest was checked when it was read"
        return Network(
            **{name: arrays[name] for name in NETWORK_ARRAYS},
            layers=layers,
            input_relu=manifest.input_relu,
            link=link,
            user_loss=loss,
            n_products=manifest.n_products,
        )
    assert manifest.global_bias is not None, "the manifest was checked when it was read"
    user_side: UserSide | None = loss
    if layers:
        user_side = HistoryEncoder(arrays[HISTORY_INPUTS], layers, positive_min)
    elif loss is not None and HISTORY_FACTORS in arrays:
        user_side = ImplicitHistory(loss, arrays[HISTORY_FACTORS])
    return FactorModel(
        **{name: arrays[name] for name in FACTOR_ARRAYS},
        global_bias=manifest.global_bias,
        link=link,
        user_side=user_side,
    )


def check_arrays(manifest: Manifest, arrays: Mapping[str, Array]) -> None:
    """Raise an ArtifactError at the first array that is not what the manifest says it must be."""
    n_users, n_items = manifest.n_users, manifest.n_items
    layers = {
        f"layer_{number}_{part}" for number in range(manifest.n_layers or 0) for part in ("weights", "offsets")
    }
    if manifest.shape == "item_weights":
        _check_weights(arrays, n_items)
    elif manifest.shape == "network":
        check_names(arrays, set(NETWORK_ARRAYS) | layers, set(), "arrays")
        p, q = (_width(arrays, name) for name in NETWORK_ARRAYS)
        check_array(arrays, "user_inputs", np.float32, (n_users, p))
        check_array(arrays, "item_inputs", np.float32, (n_items, q))
        _check_layers(arrays, manifest.n_layers or 0, p + q, 1)
        most = min(p, q)
        require(
            (manifest.n_products or 0) <= most, f"n_products is {manifest.n_products} where <= {most} is due"
        )
    else:
        needed = set(FACTOR_ARRAYS) | layers | ({HISTORY_INPUTS} if layers else set())
        check_names(arrays, needed, {HISTORY_FACTORS} if manifest.user_loss else set(), "arrays")
        d = _width(arrays, "item_factors")
        check_array(arrays, "user_factors", np.float32, (n_users, d))
        check_array(arrays, "item_factors", np.float32, (n_items, d))
        check_array(arrays, "user_bias", np.float32, (n_users,))
        check_array(arrays, "item_bias", np.float32, (n_items,))
        if HISTORY_FACTORS in arrays:
            check_array(arrays, HISTORY_FACTORS, np.float32, (n_items, d))
        if layers:
            q = _width(arrays, HISTORY_INPUTS)
            check_array(arrays, HISTORY_INPUTS, np.float32, (n_items, q))
            _check_layers(arrays, manifest.n_layers or 0, q, d)


def _named(model: Model, names: Sequence[str]) -> dict[str, Array]:
    return {name: np.ascontiguousarray(getattr(model, name)) for name in names}


def _weight_arrays(weights: WeightMatrix) -> dict[str, Array]:
    if isinstance(weights, DenseWeights):
        return {"weights": np.ascontiguousarray(weights.matrix)}
    if isinstance(weights, SparseWeights):
        parts = (weights.rows.indptr, weights.rows.indices, weights.rows.values)
        return {name: np.ascontiguousarray(part) for name, part in zip(SPARSE_WEIGHTS, parts, strict=True)}
    raise ArtifactError(
        f"Weights of the kind {type(weights).__name__} cannot be saved by this version of Tastemap."
    )


def _weights(arrays: Mapping[str, Array]) -> WeightMatrix:
    if "weights" in arrays:
        return DenseWeights(arrays["weights"])
    indptr, indices, values = (arrays[name] for name in SPARSE_WEIGHTS)
    return SparseWeights(CSR(indptr, indices, values, len(indptr) - 1))


def _check_weights(arrays: Mapping[str, Array], n_items: int) -> None:
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


def _layer_arrays(layers: Sequence[Layer]) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    for number, layer in enumerate(layers):
        arrays[f"layer_{number}_weights"] = np.ascontiguousarray(layer.weights)
        arrays[f"layer_{number}_offsets"] = np.ascontiguousarray(layer.offsets)
    return arrays


def _check_layers(arrays: Mapping[str, Array], n_layers: int, n_in: int, n_out: int) -> None:
    """Each layer takes what the one before gives; the first takes `n_in` values, the last gives `n_out`."""
    for number in range(n_layers):
        width = n_out if number == n_layers - 1 else _width(arrays, f"layer_{number + 1}_weights")
        check_array(arrays, f"layer_{number}_weights", np.float32, (width, n_in))
        check_array(arrays, f"layer_{number}_offsets", np.float32, (width,))
        n_in = width


def _width(arrays: Mapping[str, Array], name: str) -> int:
    found = arrays[name]
    require(found.ndim == 2, f"{name} has {found.ndim} dimensions where 2 are due")
    return int(found.shape[1])
