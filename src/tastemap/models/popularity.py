"""The ranking baseline: the same list for everybody, the most popular items first."""

from __future__ import annotations

import numpy as np

from tastemap.data import Dataset
from tastemap.models.base import Link
from tastemap.models.config import RankingConfig
from tastemap.models.factor import FactorModel


class PopularityConfig(RankingConfig):
    """``popularity`` has no settings but what counts as an interaction."""


def fit(train: Dataset, config: PopularityConfig, *, rng: np.random.Generator) -> FactorModel:
    """Score every item by the number of its training interactions, O(n). Nothing is drawn."""
    data = train.interactions
    return FactorModel(
        user_factors=np.zeros((data.n_users, 0), np.float32),
        item_factors=np.zeros((data.n_items, 0), np.float32),
        user_bias=np.zeros(data.n_users, np.float32),
        item_bias=data.popularity.astype(np.float32),
        global_bias=0.0,
        link=Link(),
        user_side=None,
    )
