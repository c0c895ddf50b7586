"""Losses as pure functions of tensors.

A long sum is cut into chunks: torch splits a sum of 32,768 or more elements among its threads, so that
its last bits would depend on their number.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, mse_loss

CHUNK = 8192
"""Elements, or rows of a gramian, that one sum takes at a time."""


def mean_squared_error(predicted: Tensor, ratings: Tensor) -> Tensor:
    """Mean of ``(predicted - ratings)^2`` over a batch, scalar, for tensors of shape (B,)."""
    if len(ratings) <= CHUNK:
        return mse_loss(predicted, ratings)
    return _total((predicted - ratings).square()) / len(ratings)


def mean_squared_norm(factors: Tensor) -> Tensor:
    """``||F||^2 / n``, the mean squared length of a factor vector, scalar, for factors (n, d)."""
    return _total(factors.square().sum(dim=1)) / len(factors)


def multinomial(logits: Tensor, seen: Tensor) -> Tensor:
    """Minus the mean log-probability of all pairs that were seen, scalar, for shapes (B, I)."""
    return -(log_softmax(logits, dim=1) * seen).sum(dim=1).sum() / seen.sum(dim=1).sum()


def gravity(user_factors: Tensor, item_factors: Tensor) -> Tensor:
    r"""Mean over all U x I pairs, seen or not, of the squared dot product; scalar.

    The pairs are never formed: :math:`\sum_{u,i} (x_u^\top y_i)^2 = \sum (X^\top X) \circ (Y^\top Y)`,
    O((U + I) d^2) instead of O(U I d).
    """
    gramians = _gramian(user_factors) * _gramian(item_factors)  # (d, d)
    return _total(gramians.sum(dim=1)) / (len(user_factors) * len(item_factors))


def _total(values: Tensor) -> Tensor:
    """The sum of values of shape (n,), chunk by chunk."""
    if len(values) <= CHUNK:
        return values.sum()
    return torch.stack([chunk.sum() for chunk in torch.split(values, CHUNK)]).sum()


def _gramian(factors: Tensor) -> Tensor:
    """``F'F``, shape (d, d), chunk by chunk."""
    if len(factors) <= CHUNK:
        return factors.T @ factors
    return torch.stack([chunk.T @ chunk for chunk in torch.split(factors, CHUNK)]).sum(dim=0)
