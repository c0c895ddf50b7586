r"""Implicit feedback by alternating least squares, every unseen pair included at no cost.

Minimises, with :math:`s_{ui} = x_u^\top y_i`, confidences :math:`c_{ui} = 1 + \alpha r_{ui}` and N = U or I,

.. math::
    \sum_{(u,i)\ \text{seen}} c_{ui} (1 - s_{ui})^2 + \alpha_0 \sum_{u,i} s_{ui}^2
    + \lambda \Big( \sum_u (n_u + \alpha_0 I)^p \lVert x_u \rVert^2
    + \sum_i (n_i + \alpha_0 U)^p \lVert y_i \rVert^2 \Big).

The sum over all pairs needs one gramian a half step. Sources: Hu, Koren, Volinsky, "Collaborative
filtering for implicit feedback datasets", ICDM 2008; Rendle, Krichene, Zhang, Koren, "Revisiting the
performance of iALS on item recommendation benchmarks", RecSys 2022 (this loss, λ scaled by frequency).
In the first a seen pair's weight absorbs α0; here α0 pulls every pair to 0. Do not mix their settings.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydantic import Field

from tastemap.data import Dataset, Interactions
from tastemap.linalg.csr import CSR
from tastemap.linalg.gramian import gramian
from tastemap.linalg.types import Float32Array
from tastemap.models.base import Link
from tastemap.models.config import Epoch, IterativeConfig, RankingConfig
from tastemap.models.factor import FactorModel
from tastemap.models.user_loss import UserLoss, UserProblem


class IALSConfig(IterativeConfig, RankingConfig):
    """Settings of ``ials``."""

    n_epochs: int = Field(default=30, ge=1, le=10_000, description="alternations, at most")
    n_factors: int = Field(default=64, ge=1, le=8192, description="length d of a factor vector")
    regularization: float = Field(default=0.002, gt=0.0, description="λ, the weight on factors")
    frequency_power: float = Field(default=1.0, ge=0.0, le=1.0, description="p, how λ grows with a row's work")
    unobserved_weight: float = Field(default=1.0, ge=0.0, description="α0, the weight of every pair towards 0")
    alpha: float = Field(
        default=0.0, ge=0.0, description="what a rating or count adds to confidence: c = 1 + alpha r"
    )
    init_std: float = Field(
        default=0.1, gt=0.0, description="standard deviation of the first factors, times sqrt(d)"
    )

    def row_loss(self) -> UserLoss:
        """The loss of one row, the same for users and items."""
        return UserLoss(
            self.regularization,
            self.frequency_power,
            unobserved_weight=self.unobserved_weight,
            implicit=True,
            alpha=self.alpha,
            positive_min=self.positive_min,
        )


def fit(train: Dataset, config: IALSConfig, *, rng: np.random.Generator) -> FactorModel:
    """Fit ``config.n_epochs`` alternations; see :func:`epochs`."""
    *_, last = epochs(train, config, rng=rng)
    return last.model


def epochs(train: Dataset, config: IALSConfig, *, rng: np.random.Generator) -> Iterator[Epoch[FactorModel]]:
    """Alternate: items from users, then users from items, so that users always stand solved.

    Parameters
    ----------
    train : Dataset
        Ratings or counts; what matters is that a pair was seen, and by `alpha` how strongly.
    config : IALSConfig
    rng : Generator
        Draws the first user factors.

    Yields
    ------
    Epoch
        The model after each alternation; ``losses["loss"]`` is the objective above divided by the number
        of seen pairs. It never rises.

    Notes
    -----
    Cost O(n d^2 + (U + I) d^3) an epoch; memory O((U + I) d). The unseen pairs cost one gramian.
    """
    data = train.interactions
    loss = config.row_loss()
    scale = config.init_std / np.sqrt(config.n_factors)
    user_factors = rng.normal(0.0, scale, (data.n_users, config.n_factors)).astype(np.float32)
    for _ in range(config.n_epochs):
        item_factors = _half_step(data.by_item, loss, user_factors)
        user_factors = _half_step(data.by_user, loss, item_factors)
        model = FactorModel(
            user_factors,
            item_factors,
            np.zeros(data.n_users, np.float32),
            np.zeros(data.n_items, np.float32),
            0.0,
            Link(),
            loss,
        )
        yield Epoch.of(model, {"loss": training_loss(data, model, loss)})


def _half_step(seen: CSR, loss: UserLoss, factors: Float32Array) -> Float32Array:
    """Solve every row of `seen` (rows, columns) with the factors of the columns fixed."""
    gram = gramian(factors) if loss.unobserved_weight else None
    solved, _ = UserProblem(loss, Link(), seen, 0.0, factors, gram).solve()
    return solved


def training_loss(train: Interactions, model: FactorModel, loss: UserLoss) -> float:
    """The objective per seen pair; all pairs by gramians: sum of s^2 = sum((X'X) o (Y'Y))."""
    score = model.score_history(train.by_user)
    seen = float((loss.confidences(train.values) * np.square(1.0 - score)).sum())
    unseen = loss.unobserved_weight * float((gramian(model.user_factors) * model.item_gramian).sum())
    penalty = 0.0
    for rows, factors in ((train.by_user, model.user_factors), (train.by_item, model.item_factors)):
        weights = loss.row_penalty(rows.row_lengths, rows.n_columns, model.n_factors)
        penalty += float((weights * factors.astype(np.float64) ** 2).sum())
    return (seen + unseen + penalty) / len(train)
