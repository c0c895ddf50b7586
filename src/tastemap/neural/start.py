"""Where training starts: first parameters, drawn by NumPy so that no version of torch changes them."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from tastemap.data import Interactions
from tastemap.errors import InvalidValueError
from tastemap.models.base import Link
from tastemap.models.neural_config import Init, RatingRangeConfig

CUT = 2.0
"""Standard deviations at which a truncated normal is cut."""


def draw(shape: tuple[int, ...], init: Init, mean: float, std: float, rng: np.random.Generator) -> Tensor:
    """Random numbers of the given shape, float32; `std` is that before truncation."""
    if init == "uniform":
        half_width = math.sqrt(3.0) * std  # U(-h, h) has the standard deviation h / sqrt(3)
        drawn = rng.uniform(mean - half_width, mean + half_width, shape)
    else:
        drawn = rng.normal(mean, std, shape)
        while init == "truncated-normal" and (outside := np.abs(drawn - mean) > CUT * std).any():
            drawn[outside] = rng.normal(mean, std, int(outside.sum()))
    return torch.from_numpy(drawn.astype(np.float32))


def draw_layer(n_in: int, n_out: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Weights (n_out, n_in) and biases (n_out,) of a linear layer, U(±1/sqrt(n_in)) as in PyTorch."""
    bound = 1.0 / math.sqrt(n_in)
    std = bound / math.sqrt(3.0)
    return draw((n_out, n_in), "uniform", 0.0, std, rng), draw((n_out,), "uniform", 0.0, std, rng)


def rating_range(train: Interactions, config: RatingRangeConfig) -> tuple[float, float] | None:
    """The sigmoid's range in stars: the rating scale widened by the margin, unless given.

    Raises
    ------
    InvalidValueError
        If the mean rating lies outside the range.
    """
    if not config.sigmoid:
        return None
    assert train.rating_scale is not None, "the registry lets rating models see ratings only"
    low = train.rating_scale.low - config.range_margin if config.range_low is None else config.range_low
    high = train.rating_scale.high + config.range_margin if config.range_high is None else config.range_high
    mean = float(train.values.mean(dtype=np.float64))
    if not low < mean < high:
        raise InvalidValueError(
            f"range_low and range_high must enclose the ratings, whose mean is {mean:.3g}. "
            f"Got {low:g} and {high:g}; leave them unset, or widen range_margin."
        )
    return low, high


def range_note(train: Interactions, config: RatingRangeConfig) -> str | None:
    """A sentence for the user if ratings lie outside the sigmoid's range; None if none do."""
    limits = rating_range(train, config)
    if limits is None:
        return None
    low, high = limits
    n_outside = int(np.count_nonzero((train.values < low) | (train.values > high)))
    if not n_outside:
        return None
    return (
        f"{n_outside:,} of {len(train):,} ratings lie outside the range from {low:g} to {high:g} and cannot be "
        "predicted: widen range_low and range_high, or leave them unset."
    )


def first_score(train: Interactions, config: RatingRangeConfig) -> float:
    """The score that predicts the mean rating for every pair, or 0 if scores start there."""
    if not config.global_mean:
        return 0.0
    mean = float(train.values.mean(dtype=np.float64))
    limits = rating_range(train, config)
    if limits is None:
        return mean
    low, high = limits
    return math.log((mean - low) / (high - mean))


def link_of(train: Interactions, config: RatingRangeConfig) -> Link:
    """From scores to ratings: the sigmoid's range, or cut at the rating scale."""
    limits = rating_range(train, config)
    if limits is not None:
        return Link("sigmoid", *limits)
    assert train.rating_scale is not None
    return Link("clip", train.rating_scale.low, train.rating_scale.high)
