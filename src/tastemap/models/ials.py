r"""Implicit feedback by alternating least squares, every unseen pair included at no cost.

Minimises, with confidences :math:`c_{ui}` and :math:`s_{ui} = x_u^\top y_i` (plus :math:`b_u + b_i` if asked),

.. math::
    \sum_{(u,i)\ \text{seen}} c_{ui} (1 - s_{ui})^2 + \alpha_0 \sum_{u,i} s_{ui}^2
    + \lambda \Big( \sum_u (n_u + \alpha_0 I)^p \lVert x_u \rVert^2
    + \sum_i (n_i + \alpha_0 U)^p \lVert y_i \rVert^2 \Big) + \lambda_b \Big( \sum_u b_u^2 + \sum_i b_i^2 \Big).

Confidences are 1 by default; :mod:`tastemap.models.user_loss` says how they grow with ratings, counts and
recency. With ``unobserved_power`` γ unseen pairs of popular items count for more: α0 becomes
:math:`\alpha_0 v_i`, where :math:`v_i \propto n_i^\gamma` has mean 1. The sum over all pairs needs one gramian
a half step. Sources: Hu, Koren, Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008;
Rendle, Krichene, Zhang, Koren, "Revisiting the performance of iALS on item recommendation benchmarks", RecSys
2022 (this loss, λ scaled by frequency); He, Zhang, Kan, Chua, "Fast matrix factorization for online
recommendation with implicit feedback", SIGIR 2016 (γ). In the first a seen pair's weight absorbs α0; here α0
pulls every pair to 0. Do not mix their settings.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from tastemap.data import Dataset, Interactions
from tastemap.errors import DataError
from tastemap.linalg.csr import CSR
from tastemap.linalg.gramian import moments
from tastemap.linalg.operations import exact_solves, gradient_steps
from tastemap.linalg.types import Float32Array, Float64Array
from tastemap.models.base import Link
from tastemap.models.config import Epoch, IterativeConfig, RankingConfig, State, ensure_falling
from tastemap.models.factor import FactorModel
from tastemap.models.half_step import half_step, rows_of, state_of
from tastemap.models.ials_sides import Side, confidences_of, item_side, unseen_shares, with_shares
from tastemap.models.leading_rows import leading_rows
from tastemap.models.user_loss import UserLoss
from tastemap.models.user_problem import Rows, UserProblem

MANY_OPERATIONS = 2_000_000_000
"""Multiplications of an epoch of exact solves from which on "auto" looks for less: below, a fit is a matter of
seconds."""
CLEARLY_FEWER = 0.5
"""Share of them that conjugate gradients may take at most to be chosen: they read memory that jumps."""
FINISHING_STEPS = 100
"""Steps at most: a row stops at rounding, mostly after a dozen, in half the time of an exact solve."""
LARGEST_SHARE = 1e6
"""Beyond it single interactions outweigh all others together, and sums in float32 lose the rest."""


class IALSConfig(IterativeConfig, RankingConfig):
    """Settings of ``ials``."""

    n_epochs: int = Field(default=30, ge=1, le=10_000, description="alternations, at most")
    n_factors: int = Field(default=64, ge=1, le=8192, description="length d of a factor vector")
    regularization: float = Field(default=0.002, gt=0.0, description="λ, the weight on factors")
    frequency_power: float = Field(default=1.0, ge=0.0, le=1.0, description="p, how λ grows with a row's work")
    unobserved_weight: float = Field(default=1.0, ge=0.0, description="α0, the weight of every pair towards 0")
    unobserved_power: float = Field(
        default=0.0, ge=0.0, le=1.0, description="γ, how α0 grows with an item's popularity: n^γ"
    )
    alpha: float = Field(
        default=0.0,
        ge=0.0,
        le=LARGEST_SHARE,
        description="what a rating or count adds to confidence: c = 1 + alpha r",
    )
    log_values: bool = Field(default=False, description="confidence c = 1 + alpha log(1 + r): for counts")
    recency: float = Field(
        default=0.0,
        ge=0.0,
        le=LARGEST_SHARE,
        description="what being a user's latest adds to confidence, as a share: c (1 + recency 2^(-a / h))",
    )
    recency_half_life: float = Field(
        default=5.0, gt=0.0, description="h, in later interactions of the same user"
    )
    biases: bool = Field(default=False, description="whether users and items have biases besides factors")
    bias_regularization: float = Field(default=1.0, gt=0.0, description="λ_b, the weight on biases")
    solver: Literal["auto", "cholesky", "cg"] = Field(
        default="auto",
        description="exact solves, or conjugate gradients from where each row stands; auto: fewer operations",
    )
    cg_steps: int = Field(default=3, ge=1, le=100, description="steps of conjugate gradients a half step")
    init: Literal["auto", "random", "leading"] = Field(
        default="auto",
        description="rows to start from: random, or leading directions of the data; auto: those with cg",
    )
    init_std: float = Field(
        default=0.1, gt=0.0, le=100.0, description="standard deviation of the first factors, times sqrt(d)"
    )

    @model_validator(mode="after")
    def _solvable(self) -> Self:
        if self.biases and self.solver == "cg":
            raise ValueError(
                "biases=true works with solver=cholesky or auto alone. Got solver=cg; choose one of these"
            )
        if self.biases and self.unobserved_power:
            raise ValueError(
                "unobserved_power must be 0 with biases=true, since unseen pairs then pull at biases too. "
                f"Got {self.unobserved_power:g}; leave one of the two away"
            )
        if self.log_values and not self.alpha:
            raise ValueError("log_values=true says how alpha counts, and alpha is 0. Set alpha above 0 too")
        return self

    def row_loss(self) -> UserLoss:
        """The loss of one row, the same for users and items."""
        return UserLoss(
            self.regularization,
            self.frequency_power,
            bias_regularization=self.bias_regularization if self.biases else None,
            unobserved_weight=self.unobserved_weight,
            implicit=True,
            alpha=self.alpha,
            positive_min=self.positive_min,
            log_values=self.log_values,
            recency=self.recency,
            recency_half_life=self.recency_half_life,
        )

    def steps_for(self, n_interactions: int, n_rows: int) -> int | None:
        """Steps of conjugate gradients a half step; None for exact solves.

        `n_rows` are users and items together. ``auto`` counts the multiplications of an epoch.
        """
        if self.solver == "auto":
            size = 2 * n_interactions, n_rows, self.n_factors
            exact, steps = exact_solves(*size), gradient_steps(*size, self.cg_steps)
            pays = exact >= MANY_OPERATIONS and steps <= CLEARLY_FEWER * exact
            return self.cg_steps if pays and not self.biases else None
        return self.cg_steps if self.solver == "cg" else None


def fit(train: Dataset, config: IALSConfig, *, rng: np.random.Generator) -> FactorModel:
    """Fit ``config.n_epochs`` alternations; see :func:`epochs`."""
    *_, last = epochs(train, config, rng=rng)
    return last.later()()


def epochs(
    train: Dataset, config: IALSConfig, *, rng: np.random.Generator, start: State | None = None
) -> Iterator[Epoch[FactorModel]]:
    """Alternate: items from users, then users from items; the model to keep has all users solved for.

    Parameters
    ----------
    train : Dataset
        Ratings or counts; what matters is that a pair was seen, and by `alpha` how strongly.
    config : IALSConfig
    rng : Generator
        Draws the first user factors.
    start : State or None
        Where an earlier epoch of the same fit stood; it is yielded first.

    Raises
    ------
    DataError
        If a confidence is not above 0, or `recency` is asked for without times.
    DivergedError
        If the loss rises, which says that the systems are singular up to rounding.

    Yields
    ------
    Epoch
        The model after each alternation; ``losses["loss"]`` is the objective above divided by the number
        of seen pairs. It never rises.

    Notes
    -----
    Cost O(n d^2 + (U + I) d^3) an epoch by exact solves, O(s n d + (U + I) d^2) by s steps of gradients; memory
    O((U + I) d). The unseen pairs cost one gramian.
    """
    data, loss = train.interactions, config.row_loss()
    ensure_times(data, config)
    shares = unseen_shares(data, config.unobserved_power)
    of_users, of_items = confidences_of(data, loss)
    users = Side(data.by_user, of_users, loss.factor_penalty(data.by_user.row_lengths, data.n_items))
    items = item_side(data, loss, of_items, shares)
    steps = config.steps_for(len(data), data.n_users + data.n_items)
    penalty = items.row_penalty if shares is None else shares * items.row_penalty

    def epoch(x: Rows, y: Rows, loss: UserLoss, told: dict[str, float]) -> Epoch[FactorModel]:
        # Whoever is folded in is solved for exactly, so users of a model that is kept are too.
        finish = None if steps is None else partial(_finished, users, loss, x, y)
        return Epoch.of(_model(x, y, loss), told, finish, state_of(x, y))

    def loss_of_users(y: Rows) -> UserLoss:
        return loss if shares is None else with_shares(loss, y, shares)

    if start is None:
        x, y = _first_rows(data, config, rng, leading=steps is not None)
    else:
        x, y = rows_of(start)
        yield epoch(x, y, loss_of_users(y), {})
    before = np.inf
    for _ in range(config.n_epochs):
        y, _ = _half_step(items, loss, x, y, steps)
        user_loss = loss_of_users(y)
        x, losses = _half_step(users, user_loss, y, x, steps)
        told = {"loss": training_loss(data, y, loss, losses, penalty)}
        before = ensure_falling(before, told["loss"])
        yield epoch(x, y, user_loss, told)


def ensure_times(data: Interactions, config: IALSConfig) -> None:
    """Raise a DataError if `recency` is asked for without times."""
    if config.recency and data.timestamps is None:
        raise DataError(
            "recency needs interactions with times, to tell which of a user's are the latest. Got none; name "
            "their column with --time-col, or leave recency at 0."
        )


def _first_rows(
    data: Interactions, config: IALSConfig, rng: np.random.Generator, *, leading: bool
) -> tuple[Rows, Rows]:
    """Users to begin with, random or (`leading`: where ``init`` is auto) along the data, and items at zero."""
    d, scale = config.n_factors, config.init_std / np.sqrt(config.n_factors)
    start = rng.normal(0.0, scale, (data.n_users, d)).astype(np.float32)
    if config.init == "leading" or (config.init == "auto" and leading):
        start = leading_rows(data, start)
    y = np.zeros((data.n_items, d), np.float32)
    return Rows(start, np.zeros(data.n_users, np.float32)), Rows(y, np.zeros(data.n_items, np.float32))


def _finished(users: Side, loss: UserLoss, x: Rows, y: Rows) -> FactorModel:
    """The model of the items with every user's solution, found by steps until what is left is rounding."""
    return _model(_half_step(users, loss, y, x, FINISHING_STEPS)[0], y, loss)


