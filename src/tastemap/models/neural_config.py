"""Settings that all models fitted by stochastic gradients share; :mod:`tastemap.neural` fits them."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tastemap.models.config import IterativeConfig

Device = Literal["auto", "cpu", "cuda"]
Init = Literal["normal", "truncated-normal", "uniform"]

WIDEST = 16_384
"""The most values of a hidden layer; wider ones fill the memory before they learn anything."""


class NeuralConfig(IterativeConfig):
    """Optimizer, schedule and penalties of a model fitted by gradients."""

    optimizer: Literal["sgd", "adam", "adamw"] = Field(
        default="adam", description="sgd (with momentum), adam, or adamw with decoupled weight decay"
    )
    learning_rate: float = Field(
        default=5e-3, gt=0.0, le=1000.0, description="step size; the peak if one-cycle"
    )
    schedule: Literal["one-cycle", "constant", "steps", "cosine-restarts"] = Field(
        default="one-cycle", description="how the step size moves over n_epochs"
    )
    step_epochs: tuple[int, ...] = Field(
        default=(), description="steps: the epochs after which the step size changes, ascending"
    )
    step_rates: tuple[float, ...] = Field(
        default=(), description="steps: the step size after each of step_epochs"
    )
    cycle_epochs: tuple[int, ...] = Field(
        default=(1,),
        min_length=1,
        description="cosine-restarts: length of each cycle in epochs; the last repeats",
    )
    warm_up_epochs: float = Field(
        default=0.0,
        ge=0.0,
        description="epochs in which the step size rises linearly first; one-cycle has its own",
    )
    momentum: float = Field(
        default=0.9,
        ge=0.0,
        lt=1.0,
        description="momentum (sgd) or beta1 (adam, adamw) unless the schedule is one-cycle",
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
        "to the loss; unset: 0",
    )
    weight_decay: float = Field(
        default=0.0,
        ge=0.0,
        le=100.0,
        description="decoupled decay of adamw: a step shrinks parameters by learning rate x this",
    )
    device: Device = Field(default="auto", description="where to train; auto: a CUDA device if there is one")

    @model_validator(mode="after")
    def _check_optimizer(self) -> Self:
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
        return self

    @model_validator(mode="after")
    def _check_idle_of_schedule(self) -> Self:
        if self.schedule != "cosine-restarts":
            self._refuse_idle("cycle_epochs", "schedule", "schedule=cosine-restarts")
        if self.schedule == "one-cycle":
            for name in ("warm_up_epochs", "momentum"):
                self._refuse_idle(name, "schedule", "schedule=constant, steps or cosine-restarts")
        return self

    def _refuse_idle(self, name: str, beside: str, condition: str) -> None:
        """Refuse `name`, which would do nothing; its default may be given, as manifests give all settings."""
        value = getattr(self, name)
        if value != type(self).model_fields[name].default:
            raise ValueError(
                f"{name} acts only with {condition}. "
                f"Got {name}={value} with {beside}={getattr(self, beside)}; change one of them."
            )

    @model_validator(mode="after")
    def _check_schedule(self) -> Self:
        if len(self.step_epochs) != len(self.step_rates):
            raise ValueError(
                "step_epochs and step_rates must be equally many. "
                f"Got {len(self.step_epochs)} and {len(self.step_rates)}; give one rate for each epoch."
            )
        if bool(self.step_epochs) != (self.schedule == "steps"):
            raise ValueError(
                "step_epochs belong to schedule=steps and to no other. "
                f"Got step_epochs={self.step_epochs} with schedule={self.schedule}; change one of them."
            )
        if list(self.step_epochs) != sorted(set(self.step_epochs)) or min(self.step_epochs, default=1) < 1:
            raise ValueError(f"step_epochs must be ascending and from 1. Got {self.step_epochs}.")
        if min(self.step_rates, default=1.0) <= 0.0 or min(self.cycle_epochs) < 1:
            raise ValueError(
                f"step_rates must be > 0 and cycle_epochs >= 1. Got {self.step_rates} and {self.cycle_epochs}."
            )
        if self.stop_epoch is not None and self.stop_epoch > self.n_epochs:
            raise ValueError(
                f"stop_epoch must be <= n_epochs ({self.n_epochs}). Got {self.stop_epoch}; leave it unset."
            )
        return self

    def resolved(self, n_epochs: int) -> Self:
        """The settings that repeat a run stopped after `n_epochs`: the schedule keeps its length."""
        return self.model_copy(update={"stop_epoch": n_epochs, "validation_fraction": 0.0})

    @property
    def last_epoch(self) -> int:
        """The epochs that are run."""
        return self.stop_epoch or self.n_epochs


class RatingRangeConfig(NeuralConfig):
    """Settings of a neural model that predicts ratings, within a range or clipped to the scale."""

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
    global_mean: bool = Field(default=True, description="start scores at the mean rating instead of at 0")
    init: Init = Field(default="normal", description="distribution of the first factors or embeddings")
    init_mean: float = Field(default=0.0, ge=-10.0, le=10.0, description="mean of the first factors")
    init_std: float = Field(
        default=0.01, gt=0.0, le=10.0, description="standard deviation of the first factors"
    )

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if not self.sigmoid:
            for name in ("range_low", "range_high", "range_margin"):
                self._refuse_idle(name, "sigmoid", "sigmoid=true")
        if self.range_low is not None and self.range_high is not None and self.range_low >= self.range_high:
            raise ValueError(
                f"range_low must be below range_high. Got {self.range_low} and {self.range_high}; swap them."
            )
        return self
