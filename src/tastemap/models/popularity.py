"""The ranking baseline: the same list for everybody, the most popular items first.

Every interaction counts 1; with a half-life H it counts :math:`2^{-a / H}`, where a is its age when the latest
interaction came, so that the list follows the taste of the day.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from tastemap.data import Dataset, Interactions
from tastemap.errors import DataError
from tastemap.linalg.types import Float64Array
from tastemap.models.base import Link
from tastemap.models.config import RankingConfig
from tastemap.models.factor import FactorModel

SECONDS_A_DAY = 86_400


class PopularityConfig(RankingConfig):
    """Settings of ``popularity``."""

    half_life_days: float | None = Field(
        default=None,
        gt=0.0,
        description="days of age, from the latest interaction back, that halve its weight; unset: none does",
    )


def fit(train: Dataset, config: PopularityConfig, *, rng: np.random.Generator) -> FactorModel:
    """Score every item by the number of its training interactions, O(n). Nothing is drawn.

    Raises
    ------
    DataError
        If `half_life_days` is set and the interactions have no times.
    """
    data = train.interactions
    popularity = data.popularity if config.half_life_days is None else _decayed(data, config.half_life_days)
    return FactorModel(
        user_factors=np.zeros((data.n_users, 0), np.float32),
        item_factors=np.zeros((data.n_items, 0), np.float32),
        user_bias=np.zeros(data.n_users, np.float32),
        item_bias=popularity.astype(np.float32),
        global_bias=0.0,
        link=Link(),
        user_side=None,
    )


def _decayed(data: Interactions, half_life_days: float) -> Float64Array:
    """Interactions of each item, the older the less, shape (I,)."""
    if data.timestamps is None:
        raise DataError(
            "half_life_days needs interactions with times. Got none; leave it unset, or name the column of "
            "times with --time-col."
        )
    age_days = (data.timestamps.max(initial=0) - data.timestamps) / SECONDS_A_DAY  # (n,)
    weights = np.exp2(-age_days / half_life_days)  # (n,)
    return np.bincount(data.item_index, weights, data.n_items).astype(np.float64)
