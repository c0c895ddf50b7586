"""The prior of implicit histories as a torch module: for every user a sum over the items of a history.

Shapes: ``U`` users, ``I`` items, ``d`` factors, ``n`` pairs.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tastemap.linalg.csr import CSR


class HistoryPrior(nn.Module):
    r"""Priors :math:`p_u = \frac{1}{\sqrt{n_u}} \sum_{j \in S_u} z_j` of all users.

    Parameters
    ----------
    history : CSR of shape (U, I)
        The training rows; values do not count.
    history_factors : tensor of shape (I, d)
        Where training starts.
    """

    def __init__(self, history: CSR, history_factors: Tensor) -> None:
        super().__init__()
        self.history_factors = nn.Parameter(history_factors)  # (I, d)
        by_item = history.transposed
        self.register_buffer("items", torch.from_numpy(history.indices.copy()))  # (n,)
        self.register_buffer("item_starts", torch.from_numpy(by_item.indptr[:-1].astype("int32")))  # (I,)
        self.register_buffer("users", torch.from_numpy(by_item.indices.copy()))  # (n,)
        self.register_buffer("user_starts", torch.from_numpy(history.indptr[:-1].astype("int32")))  # (U,)
        lengths = torch.from_numpy(history.row_lengths).clamp(min=1).to(history_factors.dtype)
        self.register_buffer("scale", lengths.rsqrt()[:, None])  # (U, 1)

    def forward(self) -> Tensor:
        """Priors of all users, shape (U, d)."""
        bags = _BagSums.apply(  # type: ignore[no-untyped-call]
            self.history_factors, self.items, self.user_starts, self.users, self.item_starts
        )  # (U, d)
        return cast(Tensor, bags * self.scale)


class _BagSums(torch.autograd.Function):
    """The product of a 0-1 matrix and item vectors; its gradient is a product with the transposed matrix.

    The gradient that torch has for ``embedding_bag`` copies a row for each pair and takes 30 times as long.
    """

    @staticmethod
    def forward(
        ctx: Any, vectors: Tensor, items: Tensor, user_starts: Tensor, users: Tensor, item_starts: Tensor
    ) -> Tensor:
        ctx.save_for_backward(users, item_starts)
        return F.embedding_bag(items, vectors, user_starts, mode="sum")  # (U, d)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        users, item_starts = ctx.saved_tensors
        of_items = F.embedding_bag(users, gradients[0].contiguous(), item_starts, mode="sum")  # (I, d)
        return of_items, None, None, None, None