def _model(x: Rows, y: Rows, loss: UserLoss) -> FactorModel:
    return FactorModel(x.factors, y.factors, x.bias, y.bias, 0.0, Link(), loss)


def _half_step(
    side: Side, loss: UserLoss, others: Rows, start: Rows, n_steps: int | None
) -> tuple[Rows, Float64Array]:
    """Rows solved for with the others fixed, exactly or by steps from `start`; and the loss of each."""
    all_pairs = moments(others.factors, others.bias) if loss.unobserved_weight else None

    def make(rows: CSR, here: slice, entries: slice) -> UserProblem:
        offset = others.bias[rows.indices] if loss.bias_regularization is not None else 0.0
        return UserProblem(
            loss,
            Link(),
            rows,
            side.weights(rows, here, entries),
            side.row_penalty[here],
            offset,
            others.factors,
            all_pairs,
        )

    def solve(problem: UserProblem, here: slice) -> tuple[Float32Array, Float64Array]:
        return problem.minimum() if n_steps is None else problem.improved(start.factors[here], n_steps)

    return half_step(side.seen, make, solve)


def training_loss(
    train: Interactions, items: Rows, loss: UserLoss, user_losses: Float64Array, item_penalty: Float64Array
) -> float:
    """The objective per seen pair, from what each user's part of it is.

    What no user can change is missing in those: the items' penalty and what their biases alone cost.
    """
    squares = np.einsum("nd,nd->n", items.factors, items.factors, dtype=np.float64)  # (I,)
    bias = float(np.square(items.bias, dtype=np.float64).sum())
    fixed = float(item_penalty @ squares)
    fixed += ((loss.bias_regularization or 0.0) + train.n_users * loss.unobserved_weight) * bias
    return (float(user_losses.sum()) + fixed) / len(train)
