"""A training and a test part as plain arrays in a folder, which ours and every peer read alike."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tastemap.data import Dataset, Interactions, RatingScale, load
from tastemap.data.catalog import Catalog
from tastemap.data.dataset import LoadReport
from tastemap.data.generate import Blueprint, write_generated
from tastemap.data.id_map import IdMap
from tastemap.inference.lists import lists_of
from tastemap.linalg.pairs import find_hits
from tastemap.linalg.types import Float32Array, Int32Array, Int64Array, IntArray
from tastemap.metrics.ranking import ndcg
from tastemap.metrics.rating import rmse
from tastemap.models.base import Link
from tastemap.models.factor import FactorModel

TEST_FRACTION = 0.02


@dataclass(frozen=True)
class Parts:
    """Training interactions, and the test rows whose user and item are in them."""

    train: Interactions
    test_users: IntArray
    test_items: IntArray
    test_values: Float32Array


@dataclass(frozen=True)
class Bench:
    """The parts, the users whose lists are scored, and where the arrays lie."""

    parts: Parts
    users: Int64Array
    place: dict[str, object]


@contextmanager
def prepared(blueprint: Blueprint, data: Path | None, n_test_users: int) -> Iterator[Bench]:
    """Make or read a file, cut it, and write its arrays for as long as they are needed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = data or folder / "generated.parquet"
        if data is None:
            write_generated(path, blueprint, rng=0)
        parts = cut(load(path, implicit=blueprint.implicit), TEST_FRACTION)
        users = sample_users(parts, n_test_users)
        yield Bench(parts, users, write_parts(folder, parts, users))


def cut(data: Dataset, test_fraction: float, seed: int = 0) -> Parts:
    """A random share of the rows as the test part, without users and items that have no other row."""
    held = np.random.default_rng(seed).random(len(data.interactions)) < test_fraction
    return parts_of(data.interactions.select(~held), data.interactions.select(held))


def parts_of(train: Interactions, test: Interactions) -> Parts:
    """The parts of a split that was made already."""
    users = train.users.indices(test.users.ids)[test.user_index]
    items = train.items.indices(test.items.ids)[test.item_index]
    known = (users >= 0) & (items >= 0)
    return Parts(train, users[known], items[known], test.values[known])


def sample_users(parts: Parts, size: int, seed: int = 0) -> Int64Array:
    """At most `size` users with a test row, sorted."""
    users = np.unique(parts.test_users).astype(np.int64)
    if len(users) > size:
        users = np.sort(np.random.default_rng(seed).choice(users, size, replace=False))
    return users


def write_parts(folder: Path, parts: Parts, users: Int64Array) -> dict[str, object]:
    """Write the arrays; returns what a script needs to read them."""
    rows = parts.train.by_user
    arrays: dict[str, Any] = {
        "indptr": rows.indptr,
        "indices": rows.indices,
        "values": rows.values,
        "test_users": parts.test_users.astype(np.int32),
        "test_items": parts.test_items.astype(np.int32),
        "test_values": parts.test_values,
        "users": users,
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    scale = parts.train.rating_scale
    return {
        "folder": str(folder),
        "n_users": parts.train.n_users,
        "n_items": parts.train.n_items,
        "scale": None if scale is None else [scale.low, scale.high],
    }


def read_train(spec: dict[str, Any]) -> Dataset:
    """The training part as a Dataset of our own, ids 0, 1, …"""
    indptr, indices, values = (
        np.load(Path(spec["folder"]) / f"{name}.npy") for name in ("indptr", "indices", "values")
    )
    users = np.repeat(np.arange(spec["n_users"], dtype=np.int32), np.diff(indptr))
    maps = [IdMap.from_sorted(pl.Series(np.arange(spec[f"n_{kind}s"])), kind=kind) for kind in ("user", "item")]
    scale = RatingScale(*spec["scale"]) if spec["scale"] else None
    rows = Interactions(maps[0], maps[1], users, indices, values, None, scale)
    return Dataset("generated", rows, Catalog.empty(), None, LoadReport(len(rows), len(rows)))


def factor_model(user_factors: Any, item_factors: Any) -> FactorModel:
    """Factors of any system as a model of ours without biases: our lists of them."""
    users, items = (np.asarray(factors, np.float32) for factors in (user_factors, item_factors))
    nothing = np.zeros(len(users), np.float32), np.zeros(len(items), np.float32)
    return FactorModel(users, items, *nothing, 0.0, Link(), None)


def score_lists(parts: Parts, users: Int64Array, user_factors: Any, item_factors: Any, k: int = 20) -> float:
    """Mean NDCG@k of `users`, full ranking, training rows masked: one scorer for ours and every peer."""
    model = factor_model(user_factors, item_factors)
    lists = lists_of(model, np.arange(len(users)), k, seen=parts.train.by_user.take(users))
    return ndcg_of_lists(parts, users, lists, k)


def score_dense(parts: Parts, users: Int64Array, scores: Any, k: int) -> float:
    """The same from scores of all items, shape (users, I), which fit only small data sets."""
    masked = np.nan_to_num(np.array(scores, np.float64), nan=-np.inf)
    for row, user in enumerate(users):
        masked[row, parts.train.by_user.row(user)[0]] = -np.inf
    lists = np.argsort(-masked, axis=1, kind="stable")[:, :k].astype(np.int32)
    return ndcg_of_lists(parts, users, lists, k)


def ndcg_of_lists(parts: Parts, users: Int64Array, lists: Int32Array, k: int) -> float:
    """Mean NDCG@k of lists, a row for each of `users`."""
    place = np.searchsorted(users, parts.test_users)
    listed = (place < len(users)) & (users[np.minimum(place, len(users) - 1)] == parts.test_users)
    rows, items = place[listed], parts.test_items[listed]
    hits, _ = find_hits(lists, rows, items, parts.train.n_items)
    n_relevant = np.bincount(rows, minlength=len(users))
    return float(np.mean(ndcg(hits, n_relevant, k)))


def score_ratings(parts: Parts, predictions: Any) -> float:
    """RMSE of the test rows, predictions clipped to the scale: the one scorer of ratings."""
    scale = parts.train.rating_scale
    assert scale is not None, "ratings have a scale"
    return rmse(parts.test_values, np.clip(predictions, scale.low, scale.high).astype(np.float64))
