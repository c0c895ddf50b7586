"""The kept draws of a sampler as samples beside the model, in stars, with what each expects of a new user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tastemap.data import Interactions
from tastemap.linalg.gramian import gramian
from tastemap.linalg.threads import single_threaded_blas
from tastemap.linalg.types import Float64Array
from tastemap.models.history_bags import sum_of_bags
from tastemap.models.rating_samples import Calibration, RatingSamples
from tastemap.models.side_features import SideFeatures
from tastemap.models.user_priors import Float16Array, UserPriors


@dataclass(frozen=True, eq=False)
class Draw:
    """A kept draw: half precision is finer than the spread of the draws."""

    user_rows: Float16Array
    item_rows: Float16Array
    user_mean: Float64Array
    user_precision: Float64Array
    user_weights: tuple[Float64Array, ...]
    noise_precision: float


class Unit(NamedTuple):
    """What draws are in: standard deviations of the ratings, from their mean; both in stars."""

    mean: float
    std: float


def rating_samples(
    data: Interactions,
    draws: Sequence[Draw],
    unit: Unit,
    user_blocks: Sequence[SideFeatures],
    with_history: bool,
    calibration: Calibration,
) -> RatingSamples:
    """The draws side by side, in stars; arguments as for :func:`tastemap.models.gibbs_mean.mean_model`."""
    d = draws[0].item_rows.shape[1] - 1
    scale = np.append(np.full(d, np.sqrt(unit.std)), unit.std)  # (D,)
    narrow = scale.astype(np.float32)
    return RatingSamples(
        np.hstack([(draw.user_rows * narrow).astype(np.float16) for draw in draws]),
        np.hstack([(draw.item_rows * narrow).astype(np.float16) for draw in draws]),
        np.array([unit.std / np.sqrt(draw.noise_precision) for draw in draws], np.float32),
        calibration,
        data.by_user.row_lengths,
        _user_priors(data, draws, unit.mean, scale, user_blocks, with_history),
    )


def _user_priors(
    data: Interactions,
    draws: Sequence[Draw],
    mean: float,
    scale: Float64Array,
    blocks: Sequence[SideFeatures],
    with_history: bool,
) -> UserPriors:
    """Of somebody whose features are not known: these widen the prior by what they tell users apart."""
    means = np.stack([draw.user_mean * scale for draw in draws])
    means[:, -1] += mean
    precisions = []
    with single_threaded_blas():
        for draw in draws:
            precision = draw.user_precision
            for block, weights in list(zip(blocks, draw.user_weights, strict=True))[with_history:]:
                between = (
                    gramian(block.singular[:, None] * weights) / data.n_users
                )  # columns of P are orthonormal
                precision = np.linalg.inv(np.linalg.inv(precision) + between).astype(np.float64, copy=False)
            precisions.append(precision / np.outer(scale, scale))
    directions, history = np.zeros((data.n_items, 0)), np.zeros((0, len(draws) * len(scale)))
    if with_history:
        directions = _directions(data, blocks[0])
        history = np.hstack([draw.user_weights[0] * scale for draw in draws])
    return UserPriors(
        means.astype(np.float32),
        np.vstack(precisions).astype(np.float32),
        directions.astype(np.float16),
        history.astype(np.float16),
    )


def _directions(data: Interactions, block: SideFeatures) -> Float64Array:
    """``Q = F' P / s``, shape (I, r): F has a row for each history, with 1 / sqrt(n) at each of its n items."""
    lengths = np.maximum(data.by_user.row_lengths, 1)
    rows = block.left / block.singular / np.sqrt(lengths)[:, None]  # (U, r)
    found: Float64Array = sum_of_bags(data.by_item, rows.astype(np.float32))
    return found
