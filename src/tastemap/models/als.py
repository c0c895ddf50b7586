r"""Biased matrix factorization of ratings by alternating least squares.

Minimises, with :math:`\hat r_{ui} = \mu + b_u + b_i + x_u^\top y_i`,

.. math::
    \sum_{(u,i)} (r_{ui} - \hat r_{ui})^2
    + \lambda \Big( \sum_u n_u^p \lVert x_u \rVert^2 + \sum_i n_i^p \lVert y_i \rVert^2 \Big)
    + \lambda_b \Big( \sum_u b_u^2 + \sum_i b_i^2 \Big).

With one side fixed every row of the other is a small ridge problem in ``[factors, bias]``, solved
exactly. With ``implicit_history`` user factors are :math:`x_u = p_u + v_u`, a prior by which items the user
has rated and what the ratings say beyond it; λ is then on :math:`v_u`, and λ_z on the history factors that make
the prior (:mod:`tastemap.models.history_regression`). Sources: Zhou et al., "Large-scale parallel collaborative
filtering for the Netflix prize", AAIM 2008 (alternating solves, weighted λ); Koren, Bell, Volinsky, "Matrix
factorization techniques for recommender systems", Computer 2009 (biases); Koren, KDD 2008 (histories).
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
from tastemap.models.config import Epoch, IterativeConfig, State, ensure_falling
from tastemap.models.factor import FactorModel, UserSide
from tastemap.models.half_step import half_step, rows_of, state_of
from tastemap.models.history_regression import HistoryRegression
from tastemap.models.implicit_history import ImplicitHistory
from tastemap.models.user_loss import UserLoss
from tastemap.models.user_problem import Rows, UserProblem

HISTORY_FACTORS = "history_factors"


class ALSConfig(IterativeConfig):
    """Settings of ``als``."""

    n_epochs: int = Field(default=30, ge=1, le=10_000, description="alternations, at most")
    n_factors: int = Field(default=11, ge=1, le=2048, description="length d of a factor vector")
    regularization: float = Field(default=1.4, gt=0.0, description="λ, the weight on factors")
    frequency_power: float = Field(
        default=0.5, ge=0.0, le=1.0, description="p, how λ grows with a row's number of ratings: n^p"
    )
    bias_regularization: float = Field(default=3.0, gt=0.0, description="λ_b, the weight on biases")
    implicit_history: bool = Field(
        default=False,
        description="expect user factors by which items a user has rated, and penalize what differs (SVD++)",
    )
    history_regularization: float = Field(
        default=60.0, gt=0.0, description="λ_z, the weight on history factors"
    )
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


def epochs(
    train: Dataset, config: ALSConfig, *, rng: np.random.Generator, start: State | None = None
) -> Iterator[Epoch[FactorModel]]:
    """Alternate: items from users, then users from items, so that users always stand solved.

    Parameters
    ----------
    train : Dataset
        With ratings.
    config : ALSConfig
    rng : Generator
        Draws the first user factors.
    start : State or None
        Where an earlier epoch of the same fit stood; it is yielded first.

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
    mean, history = data.mean, _history(data, loss, config)

    def epoch(x: Rows, y: Rows, z: Float32Array, told: dict[str, float]) -> Epoch[FactorModel]:
        side: UserSide = loss if history is None else ImplicitHistory(loss, z)
        model = FactorModel(x.factors, y.factors, x.bias, y.bias, mean, link, side)
        return Epoch.of(model, told, state={**state_of(x, y), HISTORY_FACTORS: z})

    z = np.zeros((data.n_items, config.n_factors), np.float32)
    if start is None:
        scale = config.init_std / np.sqrt(config.n_factors)
        first = rng.normal(0.0, scale, (data.n_users, config.n_factors)).astype(np.float32)
        x = Rows(first, np.zeros(data.n_users, np.float32))
    else:
        (x, y), z = rows_of(start), start[HISTORY_FACTORS]
        yield epoch(x, y, z, {})
    before = np.inf
    for _ in range(config.n_epochs):
        y, _ = _half_step(data.by_item, loss, mean, x)
        if history is None:
            own, losses = _half_step(data.by_user, loss, mean, y)
            x, penalty = own, 0.0
        else:
            z = history.improved(z, x.factors)
            priors = history.priors(z)
            own, losses = _half_step(data.by_user, loss, mean, y, priors)
            x, penalty = Rows(priors + own.factors, own.bias), history.penalty(z)
        told = training_losses(data, loss, own, y, losses, penalty)
        before = ensure_falling(before, told["loss"])
        yield epoch(x, y, z, told)


def _history(data: Interactions, loss: UserLoss, config: ALSConfig) -> HistoryRegression | None:
    """What history factors are fitted by: their weights are those of the factors that they explain."""
    if not config.implicit_history:
        return None
    weights = loss.factor_penalty(data.by_user.row_lengths, data.n_items)
    return HistoryRegression(data, weights, config.history_regularization)


def _half_step(
    ratings: CSR,
    loss: UserLoss,
    mean: float,
    others: Rows,
    priors: Float32Array | None = None,
) -> tuple[Rows, Float64Array]:
    """Solve every row of `ratings` (rows, columns), the other side fixed; and the loss of each.

    With `priors` (rows, d) it is solved for what differs from them.
    """
    penalty = loss.factor_penalty(ratings.row_lengths, ratings.n_columns)
    base = (mean + others.bias.astype(np.float64)).astype(np.float32)

    def make(rows: CSR, here: slice, entries: slice) -> UserProblem:
        if priors is None:
            offset = base[rows.indices]
        else:
            expected = FactorModel(
                priors[here], others.factors, np.zeros(rows.n_rows, np.float32), others.bias, mean, Link(), None
            )
            offset = expected.score_history(rows).astype(np.float32)
        return UserProblem(
            loss, Link(), rows, loss.confidences(rows), penalty[here], offset, others.factors, None
        )

    return half_step(ratings, make, lambda problem, _: problem.minimum())


def training_losses(
    train: Interactions, loss: UserLoss, users: Rows, items: Rows, user_losses: Float64Array, prior: float
) -> dict[str, float]:
    """The objective per rating, and the training RMSE before the link.

    `users` are what is penalized of them, `user_losses` (U,) the minima they leave, `prior` the penalty on
    history factors.
    """
    by_users = float(user_losses.sum())  # squared errors and the users' penalties
    squared = by_users - _penalty(train.by_user, loss, users)
    total = by_users + _penalty(train.by_item, loss, items) + prior
    return {"loss": total / len(train), "train_rmse": float(np.sqrt(max(squared, 0.0) / len(train)))}


def _penalty(rows: CSR, loss: UserLoss, solved: Rows) -> float:
    squares = np.einsum("nd,nd->n", solved.factors, solved.factors, dtype=np.float64)  # (n,)
    on_factors = float(loss.factor_penalty(rows.row_lengths, rows.n_columns) @ squares)
    return on_factors + (loss.bias_regularization or 0.0) * float(
        np.square(solved.bias, dtype=np.float64).sum()
    )
