"""The network model as a torch module: embeddings, linear layers, and nothing else.

Shapes: ``B`` batch, ``p`` and ``q`` inputs of a user and of an item, ``h`` hidden values.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tastemap.neural.side import Side


class Normalization(nn.BatchNorm1d):
    """Normalization over the batch; by the running means where a single row has no spread."""

    def forward(self, h: Tensor) -> Tensor:
        """Normalized values, shape (B, h), of hidden values (B, h)."""
        over_batch = self.training and len(h) > 1
        means, variances = self.running_mean, self.running_var  # (h,), (h,)
        return F.batch_norm(h, means, variances, self.weight, self.bias, over_batch, eps=self.eps)


class MLP(nn.Module):
    """Predicted ratings by a network of concatenated embeddings.

    Parameters
    ----------
    user_side, item_side : Side
        Embeddings and feature embeddings.
    linears : sequence of (weights, offsets)
        Where the layers start, the last one gives one value.
    batch_norm : bool
        Whether hidden values are normalized over the batch, after their ReLU.
    product : bool
        Whether the dot product of the two embeddings is added to the score.
    input_relu : bool
    input_dropout : float
    layer_dropout : sequence of float
        One share for each hidden layer.
    rating_range : (low, high) or None
        A sigmoid into this range, in stars; None: the score itself.
    masks : torch.Generator
        Draws what a training step leaves out.
    """

    def __init__(
        self,
        user_side: Side,
        item_side: Side,
        linears: Sequence[tuple[Tensor, Tensor]],
        *,
        batch_norm: bool,
        product: bool,
        input_relu: bool,
        input_dropout: float,
        layer_dropout: Sequence[float],
        rating_range: tuple[float, float] | None,
        masks: torch.Generator,
    ) -> None:
        super().__init__()
        self.user_side, self.item_side = user_side, item_side
        self.weights = nn.ParameterList(weights for weights, _ in linears)  # (h_out, h_in) each
        self.offsets = nn.ParameterList(offsets for _, offsets in linears)  # (h_out,) each
        hidden = [len(offsets) for _, offsets in linears[:-1]]
        self.norms = nn.ModuleList(Normalization(width) if batch_norm else nn.Identity() for width in hidden)
        self.product = product
        self.input_relu = input_relu
        self.dropout = (input_dropout, *layer_dropout)
        self.rating_range = rating_range
        self.masks = masks

    def forward(self, user_index: Tensor, item_index: Tensor) -> Tensor:
        """Predicted ratings in stars, shape (B,), for index tensors of shape (B,), int64."""
        x, y = self.user_side(user_index), self.item_side(item_index)  # (B, p), (B, q)
        h = torch.cat([x, y], dim=1)  # (B, p + q)
        h = self._drop(F.relu(h) if self.input_relu else h, self.dropout[0])  # (B, p + q)
        for number, norm in enumerate(self.norms):
            h = norm(F.relu(F.linear(h, self.weights[number], self.offsets[number])))  # (B, h)
            h = self._drop(h, self.dropout[number + 1])  # (B, h)
        score = F.linear(h, self.weights[-1], self.offsets[-1]).squeeze(dim=1)  # (B,)
        if self.product:
            d = self.user_side.embedding.shape[1]  # embeddings come before those of features
            score = score + (x[:, :d] * y[:, :d]).sum(dim=1)  # (B,)
        if self.rating_range is None:
            return score
        low, high = self.rating_range
        return low + (high - low) * torch.sigmoid(score)  # (B,)

    def _drop(self, h: Tensor, share: float) -> Tensor:
        """Dropout with masks from our own generator, not torch's global one."""
        if not share or not self.training:
            return h
        kept = torch.rand(h.shape, generator=self.masks, device=h.device) >= share
        return h * kept / (1.0 - share)
