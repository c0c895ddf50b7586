r"""From the draws of a sampler to one model: the mean prediction, and what is expected of a new user.

The mean of the predictions :math:`x_u^\top y_i` over the draws has a higher rank than a draw. Its best
approximation with ``COLUMNS_PER_FACTOR`` times as many columns as a draw is what the model keeps; biases are
means. A user who comes later has no draws: the prior of users in each kept draw is put into the coordinates of
the mean item factors, and averaged. Then a ridge solve with its precision gives the posterior mean of the user.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tastemap.data import Interactions
from tastemap.linalg.gramian import gramian
from tastemap.linalg.product_sum import ProductSum
from tastemap.linalg.threads import single_threaded_blas
from tastemap.linalg.types import Float32Array, Float64Array, Int64Array
from tastemap.models.bias import rating_scale_of
from tastemap.models.factor import FactorModel, UserSide
from tastemap.models.gibbs_sampler import Side
from tastemap.models.gibbs_samples import Draw, Unit, rating_samples
from tastemap.models.history_bags import sum_of_bags
from tastemap.models.implicit_history import ImplicitHistory
from tastemap.models.rating_samples import Calibration
from tastemap.models.side_features import SideFeatures
from tastemap.models.user_loss import PriorLoss

COLUMNS_PER_FACTOR = 2
"""Columns of the model for each factor of a draw: with one, 0.001 of RMSE is lost on ml-100k."""
SPARE_PER_FACTOR = 3
"""Columns for each factor while the sum grows."""
KEPT_DRAWS = 32
NARROWEST = 1e-4
"""Smallest variance of a direction of the prior, as a share of its largest."""


@dataclass(frozen=True, eq=False)
class Draws:
    """What is kept of the draws so far; grows by :meth:`plus`, which makes a new one.

    Parameters
    ----------
    product : ProductSum
        Of the factors.
    user_bias, item_bias : arrays of shape (U,) and (I,), float64
        Sums.
    kept : tuple of Draw
        Every `stride`-th draw, from 32 to 63 of them once there are as many.
    stride : int
    """

    product: ProductSum
    user_bias: Float64Array
    item_bias: Float64Array
    kept: tuple[Draw, ...] = ()
    stride: int = 1

    @property
    def samples(self) -> list[Draw]:
        """At most 32 of the kept draws, evenly spread."""
        places = np.linspace(0, len(self.kept) - 1, min(len(self.kept), KEPT_DRAWS)).round().astype(int)
        return [self.kept[place] for place in places]

    @classmethod
    def none(cls, n_users: int, n_items: int) -> Draws:
        """No draw yet."""
        return cls(ProductSum.empty(n_users, n_items), np.zeros(n_users), np.zeros(n_items))

    def plus(self, users: Side, items: Side, noise_precision: float) -> Draws:
        """With one more draw."""
        d = users.rows.shape[1] - 1
        grown = replace(
            self,
            product=self.product.plus(users.rows[:, :d], items.rows[:, :d], SPARE_PER_FACTOR * d),
            user_bias=self.user_bias + users.rows[:, d],
            item_bias=self.item_bias + items.rows[:, d],
        )
        if self.product.n % self.stride:
            return grown
        draw = Draw(
            users.rows.astype(np.float16),
            items.rows.astype(np.float16),
            users.mean,
            users.precision,
            users.weights,
            noise_precision,
        )
        kept = (*self.kept, draw)
        if len(kept) < 2 * KEPT_DRAWS:
            return replace(grown, kept=kept)
        return replace(grown, kept=kept[::2], stride=2 * self.stride)


@dataclass(frozen=True, eq=False)
class UserPrior:
    """What is expected of the row θ = [factors, bias] of a user, in the coordinates of the model.

    Parameters
    ----------
    mean : array of shape (k + 1,), float64
    covariance : array of shape (k + 1, k + 1), float64
    history : array of shape (r, k + 1), float64, or None
        Mean weights of the directions of the histories.
    noise_variance : float
        Of a rating, an item's own uncertainty included.
    """

    mean: Float64Array
    covariance: Float64Array
    history: Float64Array | None
    noise_variance: float


def mean_model(
    data: Interactions,
    draws: Draws,
    unit: Unit,
    user_blocks: Sequence[SideFeatures],
    with_history: bool,
    calibrate: Callable[[], Calibration],
) -> FactorModel:
    """The model of the mean prediction, in stars, with samples beside it.

    Parameters
    ----------
    data : Interactions
        The training data.
    draws : Draws
    unit : Unit
    user_blocks : sequence of SideFeatures
        Features of the users; the first are their histories where `with_history`.
    calibrate : function
        Says what the spread of the samples is worth.
    """
    samples = draws.samples
    d = samples[0].item_rows.shape[1] - 1
    with single_threaded_blas():
        user_factors, item_factors = draws.product.mean(COLUMNS_PER_FACTOR * d)
        prior = user_prior(samples, item_factors, data.popularity, user_blocks, with_history)
        # to stars: factors by the root of std on either side, biases by std
        k, std, root = item_factors.shape[1], unit.std, np.sqrt(unit.std)
        scale = np.append(np.full(k, root), std)
        center = prior.mean * scale  # (k + 1,)
        precision = np.linalg.inv(_widened(prior.covariance))
    penalty = prior.noise_variance * std**2 * precision / np.outer(scale, scale)
    loss = PriorLoss(0.0, bias_regularization=0.0, penalty=penalty.astype(np.float32))
    side: UserSide = loss
    if prior.history is not None:
        side = _history_side(data, user_blocks[0], prior.history * scale, loss)
    # The mean user goes into the item biases: without a history a user's row is zero.
    n = draws.product.n
    item_bias = std * draws.item_bias / n + root * item_factors.astype(np.float64) @ center[:k]
    return FactorModel(
        user_factors=(root * user_factors - center[:k]).astype(np.float32),
        item_factors=(root * item_factors).astype(np.float32),
        user_bias=(std * draws.user_bias / n - center[k]).astype(np.float32),
        item_bias=(item_bias - item_bias.mean()).astype(np.float32),
        global_bias=float(unit.mean + center[k] + item_bias.mean()),
        link=rating_scale_of(data),
        user_side=side,
        samples=rating_samples(data, samples, unit, user_blocks, with_history, calibrate()),
    )


def user_prior(
    draws: Sequence[Draw],
    item_factors: Float32Array,
    popularity: Int64Array,
    blocks: Sequence[SideFeatures],
    with_history: bool,
) -> UserPrior:
    """Average the priors of users over `draws`, each put into the coordinates of the mean `item_factors`.

    With T from the coordinates of a draw to those of the model (least squares over items by popularity), the
    mean is that of ``T m``, and the covariance, by the law of total variance, the mean of ``T Λ^-1 T'`` and the
    variance of a user's prior mean over the draws, averaged over the users.
    """
    n_users, k = len(draws[0].user_rows), item_factors.shape[1]
    share = (popularity / popularity.sum())[:, None]  # (I, 1)
    weighted = item_factors * share  # (I, k)
    solve = (
        np.linalg.pinv(weighted.T @ item_factors.astype(np.float64), rcond=1e-10, hermitian=True) @ weighted.T
    )
    means, histories, within, noise = [], [], np.zeros((k + 1, k + 1)), 0.0
    total, squares = np.zeros((n_users, k + 1)), np.zeros((k + 1, k + 1))
    for draw in draws:
        T, missed = _coordinates(draw, solve, item_factors, share)
        prior_means = np.tile(draw.user_mean, (n_users, 1))
        for block, weights in zip(blocks, draw.user_weights, strict=True):
            prior_means += block.expand(block.singular[:, None] * weights)
        expected = prior_means @ T.T  # (U, k + 1)
        total, squares = total + expected, squares + gramian(expected)
        means.append(T @ draw.user_mean)
        within += T @ np.linalg.inv(draw.user_precision) @ T.T
        noise += 1.0 / draw.noise_precision + missed
        if with_history:
            histories.append(draw.user_weights[0] / blocks[0].singular[:, None] @ T.T)  # (r, k + 1)
    n = len(draws)
    between = (squares - gramian(total) / n) / (n * n_users)
    biases = np.stack([draw.item_rows[:, -1] for draw in draws]).astype(np.float64)  # (n, I)
    return UserPrior(
        np.mean(means, axis=0),
        within / n + between,
        np.mean(histories, axis=0) if with_history else None,
        noise / n + float((biases.var(axis=0) * share[:, 0]).sum()),
    )


def _coordinates(
    draw: Draw, solve: Float64Array, item_factors: Float32Array, share: Float64Array
) -> tuple[Float64Array, float]:
    """T (k + 1, d + 1), and the mean square of what the model's item factors cannot say of this draw."""
    Y = draw.item_rows[:, :-1].astype(np.float64)  # (I, d)
    R = solve @ Y  # (k, d)
    T = np.zeros((R.shape[0] + 1, R.shape[1] + 1))
    T[:-1, :-1], T[-1, -1] = R, 1.0
    rest = Y - item_factors @ R  # (I, d)
    X = draw.user_rows[:, :-1].astype(np.float64)
    missed = float(np.sum((rest.T @ (rest * share)) * (X.T @ X))) / len(X)
    return T, missed


def _history_side(
    data: Interactions, block: SideFeatures, weights: Float64Array, loss: PriorLoss
) -> ImplicitHistory:
    """The vectors of items in a history: ``Z = F' P (γ / s)``, for weights γ / s of shape (r, k + 1)."""
    lengths = np.maximum(data.by_user.row_lengths, 1)
    rows = block.expand(weights) / np.sqrt(lengths)[:, None]  # (U, k + 1)
    vectors = sum_of_bags(data.by_item, rows.astype(np.float32)).astype(np.float32)
    return ImplicitHistory(loss, np.ascontiguousarray(vectors[:, :-1]), np.ascontiguousarray(vectors[:, -1]))


def _widened(covariance: Float64Array) -> Float64Array:
    """With no direction narrower than a share of the widest."""
    values, vectors = np.linalg.eigh(0.5 * (covariance + covariance.T))
    floor = NARROWEST * values.max()
    found: Float64Array = (vectors * np.maximum(values, floor)) @ vectors.T
    return found
