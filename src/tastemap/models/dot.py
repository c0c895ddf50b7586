r"""Settings of ``dot``: the dot product of user and item factors, fitted by stochastic gradients.

.. math:: \hat r_{ui} = f(\mu + b_u + b_i + x_u^\top y_i)

With ``implicit_history`` x_u starts from what the items of the history say, whatever their ratings: see
:mod:`tastemap.models.implicit_history`. The fitted model is a :class:`tastemap.models.factor.FactorModel`;
it is fitted in :mod:`tastemap.neural`, the only part of Tastemap that needs PyTorch.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from tastemap.models.neural_config import RatingRangeConfig

USUAL_PENALTY = 18.0
"""λ times the number of rows, where λ is unset: half of it weighs ``||x||^2`` against the sum of a user's
squared errors, on data of any size. A fixed λ would grow against that sum with the number of rows."""


class DotConfig(RatingRangeConfig):
    """Settings of the ``dot`` model; the defaults are for rating data of about 100,000 rows."""

    n_factors: int = Field(default=40, ge=1, le=4096, description="length d of each factor vector")
    user_bias: bool = Field(default=True, description="learn an offset for each user")
    item_bias: bool = Field(default=True, description="learn an offset for each item")
    bias_init_std: float = Field(
        default=0.0, ge=0.0, le=10.0, description="standard deviation of the first biases; 0: all start at 0"
    )
    implicit_history: bool = Field(
        default=False,
        description="add to a user's factors the sum of history factors, another vector of each item, over the "
        "root of the length of the history (SVD++)",
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
    regularization: float | None = Field(
        default=None,
        ge=0.0,
        le=100.0,
        description="L2 weight λ of sgd and adam: adds λ/2 times the sum of squares of the parameters "
        f"to the loss; unset: {USUAL_PENALTY:g} over the number of rows (0 with adamw)",
    )
    gravity: float = Field(
        default=0.0,
        ge=0.0,
        le=1e6,
        description="λ_g on the mean of all squared dot products, seen pairs or not",
    )

    lazy_steps: bool = Field(
        default=False,
        description="a step of adam moves only users and items of its batch: faster where they are many",
    )

    @model_validator(mode="after")
    def _check_lazy_steps(self) -> Self:
        if not self.lazy_steps:
            return self
        # A decay that rows miss and get all at once leaves rare items nearer to 0 than AdamW does: a worse fit.
        if self.optimizer != "adam":
            raise ValueError(
                f"lazy_steps must be false with optimizer={self.optimizer}; take adam, or full steps."
            )
        for name in ("implicit_history", "gravity", "factor_regularization"):
            if getattr(self, name):
                raise ValueError(
                    f"lazy_steps must be false with {name}, which moves all rows in every step. "
                    f"Got {name}={getattr(self, name)}; set one of the two."
                )
        return self

    @model_validator(mode="after")
    def _check_gravity(self) -> Self:
        if self.implicit_history and self.gravity:
            raise ValueError(
                "gravity must be 0 with implicit_history=true, whose priors it would not reach. "
                f"Got {self.gravity}; set one of the two."
            )
        return self

    def l2(self, n_rows: int) -> float:
        """The L2 weight λ in the loss when fitted to `n_rows` rows; 0 with adamw."""
        if self.optimizer == "adamw":
            return 0.0
        return USUAL_PENALTY / n_rows if self.regularization is None else self.regularization
