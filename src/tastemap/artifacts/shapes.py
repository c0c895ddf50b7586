"""Each shape of the waist as arrays and facts, and back; checked before it is built.

Kernels do not check bounds: what passes :func:`check_arrays` can be scored without reading outside an array.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np

from tastemap.artifacts.arrays import check_array, check_names, require, width_of
from tastemap.artifacts.manifest import Manifest
from tastemap.artifacts.samples import (
    CALIBRATION_ARRAYS,
    PRIOR_ARRAYS,
    SAMPLE_ARRAYS,
    check_samples,
    sample_arrays,
    samples_of,
)
from tastemap.artifacts.tensors import Array
from tastemap.artifacts.weights import check_weights, weight_arrays, weights_of
from tastemap.data import Interactions
from tastemap.errors import ArtifactError
from tastemap.models.base import Link, Model
from tastemap.models.config import positive_min_of
from tastemap.models.encoder import HistoryEncoder
from tastemap.models.factor import FactorModel, UserSide
from tastemap.models.implicit_history import ImplicitHistory
from tastemap.models.item_weights import ItemWeights
from tastemap.models.layers import Layer
from tastemap.models.network import Network
from tastemap.models.recommender import Recommender
from tastemap.models.user_loss import PriorLoss, UserLoss

FACTOR_ARRAYS = ("user_factors", "item_factors", "user_bias", "item_bias")
NETWORK_ARRAYS = ("user_inputs", "item_inputs")
HISTORY_INPUTS = "history_inputs"
HISTORY_FACTORS = "history_factors"
HISTORY_BIAS = "history_bias"
USER_PENALTY = "user_penalty"


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
            if model.user_side.history_bias is not None:
                arrays[HISTORY_BIAS] = np.ascontiguousarray(model.user_side.history_bias)
        loss = _loss_of(model.user_side)
        if isinstance(loss, PriorLoss):
            arrays[USER_PENALTY] = np.ascontiguousarray(loss.penalty)
        return arrays | (sample_arrays(model.samples) if model.samples else {})
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
    return weight_arrays(model.weights)


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
        loss = _loss_of(model.user_side)
        if loss is not None:
            facts["user_loss"] = _constants(loss)
        elif isinstance(model.user_side, HistoryEncoder):
            facts["n_layers"] = len(model.user_side.layers)
    elif isinstance(model, Network):
        facts |= {"shape": "network", "user_loss": _constants(model.user_loss)}
        facts |= {"n_layers": len(model.layers), "input_relu": model.input_relu}
        facts |= {"n_products": model.n_products}
    return facts


def build(
    manifest: Manifest, arrays: Mapping[str, Array], train: Interactions, positive_min: float | None
) -> Model:
    """The model that was packed; `arrays` have been checked."""
    link = Link(**manifest.link.model_dump())
    loss = _loss(manifest, arrays)
    layers = [
        Layer(arrays[f"layer_{number}_weights"], arrays[f"layer_{number}_offsets"])
        for number in range(manifest.n_layers or 0)
    ]
    if manifest.shape == "item_weights":
        return ItemWeights(weights_of(arrays), train.at_least(positive_min).by_user, positive_min)
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
        user_side = ImplicitHistory(loss, arrays[HISTORY_FACTORS], arrays.get(HISTORY_BIAS))
    return FactorModel(
        **{name: arrays[name] for name in FACTOR_ARRAYS},
        global_bias=manifest.global_bias,
        link=link,
        user_side=user_side,
        samples=samples_of(arrays, train.by_user.row_lengths) if SAMPLE_ARRAYS[0] in arrays else None,
    )


def check_arrays(manifest: Manifest, arrays: Mapping[str, Array]) -> None:
    """Raise an ArtifactError at the first array that is not what the manifest says it must be."""
    n_users, n_items = manifest.n_users, manifest.n_items
    layers = {
        f"layer_{number}_{part}" for number in range(manifest.n_layers or 0) for part in ("weights", "offsets")
    }
    if manifest.shape == "item_weights":
        check_weights(arrays, n_items)
    elif manifest.shape == "network":
        check_names(arrays, set(NETWORK_ARRAYS) | layers, set(), "arrays")
        p, q = (width_of(arrays, name) for name in NETWORK_ARRAYS)
        check_array(arrays, "user_inputs", np.float32, (n_users, p))
        check_array(arrays, "item_inputs", np.float32, (n_items, q))
        _check_layers(arrays, manifest.n_layers or 0, p + q, 1)
        most = min(p, q)
        require(
            (manifest.n_products or 0) <= most, f"n_products is {manifest.n_products} where <= {most} is due"
        )
    else:
        _check_factors(manifest, arrays, layers)


def _check_factors(manifest: Manifest, arrays: Mapping[str, Array], layers: set[str]) -> None:
    n_users, n_items = manifest.n_users, manifest.n_items
    needed = set(FACTOR_ARRAYS) | layers | ({HISTORY_INPUTS} if layers else set())
    optional = {HISTORY_FACTORS, HISTORY_BIAS, USER_PENALTY} if manifest.user_loss else set()
    if SAMPLE_ARRAYS[0] in arrays:
        needed |= {*SAMPLE_ARRAYS, *CALIBRATION_ARRAYS}
        optional |= set(PRIOR_ARRAYS)
    check_names(arrays, needed, optional, "arrays")
    d = width_of(arrays, "item_factors")
    check_array(arrays, "user_factors", np.float32, (n_users, d))
    check_array(arrays, "item_factors", np.float32, (n_items, d))
    check_array(arrays, "user_bias", np.float32, (n_users,))
    check_array(arrays, "item_bias", np.float32, (n_items,))
    if HISTORY_FACTORS in arrays:
        check_array(arrays, HISTORY_FACTORS, np.float32, (n_items, d))
    if HISTORY_BIAS in arrays:
        require(HISTORY_FACTORS in arrays, f"{HISTORY_BIAS} is there without {HISTORY_FACTORS}")
        check_array(arrays, HISTORY_BIAS, np.float32, (n_items,))
    if USER_PENALTY in arrays:
        p = d + (manifest.user_loss is not None and manifest.user_loss.bias_regularization is not None)
        check_array(arrays, USER_PENALTY, np.float32, (p, p))
    if SAMPLE_ARRAYS[0] in arrays:
        check_samples(arrays, n_users, n_items)
    if layers:
        q = width_of(arrays, HISTORY_INPUTS)
        check_array(arrays, HISTORY_INPUTS, np.float32, (n_items, q))
        _check_layers(arrays, manifest.n_layers or 0, q, d)


def _loss_of(user_side: UserSide | None) -> UserLoss | None:
    """The loss of a user side that has one."""
    if isinstance(user_side, ImplicitHistory):
        return user_side.loss
    return user_side if isinstance(user_side, UserLoss) else None


def _loss(manifest: Manifest, arrays: Mapping[str, Array]) -> UserLoss | None:
    """The loss that was packed, if any."""
    if manifest.user_loss is None:
        return None
    constants = manifest.user_loss.model_dump()
    if USER_PENALTY in arrays:
        return PriorLoss(**constants, penalty=arrays[USER_PENALTY])
    return UserLoss(**constants)


def _constants(loss: UserLoss) -> dict[str, object]:
    """The numbers of a loss; a matrix is an array of the artifact."""
    return {field.name: getattr(loss, field.name) for field in fields(UserLoss)}


def _named(model: Model, names: Sequence[str]) -> dict[str, Array]:
    return {name: np.ascontiguousarray(getattr(model, name)) for name in names}


def _layer_arrays(layers: Sequence[Layer]) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    for number, layer in enumerate(layers):
        arrays[f"layer_{number}_weights"] = np.ascontiguousarray(layer.weights)
        arrays[f"layer_{number}_offsets"] = np.ascontiguousarray(layer.offsets)
    return arrays


def _check_layers(arrays: Mapping[str, Array], n_layers: int, n_in: int, n_out: int) -> None:
    """Each layer takes what the one before gives; the first takes `n_in` values, the last gives `n_out`."""
    for number in range(n_layers):
        width = n_out if number == n_layers - 1 else width_of(arrays, f"layer_{number + 1}_weights")
        check_array(arrays, f"layer_{number}_weights", np.float32, (width, n_in))
        check_array(arrays, f"layer_{number}_offsets", np.float32, (width,))
        n_in = width
