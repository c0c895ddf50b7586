r"""What the spread of the draws is worth: chains that do not see a part of the ratings predict it (CV+).

The training ratings are cut into parts. Beside the sampler of the model run as many more, each without one
part, sweep by sweep, so that each rating is predicted by draws that never saw it. Their standardized errors
calibrate the intervals (:mod:`tastemap.models.rating_samples`). Source: Barber and others, "Predictive
inference with the jackknife+", Annals of Statistics 2021, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tastemap.data import Dataset, Interactions
from tastemap.linalg.types import BoolArray, Float64Array, Int32Array
from tastemap.models.gibbs_sampler import Side
from tastemap.models.rating_samples import Calibration


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Ratings that a chain does not see, in its units, and sums over its draws of what it says of them.

    Parameters
    ----------
    user_index, item_index : arrays of shape (n,), int32
    values : array of shape (n,), float64
    total, squares : arrays of shape (n,), float64, or 0.0 before the first draw
        Of the predictions.
    noise_variance : float
        Sum over the draws.
    n_draws : int
    """

    user_index: Int32Array
    item_index: Int32Array
    values: Float64Array
    total: Float64Array | float = 0.0
    squares: Float64Array | float = 0.0
    noise_variance: float = 0.0
    n_draws: int = 0

    def plus(self, users: Side, items: Side, noise_precision: float) -> HeldOut:
        """With one more draw."""
        left, right = users.rows[self.user_index], items.rows[self.item_index]
        scores = np.einsum("nd,nd->n", left[:, :-1], right[:, :-1], dtype=np.float64)
        scores += left[:, -1] + right[:, -1]
        return replace(
            self,
            total=self.total + scores,
            squares=self.squares + scores**2,
            noise_variance=self.noise_variance + 1.0 / noise_precision,
            n_draws=self.n_draws + 1,
        )

    def restarted(self) -> HeldOut:
        """The same ratings before the first draw."""
        return HeldOut(self.user_index, self.item_index, self.values)

    def errors(self, low: float, high: float) -> Float64Array:
        """Errors of the mean predictions, cut to `low` … `high`, over the spread of the ratings, shape (n,)."""
        mean = np.asarray(self.total) / self.n_draws
        variance = np.maximum(np.asarray(self.squares) / self.n_draws - mean**2, 0.0)
        spread = np.sqrt(variance + self.noise_variance / self.n_draws)
        errors: Float64Array = (self.values - np.clip(mean, low, high)) / spread
        return errors


def parts(n: int, n_parts: int, rng: np.random.Generator) -> list[BoolArray]:
    """Masks of shape (n,) of random parts of equal size, together all."""
    part = rng.permutation(n) % n_parts
    return [part == number for number in range(n_parts)]


def without(train: Dataset, held: BoolArray) -> Dataset:
    """The data set without some rows; users and items keep their indices, if need be without a rating."""
    rows = train.interactions
    kept = replace(
        rows,
        user_index=rows.user_index[~held],
        item_index=rows.item_index[~held],
        values=rows.values[~held],
        timestamps=None,
        folds=None,
    )
    return replace(train, interactions=kept)


def calibration(
    data: Interactions, found: Sequence[HeldOut], limits: Sequence[tuple[float, float]]
) -> Calibration:
    """From what each chain says of the part it did not see, and the rating scale in its units."""
    if not found:
        return Calibration.normal(data.n_users, data.n_items)
    errors = [each.errors(low, high) for each, (low, high) in zip(found, limits, strict=True)]
    users, items = ([getattr(each, side) for each in found] for side in ("user_index", "item_index"))
    return Calibration.of(
        np.concatenate(errors),
        np.concatenate(users),
        np.concatenate(items),
        data.by_user.row_lengths,
        data.n_items,
    )
