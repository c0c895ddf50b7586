"""Recommenders made by hand, so that their bytes never depend on a fit; and ways to damage what was saved."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tastemap.data import Dataset
from tastemap.linalg.csr import CSR
from tastemap.linalg.types import Float32Array
from tastemap.models.als import ALSConfig
from tastemap.models.base import Link
from tastemap.models.config import ModelConfig
from tastemap.models.ease import EASEConfig
from tastemap.models.encoder import HistoryEncoder
from tastemap.models.factor import FactorModel
from tastemap.models.item_weights import ItemWeights
from tastemap.models.itemknn import ItemKNNConfig
from tastemap.models.layers import Layer
from tastemap.models.mlp import MLPConfig
from tastemap.models.network import Network
from tastemap.models.recommender import Recommender
from tastemap.models.softmax import SoftmaxConfig
from tastemap.models.sparse_weights import SparseWeights
from tastemap.models.user_loss import UserLoss
from tastemap.models.weight_matrix import DenseWeights, WeightMatrix
from tests.toys import hand_dataset

Json = dict[str, Any]


def factors_recommender(*, shift: float = 0.0) -> Recommender:
    """A 6 x 5 model of 2 factors with every optional part; `shift` moves the user biases."""
    train = replace(
        hand_dataset(),
        user_features=pl.DataFrame(
            {"user_id": ["u1", "u2"], "age": [24, None], "Zip Code": ["85711", "94043"], "gender": ["F", "M"]}
        ),
    )
    model = FactorModel(
        user_factors=np.arange(12, dtype=np.float32).reshape(6, 2) / np.float32(8),
        item_factors=np.arange(10, dtype=np.float32).reshape(5, 2) / np.float32(4),
        user_bias=np.linspace(-1, 1, 6, dtype=np.float32) + np.float32(shift),
        item_bias=np.linspace(0, 1, 5, dtype=np.float32),
        global_bias=3.25,
        link=Link("clip", 1.0, 5.0),
        user_side=UserLoss(0.5, frequency_power=1.0, bias_regularization=2.0),
    )
    return Recommender(
        model=model,
        name="als",
        objective="rating",
        config=ALSConfig(n_factors=2, n_epochs=9),
        resolved=ALSConfig(n_factors=2, n_epochs=2, validation_fraction=0.0),
        seed=7,
        train=train,
        losses=pl.DataFrame({"phase": ["search", "final"], "epoch": [1, 1], "train_rmse": [0.5, None]}),
        validation=pl.DataFrame({"user_id": ["u1"], "item_id": [2], "rating": [4.0], "prediction": [3.5]}),
        evaluation={"data": "hand", "fit_s": 1.5, "models": ({"model": "als", "predict_s": 0.1, "rmse": 0.9},)},
    )


def weights_recommender() -> Recommender:
    """Item weights over the 6 x 5 matrix, without any optional part."""
    weights = np.arange(25, dtype=np.float32).reshape(5, 5) / np.float32(16)
    return _by_weights("ease", EASEConfig(), DenseWeights(weights))


def neighbors_recommender() -> Recommender:
    """Sparse item weights over the 6 x 5 matrix: two neighbors of an item, one, or none."""
    rows = CSR(
        np.array([0, 2, 3, 5, 5, 6]), np.array([1, 3, 0, 0, 4, 2], np.int32), numbers(6) + np.float32(1), 5
    )
    return _by_weights("itemknn", ItemKNNConfig(n_neighbors=2), SparseWeights(rows))


def _by_weights(name: str, config: ModelConfig, weights: WeightMatrix) -> Recommender:
    train: Dataset = hand_dataset()
    return Recommender(
        model=ItemWeights(weights, train.interactions.by_user),
        name=name,
        objective="ranking",
        config=config,
        resolved=config,
        seed=0,
        train=train,
        losses=pl.DataFrame(),
    )


def network_recommender() -> Recommender:
    """A network over the 6 x 5 matrix: 2 user inputs, 3 item inputs, 4 hidden values."""
    train = hand_dataset()
    config = MLPConfig(user_size=2, item_size=3, layers=(4,), input_relu=True)
    return Recommender(
        model=Network(
            user_inputs=numbers(6, 2),
            item_inputs=numbers(5, 3),
            layers=[Layer(numbers(4, 5), numbers(4)), Layer(numbers(1, 4), numbers(1))],
            input_relu=True,
            link=Link("sigmoid", 0.5, 5.5),
            user_loss=UserLoss(0.75, frequency_power=0.5),
        ),
        name="mlp",
        objective="rating",
        config=config,
        resolved=config.resolved(3),
        seed=1,
        train=train,
        losses=pl.DataFrame({"phase": ["final"], "epoch": [1], "loss": [0.5]}),
    )


def encoder_recommender() -> Recommender:
    """Factors of users that are encoded: 3 inputs of an item, 4 hidden values, 2 factors."""
    train = hand_dataset()
    config = SoftmaxConfig(n_factors=2, input_size=3, layers=(4,), positive_min=2.0)
    encoder = HistoryEncoder(
        numbers(5, 3), [Layer(numbers(4, 3), numbers(4)), Layer(numbers(2, 4), numbers(2))], 2.0
    )
    model = FactorModel(
        user_factors=numbers(6, 2),
        item_factors=numbers(5, 2),
        user_bias=np.zeros(6, np.float32),
        item_bias=numbers(5),
        global_bias=0.0,
        link=Link(),
        user_side=encoder,
    )
    return Recommender(
        model=model,
        name="softmax",
        objective="ranking",
        config=config,
        resolved=config.resolved(2),
        seed=2,
        train=train,
        losses=pl.DataFrame({"phase": ["final"], "epoch": [1], "loss": [0.5]}),
    )


def numbers(*shape: int) -> Float32Array:
    """Eighths from -0.5 upwards, of the given shape."""
    return (np.arange(math.prod(shape)) / 8 - 0.5).reshape(shape).astype(np.float32)


def contents_of(folder: Path) -> dict[str, bytes]:
    """The bytes of every file of a folder, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def manifest_of(folder: Path) -> Json:
    """The manifest as data."""
    found: Json = json.loads((folder / "manifest.json").read_text())
    return found


def data_file(folder: Path, role: str) -> Path:
    """The data file of a role."""
    return folder / str(manifest_of(folder)["files"][role]["name"])


def edit_manifest(folder: Path, edit: Callable[[Json], None]) -> None:
    """Change the manifest in place, without care for what it then says."""
    manifest = manifest_of(folder)
    edit(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def replace_data(folder: Path, role: str, content: bytes) -> None:
    """Put other bytes in the place of a data file, with a manifest that vouches for them."""
    old = data_file(folder, role)
    sha256 = hashlib.sha256(content).hexdigest()
    name = f"{role}-{sha256[:12]}{old.suffix}"
    old.unlink()
    (folder / name).write_bytes(content)
    facts = {"name": name, "sha256": sha256, "size": len(content)}
    edit_manifest(folder, lambda manifest: manifest["files"].update({role: facts}))
