r"""Settings of ``dot``: the dot product of user and item factors, fitted by stochastic gradients.

.. math:: \hat r_{ui} = f(\mu + b_u + b_i + x_u^\top y_i)

The fitted model is a :class:`tastemap.models.factor.FactorModel`; it is fitted in
:mod:`tastemap.neural`, the only part of Tastemap that needs PyTorch.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tastemap.models.config import IterativeConfig

USUAL_PENALTY = 18.0
"""λ times the number of rows, where λ is unset: half of it weighs ``||x||^2`` against the sum of a user's
squared errors, on data of any size. A fixed λ would grow against that sum with the number of rows."""

Device = Literal["auto", "cpu", "cuda"]


class DotConfig(IterativeConfig):
    """Settings of the ``dot`` model; the defaults are for rating data of about 100,000 rows."""

    n_factors: int = Field(default=40, ge=1, le=4096, description="length d of each factor vector")
    user_bias: bool = Field(default=True, description="learn an offset for each user")
    item_bias: bool = Field(default=True, description="learn an offset for each item")
    global_mean: bool = Field(default=True, description="start scores at the mean rating instead of at 0")

    sigmoid: bool = Field(
        default=True, description="squeeze scores into a rating range; if false, predictions are clipped"
    )
    range_margin: float = Field(
        default=0.5, ge=0.0, le=100.0, description="stars by which the sigmoid's range exceeds the rating scale"
    )
    range_low: float | None = Field(
        default=None, description="lower end of the sigmoid's range in stars; unset: scale less margin"
    )
    range_high: float | None = Field(
        default=None, description="upper end of the sigmoid's range in stars; unset: scale plus margin"
    )

    init: Literal["normal", "uniform"] = Field(default="normal", description="distribution of initial factors")
    init_mean: float = Field(default=0.0, ge=-10.0, le=10.0, description="mean of the initial factors")
    init_std: float = Field(
        default=0.01,
        gt=0.0,
        le=10.0,
        description="standard deviation of the initial factors; biases start at 0",
    )

    optimizer: Literal["sgd", "adam", "adamw"] = Field(
        default="adam", description="sgd (with momentum), adam, or adamw with decoupled weight decay"
    )
    learning_rate: float = Field(
        default=5e-3, gt=0.0, le=1000.0, description="step size; the peak if one-cycle"
    )
    schedule: Literal["one-cycle", "constant"] = Field(
        default="one-cycle", description="how the step size moves over n_epochs"
    )
    momentum: float = Field(
        default=0.9,
        ge=0.0,
        lt=1.0,
        description="momentum (sgd) or beta1 (adam, adamw) if the schedule is constant",
    )
    beta2: float = Field(default=0.99, ge=0.0, lt=1.0, description="memory of squared gradients (adam, adamw)")
    epsilon: float = Field(
        default=1e-5, gt=0.0, le=1.0, description="added to the root of squared gradients (adam, adamw)"
    )
    batch_size: int = Field(default=512, ge=1, description="rows of a step; at least n: full-batch")
    n_epochs: int = Field(
        default=10, ge=1, le=100_000, description="passes over the data; the length of the one-cycle schedule"
    )
    patience: int = Field(
        default=5,
        ge=1,
        description="epochs without improvement before stopping; long, since one-cycle is best at its end",
    )
    stop_epoch: int | None = Field(
        default=None,
        ge=1,
        description="stop after this epoch of the unchanged schedule; unset: run it to its end",
    )

    regularization: float | None = Field(
        default=None,
        ge=0.0,
        le=100.0,
        description="L2 weight λ of sgd and adam: adds λ/2 times the sum of squares of the parameters "
        "to the mean squared error; unset: 18 / number of rows",
    )
    weight_decay: float = Field(
        default=0.0,
        ge=0.0,
        le=100.0,
        description="decoupled decay of adamw: a step shrinks parameters by learning rate x this",
    )
    bias_share: float = Field(
        default=0.1, ge=0.0, le=1.0, description="share of regularization or weight_decay that biases get"
    )
    factor_regularization: float = Field(
        default=0.0,
        ge=0.0,
        le=1e6,
        description="λ_r on the mean squared norm of user factors plus that of item factors",
    )
    gravity: float = Field(
        default=0.0,
        ge=0.0,
        le=1e6,
        description="λ_g on the mean of all squared dot products, seen pairs or not",
    )
    device: Device = Field(default="auto", description="where to train; auto: a CUDA device if there is one")

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        if self.optimizer == "adamw" and self.regularization:
            raise ValueError(
                "regularization must be 0 with optimizer=adamw, whose decay is decoupled from the loss. "
                f"Got {self.regularization}; set weight_decay instead."
            )
        if self.optimizer != "adamw" and self.weight_decay:
            raise ValueError(
                f"weight_decay must be 0 with optimizer={self.optimizer}. "
                f"Got {self.weight_decay}; set regularization, or optimizer=adamw."
            )
        if self.range_low is not None and self.range_high is not None and self.range_low >= self.range_high:
            raise ValueError(
                f"range_low must be below range_high. Got {self.range_low} and {self.range_high}; swap them."
            )
        if self.stop_epoch is not None and self.stop_epoch > self.n_epochs:
            raise ValueError(
                f"stop_epoch must be <= n_epochs ({self.n_epochs}). Got {self.stop_epoch}; leave it unset."
            )
        return self

    def l2(self, n_rows: int) -> float:
        """The L2 weight λ in the loss when fitted to `n_rows` rows; 0 with adamw."""
        if self.optimizer == "adamw":
            return 0.0
        return USUAL_PENALTY / n_rows if self.regularization is None else self.regularization

    def resolved(self, n_epochs: int) -> Self:
        """The settings that repeat a run stopped after `n_epochs`: the schedule keeps its length."""
        return self.model_copy(update={"stop_epoch": n_epochs, "validation_fraction": 0.0})
