"""The data of a recipe: items by title where a document keyed them so, and a split by its seed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from tastemap.data import Catalog, Dataset, IdMap, Interactions, datasets, load
from tastemap.data.generate import SHAPES, generate
from tastemap.linalg.types import Float32Array, Int32Array
from tastemap.progress import Progress
from tastemap.reproduction.recipe import Recipe
from tastemap.rng import generator, stream

LARGE = "ml-25m"


@dataclass(frozen=True, eq=False)
class Parts:
    """A training part and the test rows whose user and item it knows.

    ``n_unknown`` test rows were dropped.
    """

    train: Dataset
    user_index: Int32Array
    item_index: Int32Array
    values: Float32Array
    n_unknown: int


def recipe_data(recipe: Recipe, progress: Progress) -> Dataset:
    """The data set of a recipe."""
    data = load(recipe.data, progress=progress)
    return by_title(data) if recipe.item_key == "title" else data


def large_data(progress: Progress) -> Dataset:
    """The 25 million ratings of MovieLens if they were fetched, else made-up ones of that shape."""
    if any(known.is_local for known in datasets() if known.name == LARGE):
        return load(LARGE, progress=progress)
    shape = SHAPES[LARGE]
    progress.note(f"{LARGE} is not here: making up {shape.n_rows:,} ratings of that shape.")
    made = load(generate(shape.n_rows, n_users=shape.n_users, n_items=shape.n_items, rng=0), progress=progress)
    return replace(made, name=f"generated, shaped like {LARGE}")


def by_title(data: Dataset) -> Dataset:
    """The same ratings with titles as item ids: items that share a title become one.

    A user's ratings of both stay two rows, as in the document, although interactions are distinct elsewhere.
    """
    rows = data.interactions
    titles = data.catalog.aligned(rows.items)["title"]
    items = IdMap(titles, kind="item")
    item_index = items.indices(titles)[rows.item_index]  # (n,)
    order = np.lexsort((item_index, rows.user_index))
    keyed = replace(
        rows,
        items=items,
        user_index=rows.user_index[order],
        item_index=item_index[order],
        values=rows.values[order],
        timestamps=None,
        folds=None,
    )
    frame = data.catalog.frame.with_columns(item_id=pl.col("title")).unique("item_id", maintain_order=True)
    return replace(data, interactions=keyed, catalog=Catalog(frame))


def split(data: Dataset, test_fraction: float, seed: int) -> Parts:
    """The first rows of a random order are the test; the rest numbers users and items."""
    rows = data.interactions
    is_test = np.zeros(len(rows), bool)
    is_test[generator(seed).permutation(len(rows))[: round(test_fraction * len(rows))]] = True
    return _parts(data, is_test)


def inner_split(train: Dataset, fraction: float, seed: int) -> Parts:
    """A validation part of training rows, to choose an epoch by."""
    n = len(train.interactions)
    return _parts(train, stream(seed, "validation").permutation(n) < round(fraction * n))


def misalign(parts: Parts, seed: int) -> Parts:
    """Every pair beside the rating of another pair of its part, as a document had it by mistake."""
    random, rows = stream(seed, "misaligned"), parts.train.interactions
    train = replace(rows, values=rows.values[random.permutation(len(rows))])
    values = parts.values[random.permutation(len(parts.values))]
    return replace(parts, train=replace(parts.train, interactions=train), values=values)


def _parts(data: Dataset, is_test: np.ndarray) -> Parts:
    train = data.select(~is_test)
    rows: Interactions = data.interactions
    users = train.interactions.users.indices(rows.users.take(rows.user_index[is_test]))
    items = train.interactions.items.indices(rows.items.take(rows.item_index[is_test]))
    known = (users >= 0) & (items >= 0)
    return Parts(train, users[known], items[known], rows.values[is_test][known], int((~known).sum()))
