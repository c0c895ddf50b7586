"""How sure a predicted rating is: intervals, and the chance of a rating of at least so many stars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tastemap.errors import InvalidValueError
from tastemap.linalg.types import Float32Array, Float64Array, Int32Array, Int64Array
from tastemap.models.base import UserStates
from tastemap.models.rating_samples import Calibration
from tastemap.models.recommender import Recommender

PAIRS_PER_BLOCK = 65_536
ROWS_LOOKED_AT = 100_000
MOST_RATINGS = 101
"""Different ratings of a scale in steps, at most: whole percents."""
USUAL_LEVEL = 0.95
"""Share of the ratings that an interval holds where nobody says another."""
ROUNDING = 1e-6
"""In stars: an end this near to a rating holds it."""


@dataclass(frozen=True, eq=False)
class Spread:
    """The spread of the ratings of n pairs around their predictions; NaN where a side is not known.

    Parameters
    ----------
    calibration : Calibration
        What a spread is worth.
    low, high : float
        The rating scale.
    prediction, spread : arrays of shape (n,), float64
        In stars.
    groups : array of shape (n,), int64
        The group of activity of each pair's user.
    ratings : array of shape (r,), float64
        The ratings that can be given, rising, in stars; none if there are too many to tell.
    """

    calibration: Calibration
    low: float
    high: float
    prediction: Float64Array
    spread: Float64Array
    groups: Int64Array
    ratings: Float64Array

    def interval(self, level: float) -> tuple[Float64Array, Float64Array]:
        """The ends of the intervals that hold a share `level` of the ratings, shape (n,), within the scale.

        An end moves inwards to the next rating that can be given, or to the prediction if that comes
        first. What is left out is never given, so the interval holds as many ratings as before.
        """
        reach = self.calibration.reach(self.groups, level) * self.spread
        lower = np.clip(self.prediction - reach, self.low, self.high)
        upper = np.clip(self.prediction + reach, self.low, self.high)
        if not len(self.ratings):
            return lower, upper
        last = len(self.ratings) - 1
        above = self.ratings[np.minimum(np.searchsorted(self.ratings, lower - ROUNDING), last)]
        below = self.ratings[np.maximum(np.searchsorted(self.ratings, upper + ROUNDING) - 1, 0)]
        known = np.isfinite(self.spread)
        lower[known] = np.maximum(lower, np.minimum(above, self.prediction))[known]
        upper[known] = np.minimum(upper, np.maximum(below, self.prediction))[known]
        return lower, upper

    def chance(self, at_least: float) -> Float64Array:
        """The chance of a rating of at least so many stars, shape (n,); 1 from the lowest rating on.

        Raises
        ------
        InvalidValueError
            If `at_least` is not within the rating scale.
        """
        if not self.low <= at_least <= self.high:
            raise InvalidValueError(
                f"at_least must be a rating of the model's scale, from {self.low:g} to {self.high:g}. "
                f"Got {at_least:g}; give a rating between them.",
                argument="at_least",
            )
        known = np.isfinite(self.spread)
        if at_least == self.low:
            return np.where(known, 1.0, np.nan)
        chance = np.full(len(known), np.nan)
        # Errors are taken as spread evenly between two ratings: "at least 4" begins half a step below.
        step = float(np.diff(self.ratings).min()) if len(self.ratings) > 1 else 0.0
        errors = (at_least - 0.5 * step - self.prediction[known]) / self.spread[known]
        chance[known] = self.calibration.chance_above(self.groups[known], errors)
        return chance


def spread_of(
    recommender: Recommender, states: UserStates, item_index: Int32Array, prediction: Float64Array
) -> Spread | None:
    """The spread of ratings of items of shape (B, k) by B users, row by row; None if the model does not know.

    `prediction`, in stars, has shape (B k,).
    """
    found = states.spread(item_index)
    if found is None:
        return None
    groups = np.repeat(found.groups, item_index.shape[1])
    return _spread(recommender, found.calibration, prediction, found.stars.ravel(), groups)


def spread_of_pairs(
    recommender: Recommender, user_index: Int32Array, item_index: Int32Array, prediction: Float64Array
) -> Spread | None:
    """The same for pairs of fitted users and items, shape (n,), in blocks."""
    model, parts = recommender.model, []
    for start in range(0, max(len(user_index), 1), PAIRS_PER_BLOCK):
        block = slice(start, start + PAIRS_PER_BLOCK)
        found = model.users(user_index[block]).spread(item_index[block, None])
        if found is None:
            return None
        parts.append(found)
    stars = np.concatenate([part.stars[:, 0] for part in parts])
    groups = np.concatenate([part.groups for part in parts])
    return _spread(recommender, parts[0].calibration, prediction, stars, groups)


def _spread(
    recommender: Recommender,
    calibration: Calibration,
    prediction: Float64Array,
    stars: Float64Array,
    groups: Int64Array,
) -> Spread:
    link, values = recommender.model.link, recommender.train.interactions.values
    return Spread(calibration, link.low, link.high, prediction, stars, groups, _ratings(values))


def _ratings(values: Float32Array) -> Float64Array:
    """The different ratings of the first rows, rising, if they are few."""
    found = np.unique(values[:ROWS_LOOKED_AT]).astype(np.float64)
    return found if 2 <= len(found) <= MOST_RATINGS else found[:0]


def check_level(level: float | None) -> None:
    """Raise unless `level` is left out, or a share between none and all of the ratings."""
    if level is not None and not 0.0 < level < 1.0:
        raise InvalidValueError(f"level must be above 0 and below 1, such as 0.95. Got {level:g}.")
