"""The dot-product model as a torch module: nothing but its parameters and its equation.

Shapes: ``B`` batch, ``U`` users, ``I`` items, ``d`` factors.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tastemap.neural.history import HistoryPrior
from tastemap.neural.pairs import pair_dots


class DotProduct(nn.Module):
    r"""Predicted ratings :math:`f(\mu + b_u + b_i + x_u^\top y_i)`.

    Parameters
    ----------
    user_factors, item_factors : tensors of shape (U, d) and (I, d)
        Where training starts.
    prior : HistoryPrior or None
        What is added to the user factors by the items of each history.
    user_bias, item_bias : tensors of shape (U, 1) and (I, 1), or None
        Where the offsets start; None: there are none.
    global_bias : float
        μ; not learned.
    rating_range : (low, high) or None
        f is a sigmoid into this range, in stars; None: f is the identity.
    """

    def __init__(
        self,
        user_factors: Tensor,
        item_factors: Tensor,
        *,
        prior: HistoryPrior | None = None,
        user_bias: Tensor | None,
        item_bias: Tensor | None,
        global_bias: float,
        rating_range: tuple[float, float] | None,
    ) -> None:
        super().__init__()
        self.user_factors = nn.Parameter(user_factors)  # (U, d)
        self.item_factors = nn.Parameter(item_factors)  # (I, d)
        self.prior = prior
        self.user_bias = None if user_bias is None else nn.Parameter(user_bias)  # (U, 1)
        self.item_bias = None if item_bias is None else nn.Parameter(item_bias)  # (I, 1)
        self.global_bias = global_bias
        self.rating_range = rating_range

    def forward(self, user_index: Tensor, item_index: Tensor, by_item: Tensor | None = None) -> Tensor:
        """Predicted ratings in stars, shape (B,), for index tensors of shape (B,), int64.

        `by_item`, the order that sorts pairs by item, is given where every step has the same pairs.
        """
        X = self.user_factors if self.prior is None else self.user_factors + self.prior()  # (U, d)
        if by_item is None:
            # F.embedding sums the gradient of a repeated row in a fixed order, whatever the number of threads
            x = F.embedding(user_index, X)  # (B, d)
            y = F.embedding(item_index, self.item_factors)  # (B, d)
            dots = (x * y).sum(dim=1)  # (B,)
        else:
            dots = pair_dots(X, self.item_factors, user_index, item_index, by_item)  # (B,)
        score = self.global_bias + dots  # (B,)
        # the gradient of an index_select of one column is a plain loop, a tenth of the time of F.embedding's
        if self.user_bias is not None:
            score = score + self.user_bias.squeeze(dim=1).index_select(0, user_index)  # (B,)
        if self.item_bias is not None:
            score = score + self.item_bias.squeeze(dim=1).index_select(0, item_index)  # (B,)
        if self.rating_range is None:
            return score
        low, high = self.rating_range
        return low + (high - low) * torch.sigmoid(score)  # (B,)
