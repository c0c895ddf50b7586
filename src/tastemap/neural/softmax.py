"""The softmax model as a torch module: a bag of items through layers to logits of all items.

Shapes: ``B`` users of a batch, ``I`` items, ``q`` inputs of an item, ``d`` factors.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from tastemap.neural.side import Side


class SoftmaxNetwork(nn.Module):
    """Logits of all items for users known by their histories.

    Parameters
    ----------
    item_side : Side
        What each item adds to a bag.
    linears : sequence of (weights, offsets)
        Where the layers start; the last gives d values.
    item_factors : tensor of shape (I, d)
    item_bias : tensor of shape (I,)
    """

    def __init__(
        self,
        item_side: Side,
        linears: Sequence[tuple[Tensor, Tensor]],
        item_factors: Tensor,
        item_bias: Tensor,
    ) -> None:
        super().__init__()
        self.item_side = item_side
        self.weights = nn.ParameterList(weights for weights, _ in linears)  # (h_out, h_in) each
        self.offsets = nn.ParameterList(offsets for _, offsets in linears)  # (h_out,) each
        self.item_factors = nn.Parameter(item_factors)  # (I, d)
        self.item_bias = nn.Parameter(item_bias)  # (I,)

    def forward(self, bags: Tensor) -> Tensor:
        """Logits (B, I) for the weights of items in each history, shape (B, I)."""
        h = bags @ self.item_side.all_inputs()  # (B, q)
        for number, (weights, offsets) in enumerate(zip(self.weights, self.offsets, strict=True)):
            h = F.linear(F.relu(h) if number else h, weights, offsets)  # (B, h), at last (B, d)
        return h @ self.item_factors.T + self.item_bias  # (B, I)
