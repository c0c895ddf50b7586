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
from tastemap.data.interactions import AT_A_TIME
from tastemap.linalg.csr import counts
from tastemap.linalg.placement import spans
from tastemap.linalg.types import Float32Array
from tastemap.models.base import Link
from tastemap.models.config import ModelConfig
from tastemap.models.factor import FactorModel
from tastemap.models.user_loss import UserLoss

SWEEPS = 2
"""Item means, then user means, twice: a third time changes the fourth digit of the error."""


USERS, ITEMS = "users", "items"


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
    mean, user_bias = data.mean, np.zeros(data.n_users, np.float32)
    for _ in range(SWEEPS):
        item_bias = _shrunk_means(data, ITEMS, user_bias, config.item_regularization)
        user_bias = _shrunk_means(data, USERS, item_bias, config.user_regularization)
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


def _shrunk_means(data: Interactions, side: str, other_bias: Float32Array, weight: float) -> Float32Array:
    """``sum / (count + weight)`` of each row of a side, float32; 0 for a row without a rating.

    What is summed is what the mean of all ratings and the biases of the other side leave.
    """
    groups, others = data.user_index, data.item_index
    n_groups = data.n_users
    if side == ITEMS:
        groups, others, n_groups = others, groups, data.n_items
    sums = np.zeros(n_groups)
    for span in spans(len(data), AT_A_TIME):
        rest = data.values[span].astype(np.float64) - data.mean - other_bias[others[span]]
        sums += np.bincount(groups[span], weights=rest, minlength=n_groups)
    weights = counts(groups, n_groups) + weight
    means: Float32Array = np.divide(sums, weights, out=np.zeros(n_groups), where=weights > 0.0).astype(
        np.float32
    )
    return means
