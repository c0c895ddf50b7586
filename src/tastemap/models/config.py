"""What all model configs share: frozen, checked on creation, the only home of defaults."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, Protocol, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from tastemap.data import Dataset, Interactions
from tastemap.errors import DivergedError
from tastemap.models.base import Model

LOSS_ROUNDING = 1e-4
"""The share by which sums in float32 may miss a loss."""


class ModelConfig(BaseModel):
    """Base of every model's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class IterativeConfig(ModelConfig):
    """Settings of a model that is fitted in epochs, which can be stopped early."""

    n_epochs: int = Field(default=20, ge=1, le=10_000, description="passes over the data, at most")
    validation_fraction: float = Field(
        default=0.1,
        ge=0.0,
        le=0.5,
        description="share of the training rows that decides when to stop; 0: never",
    )
    patience: int = Field(default=3, ge=1, description="epochs without improvement before stopping")
    tolerance: float = Field(
        default=5e-4, ge=0.0, le=0.1, description="share of the figure by which it must improve to count"
    )

    def resolved(self, n_epochs: int) -> Self:
        """The settings that train exactly `n_epochs`, without a validation part: they repeat a stopped run."""
        return self.model_copy(update={"n_epochs": n_epochs, "validation_fraction": 0.0})


class RankingConfig(ModelConfig):
    """Settings of a model that learns from who liked what."""

    positive_min: float | None = Field(
        default=None,
        description="learn from ratings (or counts) of at least this; lower ones only keep items out of lists",
    )


def ensure_falling(before: float, now: float) -> float:
    """`now`, the loss after an alternation that can only lower it: a rise says that the systems are singular.

    Raises
    ------
    DivergedError
        If the loss rose by more than rounding explains.
    """
    if now <= before + LOSS_ROUNDING * abs(before):
        return now
    if not np.isfinite(now):
        raise DivergedError("The loss is no longer finite. Check the settings and the values for huge numbers.")
    raise DivergedError(
        f"The loss rose from {before:g} to {now:g}: the systems to solve are singular up to rounding, since "
        "their penalty is too small. Raise regularization, or lower n_factors."
    )


def positive_min_of(config: ModelConfig) -> float | None:
    """The lowest value that a model learns from; None: it learns from every interaction."""
    return config.positive_min if isinstance(config, RankingConfig) else None


def positive_note(config: ModelConfig, train: Interactions) -> str | None:
    """How many interactions a model does not learn from, as a sentence; None if it learns from every one."""
    lowest = positive_min_of(config)
    if lowest is None:
        return None
    n_below = len(train) - int(train.by_user.reaches(lowest).sum())
    return (
        f"{n_below:,} of {len(train):,} {'counts' if train.is_implicit else 'ratings'} are below positive_min "
        f"{lowest:g}: not learned from, and still never recommended."
    )


State: TypeAlias = Mapping[str, NDArray[Any]]
"""The arrays that a fit goes on from."""

M = TypeVar("M", bound=Model, covariant=True)


@dataclass(frozen=True)
class Epoch(Generic[M]):
    """What one epoch left: the model so far, its losses by name, and sentences for people.

    `export` makes the model, which may take longer than a step. It copies parameters that the next epoch
    moves, unless the epoch `lasts`: who wants the model of one that does not asks for it before going on, or
    takes what :meth:`later` returns. That is the model to keep, made by `finish` where it takes work that the
    epochs themselves can do without. `state` is what the next epoch starts from, where a fit can go on from it.
    """

    export: Callable[[], M]
    losses: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    lasts: bool = False
    finish: Callable[[], M] | None = None
    state: State | None = None

    @classmethod
    def of(
        cls,
        model: M,  # type: ignore[misc]
        losses: dict[str, float],
        finish: Callable[[], M] | None = None,
        state: State | None = None,
    ) -> Epoch[M]:
        """An epoch whose model is made already."""
        return cls(lambda: model, losses, finish=finish, state=state)

    @cached_property
    def model(self) -> M:
        """The model so far; stays as it is once asked for."""
        return self.export()

    def later(self) -> Callable[[], M]:
        """What gives the model to keep at any time; the work is put off where it can be."""
        if self.finish is not None:
            return self.finish
        if self.lasts:
            return lambda: self.model
        model = self.model
        return lambda: model


C = TypeVar("C", bound=ModelConfig, contravariant=True)


class Fit(Protocol[C]):
    """``fit(train, config, rng=rng) -> model``: a pure function, no hidden state."""

    def __call__(self, train: Dataset, config: C, *, rng: np.random.Generator) -> Model:
        """Fit a new model."""


class Epochs(Protocol[C]):
    """Fit in epochs: an iterator that yields a whole, usable model after each."""

    def __call__(self, train: Dataset, config: C, *, rng: np.random.Generator) -> Iterator[Epoch[Model]]:
        """Fit a new model, epoch by epoch."""


class GoOn(Protocol[C]):
    """Epochs of a model that can go on where an earlier fit with the same settings stood, bit for bit."""

    def __call__(
        self, train: Dataset, config: C, *, rng: np.random.Generator, start: State | None = None
    ) -> Iterator[Epoch[Model]]:
        """Fit from `start`: the epoch that it belongs to comes first, without losses, then those after it."""
