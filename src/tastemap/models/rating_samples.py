r"""How sure a prediction is: samples of the posterior beside a model, and what their spread is worth.

For a pair the samples give predictions :math:`p_s` and standard deviations :math:`\sigma_s` of the noise. The
spread of the rating is

.. math:: \tau = c_u c_i \sqrt{\operatorname{var}_s p_s + \operatorname{mean}_s \sigma_s^2},

where c is the scale of a user or an item, whose ratings may be more or less erratic than those of others.
Quantiles of :math:`(r - \hat r) / \tau` over ratings that were held out while they were predicted say how many
τ an interval must reach to hold a share of the ratings. They are kept apart for groups of users by their number
of ratings. Sources: Lei and others, "Distribution-free predictive inference for regression", JASA 2018
(conformal intervals that scale with a spread); Vovk, "Conditional validity of inductive conformal predictors",
ACML 2012 (groups).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from tastemap.linalg.csr import CSR
from tastemap.linalg.types import Float32Array, Float64Array, Int32Array, Int64Array, IntArray
from tastemap.models.user_priors import Float16Array, UserPosterior, UserPriors

N_GROUPS = 5
"""Groups of users, equally many in each, by the number of their ratings."""
GRID = 401
"""Quantiles kept of a group."""
SHARES: Float64Array = (np.arange(GRID) + 0.5) / GRID
USUAL_ERRORS = 20.0
"""Errors of usual size that stand beside the errors of a user or an item."""
PAIRS_PER_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Calibration:
    """Scales of users and items, and quantiles of standardized errors in groups of users by activity.

    Parameters
    ----------
    user_scale, item_scale : arrays of shape (U,) and (I,), float32
        c, around 1.
    edges : array of shape (G - 1,), float32
        A user with at least ``edges[g]`` ratings is in a group above g.
    quantiles : array of shape (G, 401), float32
        Of ``(r - prediction) / spread`` at :data:`SHARES`, rising.
    """

    user_scale: Float32Array
    item_scale: Float32Array
    edges: Float32Array
    quantiles: Float32Array

    @classmethod
    def normal(cls, n_users: int, n_items: int) -> Calibration:
        """One group, whose errors are as the samples say: nothing was held out."""
        quantiles = np.array([[NormalDist().inv_cdf(share) for share in SHARES]], np.float32)
        scales = np.ones(n_users, np.float32), np.ones(n_items, np.float32)
        return cls(*scales, np.zeros(0, np.float32), quantiles)

    @classmethod
    def of(
        cls, errors: Float64Array, user_index: IntArray, item_index: IntArray, n_ratings: IntArray, n_items: int
    ) -> Calibration:
        """From standardized errors of held-out ratings (n,), with their users and items.

        `n_ratings` (U,) are the training ratings of all users, which say where groups begin. A group without an
        error gets the quantiles of all.
        """
        others, user_scale = scales(errors, user_index, len(n_ratings))
        errors = errors / others
        others, item_scale = scales(errors, item_index, n_items)
        errors = errors / others
        levels = np.linspace(0.0, 1.0, N_GROUPS + 1)[1:-1]
        edges = np.unique(np.quantile(n_ratings, levels, method="higher")).astype(np.float32)
        group = np.searchsorted(edges, n_ratings[user_index], side="right")
        rows = [errors[group == number] for number in range(len(edges) + 1)]
        quantiles = [np.quantile(own if len(own) else errors, SHARES) for own in rows]
        return cls(user_scale, item_scale, edges, np.array(quantiles, np.float32))

    def groups(self, n_ratings: IntArray) -> Int64Array:
        """The group of each user by the number of ratings, shape (n,)."""
        return np.searchsorted(self.edges, n_ratings, side="right").astype(np.int64)

    def reach(self, groups: Int64Array, level: float) -> Float64Array:
        """The size that a share `level` of the errors of each pair's group do not exceed, shape (n,).

        Intervals reach as far up as down: cut at the rating scale they are narrower than between two quantiles,
        whose lower one lies far down for the few ratings that nobody expects.
        """
        own = np.array([np.quantile(np.abs(row), level, method="hazen") for row in self.quantiles])
        return own[groups]

    def chance_above(self, groups: Int64Array, errors: Float64Array) -> Float64Array:
        """How likely an error of a pair's group is at least `errors`, shape (n,)."""
        chance = np.empty(len(errors))
        for number, row in enumerate(self.quantiles):
            own = groups == number
            chance[own] = 1.0 - np.interp(errors[own], row, SHARES, left=0.0, right=1.0)
        return chance


