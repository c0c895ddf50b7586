r"""What fold-in solves for ``dot``: the user's part of the training loss.

Training minimises, over n rows, the mean squared error plus penalties. Times n, the part in which the
row :math:`x, b` of one user takes part is

.. math::
    \sum_{i \in S} (r_i - f(s_i))^2
    + \Big( \frac{n \lambda}{2} + \frac{n \lambda_r}{U} \Big) \lVert x \rVert^2
    + \frac{n \beta \lambda}{2} b^2 + \frac{n \lambda_g}{U I} \sum_{i=1}^{I} (x^\top y_i)^2 .

Where the loss has no penalty, decoupled decay or the end of training kept the rows small. Then the weight is
*measured*: see :func:`measured_loss`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tastemap.data import Interactions
from tastemap.linalg.csr import row_numbers
from tastemap.linalg.threads import single_threaded_blas
from tastemap.linalg.types import Float32Array, Float64Array
from tastemap.models.dot import DotConfig
from tastemap.models.factor import FactorModel
from tastemap.models.user_loss import UserLoss

LARGEST_SAMPLE = 500
"""Users, evenly spread over all, from whom a weight is measured."""

SMALLEST_WEIGHT = 0.1
"""Floor of a measured weight: after few steps the rows may not lean against their gradient at all."""


def user_loss_of(
    model: FactorModel, own_factors: Float32Array, train: Interactions, config: DotConfig
) -> UserLoss:
    """The loss that the user rows of a model fitted to `train` with `config` minimise.

    `own_factors` (U, d) are the user factors less the priors of implicit histories: what is penalized.
    """
    n, l2 = len(train), config.l2(len(train))
    loss = UserLoss(
        regularization=n * l2 / 2.0 + n * config.factor_regularization / train.n_users,
        bias_regularization=n * l2 * config.bias_share / 2.0 if config.user_bias else None,
        unobserved_weight=n * config.gravity / (train.n_users * train.n_items),
    )
    if config.weight_decay or not loss.regularization:
        return measured_loss(model, own_factors, train, loss)
    return loss


def measured_loss(
    model: FactorModel, own_factors: Float32Array, train: Interactions, loss: UserLoss
) -> UserLoss:
    r"""`loss` with the weights for which the fitted rows come nearest to being its minimum.

    At the minimum a row balances the gradient of its squared errors (and of gravity):
    :math:`g_u = \lambda n_u^p x_u`. The least-squares solution over users is
    :math:`\lambda = \sum_u n_u^p g_u^\top x_u / \sum_u n_u^{2p} \lVert x_u \rVert^2`, and alike for the bias.

    Notes
    -----
    p is 1/2: AdamW comes to rest where :math:`g / \sqrt{v}` balances the decay, and the root of the mean
    squared gradient of a row, :math:`\sqrt{v}`, grows with the root of its number of ratings.
    """
    users = np.unique(np.linspace(0, model.n_users - 1, LARGEST_SAMPLE).astype(np.int64))
    history = train.by_user.take(users)
    rows = row_numbers(history.indptr)  # (nnz,)
    score = model.users(users[rows]).score(history.indices[:, None])[:, 0]
    pull = (history.values - model.link.apply(score)) * model.link.slope(score)  # (nnz,)
    X = own_factors[users].astype(np.float64)  # (B, d)
    Y = model.item_factors[history.indices]  # (nnz, d)
    # no history is empty, so every row has a first entry
    factor_pull = np.add.reduceat(pull[:, None] * Y, history.indptr[:-1], axis=0)  # (B, d)
    if loss.unobserved_weight:
        with single_threaded_blas():
            factor_pull -= loss.unobserved_weight * (
                X @ model.item_moments[: model.n_factors, : model.n_factors]
            )
    bias_pull = np.add.reduceat(pull, history.indptr[:-1])  # (B,)
    measured = replace(loss, frequency_power=0.5, regularization=1.0)
    scale = measured.factor_penalty(history.row_lengths, model.n_items)[:, None]  # (B, 1)
    bias = model.user_bias[users].astype(np.float64)
    return replace(
        measured,
        regularization=_slope(factor_pull, scale * X),
        bias_regularization=None if loss.bias_regularization is None else _slope(bias_pull, bias),
    )


def _slope(pull: Float64Array, direction: Float64Array) -> float:
    """The λ that minimises ``||pull - λ direction||``, not below the floor."""
    square = float((direction**2).sum())
    return max(float((pull * direction).sum()) / square, SMALLEST_WEIGHT) if square else SMALLEST_WEIGHT
