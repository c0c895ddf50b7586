r"""The rating baseline: a shrunk global, user and item mean.

.. math:: \hat r_{ui} = \mu + b_u + b_i, \quad
    b_i = \frac{\sum_{u} (r_{ui} - \mu)}{n_i + \lambda_i}, \quad
    b_u = \frac{\sum_{i} (r_{ui} - \mu - b_i)}{n_u + \lambda_u}

The pair of steps is taken twice, so that item means are corrected for who rated the item.
Source: Koren, "Factor in the neighbors", TKDD 2010, section 2.1.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from tastemap.data import Dataset, Interactions
from tastemap.linalg.types import Float32Array, Float64Array, Int32Array
from tastemap.models.base import Link
from tastemap.models.config import ModelConfig
from tastemap.models.factor import FactorModel
from tastemap.models.user_loss import UserLoss

SWEEPS = 2
"""Item means, then user means, twice: a third time changes the fourth digit of the error."""


class BiasConfig(ModelConfig):
    """Settings of ``bias``."""

    item_regularization: float = Field(
        default=3.0, ge=0.0, description="ratings of μ added to every item's mean"
    )
    user_regularization: float = Field(
        default=5.0, ge=0.0, description="ratings of μ + b_i added to every user's mean"
    )


def fit(train: Dataset, config: BiasConfig, *, rng: np.random.Generator) -> FactorModel:
    """Fit the means in closed form, O(n). `rng` is not used: there is nothing to draw."""
    data = train.interactions
    scale = rating_scale_of(data)
    ratings = data.values.astype(np.float64)
    mean = float(ratings.mean())
    user_bias = np.zeros(data.n_users, np.float32)
    for _ in range(SWEEPS):
        rest = ratings - mean - user_bias[data.user_index]
        item_bias = _shrunk_means(rest, data.item_index, data.n_items, config.item_regularization)
        rest = ratings - mean - item_bias[data.item_index]
        user_bias = _shrunk_means(rest, data.user_index, data.n_users, config.user_regularization)
    return FactorModel(
        user_factors=np.zeros((data.n_users, 0), np.float32),
        item_factors=np.zeros((data.n_items, 0), np.float32),
        user_bias=user_bias,
        item_bias=item_bias,
        global_bias=mean,
        link=scale,
        user_side=UserLoss(0.0, bias_regularization=config.user_regularization),
    )


def rating_scale_of(train: Interactions) -> Link:
    """The link that cuts predictions at the rating scale of `train`."""
    assert train.rating_scale is not None, "the registry lets rating models see ratings only"
    return Link("clip", train.rating_scale.low, train.rating_scale.high)


def _shrunk_means(
    values: Float64Array, groups: Int32Array, n_groups: int, regularization: float
) -> Float32Array:
    """``sum / (count + regularization)`` of each group, shape (n_groups,), float32; 0 for an empty group."""
    sums = np.bincount(groups, weights=values, minlength=n_groups)
    counts = np.bincount(groups, minlength=n_groups) + regularization
    means: Float32Array = np.divide(sums, counts, out=np.zeros(n_groups), where=counts > 0.0).astype(np.float32)
    return means
