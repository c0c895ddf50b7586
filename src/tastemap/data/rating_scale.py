"""The bounds of ratings: as given, or guessed from the values and said so."""

from __future__ import annotations

from numbers import Real

import numpy as np

from tastemap.data.interactions import RatingScale
from tastemap.errors import DataError, InvalidValueError, check_type
from tastemap.linalg.types import Float32Array

USUAL_SCALES = (
    (1.0, 5.0),
    (0.5, 5.0),
    (0.0, 5.0),
    (1.0, 10.0),
    (0.0, 10.0),
    (0.0, 1.0),
    (0.0, 100.0),
    (1.0, 100.0),
)
SMALL = 1000
"""Below this many ratings the ends of a scale may be missing by chance."""

SLACK = 0.05
"""How far values may stay from the ends of a usual scale, as a share of its width."""


def guess_scale(values: Float32Array) -> tuple[RatingScale, str]:
    """:func:`scale_between` for the ratings themselves, shape (n,), finite, n > 0."""
    return scale_between(float(values.min()), float(values.max()), len(values))


def scale_between(low: float, high: float, n_values: int) -> tuple[RatingScale, str]:
    """The scale that ratings seem to be on, and a sentence that says how it was found.

    A usual scale (1-5, 0.5-5, 1-10, 0-100 …) is taken where the values reach nearly to both of
    its ends, or where the table is small, fits inside, and covers half of it; otherwise the lowest and
    the highest value are the scale.

    Parameters
    ----------
    low, high : float
        The lowest and the highest rating.
    n_values : int
        Ratings, at least 1.
    """
    for scale in USUAL_SCALES:
        if _is_plausible(scale, low, high, n_values):
            return RatingScale(*scale), f"Rating scale taken as {scale[0]:g} to {scale[1]:g} from the values."
    if low == high:
        return _around(low)
    said = f"Rating scale taken as {low:g} to {high:g}, the lowest and the highest rating."
    return RatingScale(low, high), said


def check_scale(scale: RatingScale | tuple[float, float]) -> RatingScale:
    """The scale as a :class:`RatingScale`.

    Raises
    ------
    InvalidValueError
        If the bounds are not two finite numbers, the lower one first.
    """
    wanted, remedy = "two finite numbers, the lowest rating first", "give for example (1, 5)"
    check_type("rating_scale", scale, (RatingScale, tuple, list), wanted, remedy)
    bounds = [scale.low, scale.high] if isinstance(scale, RatingScale) else list(scale)
    is_finite = all(isinstance(bound, Real) and np.isfinite(float(bound)) for bound in bounds)
    if len(bounds) != 2 or not is_finite or bounds[0] >= bounds[1]:
        raise InvalidValueError(f"rating_scale must be {wanted}. Got {scale!r}; {remedy}.", rating_scale=bounds)
    return RatingScale(float(bounds[0]), float(bounds[1]))


def check_within(values: Float32Array, scale: RatingScale) -> None:
    """Raise a DataError if ratings, shape (n,), lie outside a scale that was given."""
    outside = (values < scale.low) | (values > scale.high)
    if outside.any():
        shown = ", ".join(f"{value:g}" for value in np.unique(values[outside])[:3])
        n_outside = int(outside.sum())
        raise DataError(
            f"rating_scale is {scale.low:g} to {scale.high:g}, but {n_outside:,} ratings lie outside, such as "
            f"{shown}; give the scale that the ratings are on.",
            n_outside=n_outside,
        )


def _is_plausible(scale: tuple[float, float], low: float, high: float, n_values: int) -> bool:
    bottom, top = scale
    if low < bottom or high > top:
        return False
    width = top - bottom
    if low - bottom <= SLACK * width and top - high <= SLACK * width:
        return True
    return n_values < SMALL and high - bottom > width / 2


def _around(value: float) -> tuple[RatingScale, str]:
    """A scale for ratings that are all the same."""
    fits = (scale for scale in USUAL_SCALES if scale[0] <= value <= scale[1])
    low, high = next(fits, (value - 1, value + 1))
    said = (
        f"Every rating is {value:g}; the scale is taken as {low:g} to {high:g}. "
        "If rows only say that something happened, load them as implicit feedback."
    )
    return RatingScale(low, high), said