def scales(errors: Float64Array, index: IntArray, n: int) -> tuple[Float64Array, Float32Array]:
    """How erratic the ratings of each user (or item) are: without each error itself, and with all of them.

    The mean square of the errors of a row counts beside :data:`USUAL_ERRORS` errors of the usual size. A scale
    that knew the error it is to standardize would make that look smaller than one yet to come.

    Returns
    -------
    (others, all) : arrays of shape (n_errors,), float64, and (n,), float32
    """
    squares = errors**2 / np.mean(errors**2)
    totals, counts = np.bincount(index, squares, n), np.bincount(index, minlength=n)
    others = (USUAL_ERRORS + totals[index] - squares) / (USUAL_ERRORS + counts[index] - 1)
    return np.sqrt(others), np.sqrt((USUAL_ERRORS + totals) / (USUAL_ERRORS + counts)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class RatingSpread:
    """How far ratings spread around their predictions, and what that is worth.

    Parameters
    ----------
    stars : array of shape (B, k), float64
        Standard deviations; NaN where a side of the pair is not known.
    groups : array of shape (B,), int64
        The group of activity of each user.
    calibration : Calibration
    """

    stars: Float64Array
    groups: Int64Array
    calibration: Calibration


@dataclass(frozen=True, eq=False)
class RatingSamples:
    """S samples of a posterior, in stars.

    Parameters
    ----------
    user_samples, item_samples : arrays of shape (U, S D) and (I, S D), float16
        Row by row the factors and the bias of each sample, side by side.
    noise : array of shape (S,), float32
        Standard deviation of a rating around its prediction, in stars.
    calibration : Calibration
    n_ratings : array of shape (U,), int64
        Of the fitted users, which say what group they are in.
    priors : UserPriors or None
        What each sample expects of a user; None where only fitted users have samples.
    """

    user_samples: Float16Array
    item_samples: Float16Array
    noise: Float32Array
    calibration: Calibration
    n_ratings: Int64Array
    priors: UserPriors | None = None

    def posteriors(self, history: CSR) -> tuple[UserPosterior, ...] | None:
        """What the samples say of B people by their `history`; None where they expect nothing of a user."""
        if self.priors is None:
            return None
        return self.priors.posteriors(history, self.item_samples, self.noise)

    def spread(self, people: IntArray | Sequence[UserPosterior], item_index: Int32Array) -> RatingSpread:
        """The spread of ratings of items (B, k) by fitted users (B,), -1 for nobody, or by B others.

        Nothing is known of item -1, nor of somebody without a rating. How erratic the ratings of others are is
        not known either: as those of most.
        """
        if isinstance(people, np.ndarray):
            lengths = np.where(people >= 0, self.n_ratings[people], 0)
            stars = self._of_fitted(people, item_index)
        else:
            lengths = np.array([person.n_ratings for person in people], np.int64)
            stars = np.full(item_index.shape, np.nan)
            for person, items, row in zip(people, item_index, stars, strict=True):
                if person.n_ratings:
                    self._of_other(person, items, row)
        return RatingSpread(stars, self.calibration.groups(lengths), self.calibration)

    def _of_fitted(self, user_index: IntArray, item_index: Int32Array) -> Float64Array:
        users, items = np.repeat(user_index, item_index.shape[1]), item_index.ravel()
        known = (users >= 0) & (items >= 0)
        stars = np.full(len(users), np.nan)
        stars[known] = self._spread(users[known], items[known])
        return stars.reshape(item_index.shape)

    def _of_other(self, person: UserPosterior, items: Int32Array, stars: Float64Array) -> None:
        """Fill in what is known of the items (k,) of one person."""
        known = items >= 0
        if known.any():
            vectors = self.item_samples[items[known]].astype(np.float32)
            variance = person.variance(vectors.reshape(len(vectors), len(self.noise), -1))
            stars[known] = np.sqrt(variance + self._noise) * self.calibration.item_scale[items[known]]

    @property
    def _noise(self) -> float:
        """Mean variance of a rating around its prediction, in stars squared."""
        return float(np.square(self.noise.astype(np.float64)).mean())

    def _spread(self, user_index: IntArray, item_index: IntArray) -> Float64Array:
        """The standard deviation of the rating of each pair of fitted users and items, shape (n,), in stars."""
        n_samples = len(self.noise)
        spread = np.empty(len(user_index))
        for start in range(0, len(spread), PAIRS_PER_BLOCK):
            block = slice(start, start + PAIRS_PER_BLOCK)
            shape = (len(user_index[block]), n_samples, -1)
            users = self.user_samples[user_index[block]].astype(np.float32).reshape(shape)  # (B, S, D)
            items = self.item_samples[item_index[block]].astype(np.float32).reshape(shape)
            scores = np.einsum("bsd,bsd->bs", users[:, :, :-1], items[:, :, :-1])
            scores += users[:, :, -1] + items[:, :, -1]
            spread[block] = np.sqrt(scores.var(axis=1, dtype=np.float64) + self._noise)
        scale = self.calibration.user_scale[user_index] * self.calibration.item_scale[item_index]
        return spread * scale.astype(np.float64)
