r"""Biased matrix factorization of ratings by alternating least squares.

Minimises, with :math:`\hat r_{ui} = \mu + b_u + b_i + x_u^\top y_i`,

.. math::
    \sum_{(u,i)} (r_{ui} - \hat r_{ui})^2
    + \lambda \Big( \sum_u n_u^p \lVert x_u \rVert^2 + \sum_i n_i^p \lVert y_i \rVert^2 \Big)
    + \lambda_b \Big( \sum_u b_u^2 + \sum_i b_i^2 \Big).

With one side fixed every row of the other is a small ridge problem in ``[factors, bias]``, solved
exactly. Sources: Zhou et al., "Large-scale parallel collaborative filtering for the Netflix prize",
AAIM 2008 (alternating solves, weighted λ); Koren, Bell, Volinsky, "Matrix factorization techniques
for recommender systems", Computer 2009 (biases).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydantic import Field

from tastemap.data import Dataset, Interactions
from tastemap.linalg.csr import CSR
from tastemap.linalg.types import Float32Array, Float64Array
from tastemap.models.base import Link
from tastemap.models.bias import rating_scale_of
from tastemap.models.config import Epoch, IterativeConfig
from tastemap.models.factor import FactorModel
from tastemap.models.user_loss import UserLoss
from tastemap.models.user_problem import UserProblem


class ALSConfig(IterativeConfig):
    """Settings of ``als``."""

    n_epochs: int = Field(default=30, ge=1, le=10_000, description="alternations, at most")
    n_factors: int = Field(default=11, ge=1, le=2048, description="length d of a factor vector")
    regularization: float = Field(default=1.4, gt=0.0, description="λ, the weight on factors")
    frequency_power: float = Field(
        default=0.5, ge=0.0, le=1.0, description="p, how λ grows with a row's number of ratings: n^p"
    )
    bias_regularization: float = Field(default=3.0, gt=0.0, description="λ_b, the weight on biases")
    init_std: float = Field(
        default=0.1, gt=0.0, description="standard deviation of the first user factors, times sqrt(d)"
    )

    def row_loss(self) -> UserLoss:
        """The loss of one row, the same for users and items."""
        return UserLoss(self.regularization, self.frequency_power, self.bias_regularization)


def fit(train: Dataset, config: ALSConfig, *, rng: np.random.Generator) -> FactorModel:
    """Fit ``config.n_epochs`` alternations; see :func:`epochs`."""
    *_, last = epochs(train, config, rng=rng)
    return last.model


def epochs(train: Dataset, config: ALSConfig, *, rng: np.random.Generator) -> Iterator[Epoch[FactorModel]]:
    """Alternate: items from users, then users from items, so that users always stand solved.

    Parameters
    ----------
    train : Dataset
        With ratings.
    config : ALSConfig
    rng : Generator
        Draws the first user factors.

    Yields
    ------
    Epoch
        The model after each alternation; ``losses["loss"]`` is the objective above divided by the number
        of ratings (it never rises), ``losses["train_rmse"]`` the root mean squared error.

    Notes
    -----
    Cost O(n d^2 + (U + I) d^3) an epoch, float64 sums; memory O((U + I) d).
    """
    data = train.interactions
    link, loss = rating_scale_of(data), config.row_loss()
    mean = float(data.values.astype(np.float64).mean())
    scale = config.init_std / np.sqrt(config.n_factors)
    user_factors = rng.normal(0.0, scale, (data.n_users, config.n_factors)).astype(np.float32)
    user_bias = np.zeros(data.n_users, np.float32)
    for _ in range(config.n_epochs):
        item_factors, item_bias, _ = _half_step(data.by_item, loss, mean, user_factors, user_bias)
        user_factors, user_bias, losses = _half_step(data.by_user, loss, mean, item_factors, item_bias)
        model = FactorModel(user_factors, item_factors, user_bias, item_bias, mean, link, loss)
        yield Epoch.of(model, training_losses(data, model, loss, losses))


def _half_step(
    ratings: CSR, loss: UserLoss, mean: float, factors: Float32Array, bias: Float32Array
) -> tuple[Float32Array, Float32Array, Float64Array]:
    """Factors, bias and loss of every row of `ratings` (rows, columns), the other side fixed."""
    offset = (mean + bias.astype(np.float64)).astype(np.float32)[ratings.indices]  # (n,)
    problem = UserProblem(loss, Link(), ratings, loss.confidences(ratings), offset, factors, None)
    solved, losses = problem.minimum()
    return *problem.parts(solved), losses


def training_losses(
    train: Interactions, model: FactorModel, loss: UserLoss, user_losses: Float64Array
) -> dict[str, float]:
    """The objective per rating, and the training RMSE before the link, from what each user's minimum is."""
    by_users = float(user_losses.sum())  # squared errors and the users' penalties
    squared = by_users - _penalty(train.by_user, loss, model.user_factors, model.user_bias)
    total = by_users + _penalty(train.by_item, loss, model.item_factors, model.item_bias)
    return {"loss": total / len(train), "train_rmse": float(np.sqrt(max(squared, 0.0) / len(train)))}


def _penalty(rows: CSR, loss: UserLoss, factors: Float32Array, bias: Float32Array) -> float:
    squares = np.einsum("nd,nd->n", factors, factors, dtype=np.float64)  # (n,)
    on_factors = float(loss.factor_penalty(rows.row_lengths, rows.n_columns) @ squares)
    return on_factors + (loss.bias_regularization or 0.0) * float(np.square(bias, dtype=np.float64).sum())
