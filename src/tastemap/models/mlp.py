r"""Settings of ``mlp``: user and item embeddings, concatenated, through linear layers.

.. math:: \hat r_{ui} = f(W_L \max(0, \dots \max(0, W_1 [x_u, y_i] + c_1) \dots) + c_L)

x and y are embeddings of any sizes, with those of features beside them. With ``product`` the dot product of
the two embeddings joins what the layers give: a network beside a factorization (He, Liao, Zhang, Nie, Hu, Chua,
"Neural collaborative filtering", WWW 2017). The fitted model is a
:class:`tastemap.models.network.Network`, run by NumPy; it is fitted in :mod:`tastemap.neural`.
"""

from __future__ import annotations

import math
from typing import Self

from pydantic import Field, model_validator

from tastemap.models.neural_config import WIDEST, RatingRangeConfig


def embedding_size(n_values: int) -> int:
    """The size rule for an embedding of `n_values` values: ``min(600, round(1.6 n^0.56))``."""
    return min(600, round(1.6 * math.pow(n_values, 0.56)))


class MLPConfig(RatingRangeConfig):
    """Settings of the ``mlp`` model; the defaults are for rating data of about 100,000 rows."""

    user_size: int | None = Field(
        default=None, ge=1, le=4096, description="length of a user embedding; unset: by the size rule"
    )
    item_size: int | None = Field(
        default=None, ge=1, le=4096, description="length of an item embedding; unset: by the size rule"
    )
    layers: tuple[int, ...] = Field(
        default=(100,), min_length=1, description="widths of the hidden layers, in order"
    )
    product: bool = Field(
        default=False, description="add the dot product of the user's and the item's embedding to the score"
    )
    input_relu: bool = Field(default=False, description="cut negative inputs to 0 before the first layer")
    input_dropout: float = Field(
        default=0.0, ge=0.0, lt=1.0, description="share of inputs that a step leaves out"
    )
    layer_dropout: tuple[float, ...] = Field(
        default=(), description="share of hidden values that a step leaves out, layer by layer; missing: 0"
    )
    batch_norm: bool = Field(
        default=False, description="normalize the values of each hidden layer over a batch"
    )
    user_features: tuple[str, ...] = Field(
        default=(), description="columns of the user table that get embeddings of their own"
    )
    item_features: tuple[str, ...] = Field(
        default=(), description="columns of the catalog that get embeddings of their own, such as genres"
    )

    @model_validator(mode="after")
    def _check_layers(self) -> Self:
        if not all(1 <= width <= WIDEST for width in self.layers):
            raise ValueError(f"layers must be widths from 1 to {WIDEST:,}. Got {self.layers}.")
        if len(self.layer_dropout) > len(self.layers) or not all(0.0 <= p < 1.0 for p in self.layer_dropout):
            raise ValueError(
                f"layer_dropout must hold at most {len(self.layers)} shares from 0 to below 1. "
                f"Got {self.layer_dropout}."
            )
        return self

    @model_validator(mode="after")
    def _check_product(self) -> Self:
        if self.product and (self.user_size is None or self.user_size != self.item_size):
            raise ValueError(
                "product needs user_size and item_size, equal: only vectors of one length have a dot product. "
                f"Got {self.user_size} and {self.item_size}; set both, for example to 64."
            )
        return self

    def l2(self) -> float:
        """The L2 weight λ in the loss; 0 with adamw or where it is unset."""
        return 0.0 if self.optimizer == "adamw" else self.regularization or 0.0
