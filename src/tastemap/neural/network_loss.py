r"""What fold-in solves for ``mlp``: the user's squared errors and a penalty that is *measured*.

Training knows no penalty on a user's inputs alone: decay, dropout and the end of training kept them near
the mean user. The weight taken is the one for which the fitted rows come nearest to being the minimum of
:mod:`tastemap.models.network_history`: there the gradient of a user's squared errors balances the penalty,
:math:`g_u = -\lambda n_u^p (x_u - \bar x)`.
"""

from __future__ import annotations

import numpy as np

from tastemap.data import Interactions
from tastemap.models.network import Network
from tastemap.models.network_history import HistoryProblem
from tastemap.models.user_loss import UserLoss
from tastemap.neural.user_loss import SMALLEST_WEIGHT

LARGEST_SAMPLE = 100
"""Users, evenly spread over all, from whom the weight is measured."""

GROWTH = 0.5
"""p: AdamW comes to rest where a row's gradient over the root of its mean square balances the decay."""


def network_loss_of(model: Network, train: Interactions) -> UserLoss:
    """The penalty of folded-in users of `model`, fitted to `train`; `model.user_loss` is not read."""
    agreement = square = 0.0
    for user in np.unique(np.linspace(0, model.n_users - 1, LARGEST_SAMPLE).astype(np.int64)):
        items, values = train.by_user.row(user)
        inputs = model.user_inputs[user].astype(np.float64)
        residual, slopes = HistoryProblem(model, items, values.astype(np.float64)).linearized(inputs)
        pull = -(residual @ slopes)
        away = len(items) ** GROWTH * (inputs - model.mean_user)
        agreement += float(pull @ away)
        square += float(away @ away)
    weight = agreement / square if square else SMALLEST_WEIGHT
    return UserLoss(max(weight, SMALLEST_WEIGHT), GROWTH)
