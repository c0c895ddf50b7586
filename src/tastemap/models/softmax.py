r"""Settings of ``softmax``: a network that reads a history and gives every item a probability.

.. math:: P(i \mid S_u) = \frac{\exp(x_u^\top y_i + b_i)}{\sum_j \exp(x_u^\top y_j + b_j)}

where x is what the layers of :class:`tastemap.models.encoder.HistoryEncoder` make of the history. Nothing is
learned per user, so a new user is as good as an old one. Fitted in :mod:`tastemap.neural`. Sources: Covington,
Adams, Sargin, "Deep neural networks for YouTube recommendations", RecSys 2016 (a softmax over items from
a bag of items); Liang, Krishnan, Hoffman, Jebara, "Variational autoencoders for collaborative filtering",
WWW 2018 (the multinomial loss, dropout of the history). The first also found that guessing what comes later
serves better than guessing what was left out at random; here a step does some of both.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tastemap.models.config import RankingConfig
from tastemap.models.neural_config import WIDEST, NeuralConfig


class SoftmaxConfig(NeuralConfig, RankingConfig):
    """Settings of the ``softmax`` model."""

    optimizer: Literal["sgd", "adam", "adamw"] = Field(
        default="adamw", description="sgd (with momentum), adam, or adamw with decoupled weight decay"
    )
    n_factors: int = Field(default=64, ge=1, le=4096, description="length d of a user's and an item's vector")
    input_size: int = Field(
        default=128, ge=1, le=4096, description="length of an item's embedding in a history"
    )
    layers: tuple[int, ...] = Field(
        default=(), description="widths of the hidden layers, in order; none: one linear map from bag to user"
    )
    history_dropout: float = Field(
        default=0.5, ge=0.0, lt=1.0, description="share of a history that a step hides and has to guess"
    )
    future_share: float = Field(
        default=0.5,
        ge=0.0,
        le=1.0,
        description="share of the users of a step of whom it hides all from a random point in time on, "
        "instead of a part at random",
    )
    item_features: tuple[str, ...] = Field(
        default=(), description="columns of the catalog that get embeddings of their own, such as genres"
    )
    init_std: float = Field(
        default=0.1, gt=0.0, le=10.0, description="standard deviation of the first embeddings"
    )
    batch_size: int = Field(default=64, ge=1, description="users of a step")
    n_epochs: int = Field(default=30, ge=1, le=100_000, description="passes over the users")
    patience: int = Field(default=10, ge=1, description="epochs without improvement before stopping")
    learning_rate: float = Field(
        default=5e-3, gt=0.0, le=1000.0, description="step size; the peak if one-cycle"
    )
    weight_decay: float = Field(default=0.2, ge=0.0, le=100.0, description="decoupled decay of adamw")

    @model_validator(mode="after")
    def _check_layers(self) -> Self:
        if not all(1 <= width <= WIDEST for width in self.layers):
            raise ValueError(f"layers must be widths from 1 to {WIDEST:,}. Got {self.layers}.")
        return self

    def l2(self) -> float:
        """The L2 weight λ in the loss; 0 with adamw or where it is unset."""
        return 0.0 if self.optimizer == "adamw" else self.regularization or 0.0
