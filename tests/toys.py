"""Toy data for tests: small enough to reason about, each with a known answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from tastemap.data import Catalog, Dataset, Interactions, LoadReport, RatingScale, make_interactions
from tastemap.linalg.types import Float64Array

STARS = RatingScale(1.0, 5.0)

# A 6 x 5 matrix worked by hand: (user, item, rating); user 6 has rated one item only.
HAND = [
    ("u1", 1, 5.0), ("u1", 2, 4.0), ("u1", 3, 1.0),
    ("u2", 1, 4.0), ("u2", 2, 5.0),
    ("u3", 3, 5.0), ("u3", 4, 4.0),
    ("u4", 3, 4.0), ("u4", 4, 5.0), ("u4", 1, 1.0),
    ("u5", 5, 3.0), ("u5", 1, 3.0),
    ("u6", 2, 2.0),
]  # fmt: skip

TITLES = ["Alpha (1977)", "Beta (1980)", "Gamma (1994)", "Delta (1995)", "Epsilon (2001)"]


def as_dataset(interactions: Interactions, *, name: str = "toy") -> Dataset:
    """A data set around interactions; items 1 … 5 have titles, years and genres."""
    catalog = pl.DataFrame(
        {
            "item_id": [1, 2, 3, 4, 5],
            "title": TITLES,
            "year": [1977, 1980, 1994, 1995, 2001],
            "genres": [["Action"], ["Action", "Comedy"], ["Drama"], ["Drama", "Horror"], ["Comedy"]],
        }
    )
    return Dataset(name, interactions, Catalog(catalog), None, LoadReport(len(interactions), len(interactions)))


def hand_dataset() -> Dataset:
    """The 6 x 5 matrix; user ids are text, item ids are integers, times grow with the rows."""
    users, items, ratings = zip(*HAND, strict=True)
    interactions, _ = make_interactions(
        list(users),
        list(items),
        np.array(ratings, np.float32),
        timestamps=np.arange(len(HAND), dtype=np.int64) * 86_400,
        rating_scale=STARS,
    )
    return as_dataset(interactions, name="hand")


def checkerboard(n: int = 20) -> Dataset:
    """Even users like even items, odd ones odd; the diagonal is left out, so top-1 of user u is item u."""
    pairs = [(u, i) for u in range(n) for i in range(n) if u % 2 == i % 2 and u != i]
    users, items = (list(side) for side in zip(*pairs, strict=True))
    interactions, _ = make_interactions(users, items, np.ones(len(pairs), np.float32))
    return Dataset("checkerboard", interactions, Catalog.empty(), None, LoadReport(len(pairs), len(pairs)))


def planted_ratings(n_users: int, n_items: int, n_factors: int, rng: np.random.Generator) -> Float64Array:
    """What :func:`planted` puts in for every pair, seen or not, before the noise; shape (U, I)."""
    left = rng.normal(size=(n_users, n_factors)) / n_factors**0.25
    right = rng.normal(size=(n_items, n_factors)) / n_factors**0.25
    truth: Float64Array = np.clip(3.0 + left @ right.T, 1.0, 5.0)
    return truth


def planted(
    n_users: int = 60,
    n_items: int = 40,
    n_factors: int = 3,
    *,
    density: float = 0.4,
    noise: float = 0.1,
    seed: int = 0,
) -> Dataset:
    """Ratings of a known low-rank model plus noise, unrounded, clipped to 1 … 5 stars."""
    rng = np.random.default_rng(seed)
    truth = planted_ratings(n_users, n_items, n_factors, rng)
    users, items = np.nonzero(rng.random(truth.shape) < density)
    values = np.clip(truth[users, items] + noise * rng.normal(size=len(users)), 1.0, 5.0)
    interactions, _ = make_interactions(
        users.astype(np.int64),
        items.astype(np.int64),
        values.astype(np.float32),
        timestamps=rng.integers(0, 10**9, len(users)),
        rating_scale=STARS,
    )
    return Dataset("planted", interactions, Catalog.empty(), None, LoadReport(len(values), len(values)))


def communities(n_users: int = 120) -> tuple[Dataset, np.ndarray]:
    """Two communities that own different films but rate them alike, and disagree about ten shared ones.

    Each user has eight films of the community's twenty, three stars each, and rates five shared films; the
    second value says which rows are ratings of a shared film.
    """
    rng = np.random.default_rng(0)
    users, items, ratings = [], [], []
    for user in range(n_users):
        side = user % 2
        own = 10 + 20 * side + rng.permutation(20)[:8]
        shared = rng.permutation(10)[:5]
        users += [user] * 13
        items += [*own, *shared]
        ratings += [3.0] * 8 + [5.0 if (item + side) % 2 else 1.0 for item in shared]
    data, _ = make_interactions(users, items, np.array(ratings, np.float32), rating_scale=STARS)
    return as_dataset(data), data.items.ids.to_numpy()[data.item_index] < 10


def with_features(data: Dataset) -> Dataset:
    """The same data, with genres and a year for each item and an age for each user, some of them missing."""
    items, users = data.interactions.items.ids, data.interactions.users.ids
    genres = [[], ["Action"], ["Comedy", "Drama"], ["Drama"]]
    catalog = pl.DataFrame(
        {
            "item_id": items,
            "genres": [genres[n % 4] for n in range(len(items))],
            "year": [None if n % 7 == 0 else 1970 + n for n in range(len(items))],
        }
    )
    ages = pl.DataFrame({"user_id": users, "age": [20 + n % 30 for n in range(len(users))]})
    return replace(data, catalog=Catalog(catalog), user_features=ages)
