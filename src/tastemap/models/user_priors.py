r"""What each sample of a posterior says of somebody who came after the fit: a prior, and then a history.

Given the items of a sample, with vectors :math:`y_i` (a 1 in the last place, for the bias of the user) and
biases :math:`b_i`, a user is a linear regression of its own:

.. math::
    \theta \sim N(m + \tfrac{1}{\sqrt n} \textstyle\sum_{i \in S} \gamma^\top q_i,\ \Lambda^{-1}), \qquad
    r_i \sim N(\theta^\top y_i + b_i,\ \sigma^2), \quad i \in S.

The posterior is normal, with the precision :math:`\Lambda + \sigma^{-2} \sum_S y_i y_i^\top`. A prediction for
such a user varies by what the means of the samples differ in, and by what each sample does not know of θ (the
law of total variance), so nothing has to be drawn: the same history gives the same spread.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tastemap.linalg.csr import CSR
from tastemap.linalg.threads import single_threaded_blas
from tastemap.linalg.types import Float32Array, Float64Array, Int32Array

Float16Array = NDArray[np.float16]

ENTRIES_AT_ONCE = 512


@dataclass(frozen=True, eq=False)
class UserPosterior:
    """What S samples say of one person.

    Parameters
    ----------
    means : array of shape (S, D), float64
        Of θ = [factors, bias], in stars.
    covariances : array of shape (S, D, D), float64
    n_ratings : int
        Entries of the history.
    """

    means: Float64Array
    covariances: Float64Array
    n_ratings: int

    def variance(self, items: Float32Array) -> Float64Array:
        """Of the predictions of k items, shape (k,), for their samples of shape (k, S, D), in stars squared.

        O(k S D^2).
        """
        vectors, biases = _vectors(items)  # (S, k, D), (S, k)
        with single_threaded_blas():
            scores = (vectors @ self.means[:, :, None])[:, :, 0] + biases  # (S, k)
            within = np.sum((vectors @ self.covariances) * vectors, axis=2)  # (S, k)
        variance: Float64Array = scores.var(axis=0) + within.mean(axis=0)
        return variance


@dataclass(frozen=True, eq=False)
class UserPriors:
    """What S samples expect of a user, in stars; see the formula above.

    Parameters
    ----------
    means : array of shape (S, D), float32
        m, with the mean rating in the bias.
    precisions : array of shape (S D, D), float32
        Λ of each sample, one below the other.
    directions : array of shape (I, r), float16
        q of each item; r is 0 where a history says nothing by the items in it.
    weights : array of shape (r, S D), float16
        γ of each sample, side by side.
    """

    means: Float32Array
    precisions: Float32Array
    directions: Float16Array
    weights: Float16Array

    def posteriors(
        self, history: CSR, item_samples: Float16Array, noise: Float32Array
    ) -> tuple[UserPosterior, ...]:
        """What follows for each row of `history` (B, I); O(S (n D^2 + D^3)) for one of n entries."""
        return tuple(self._posterior(*history.row(row), item_samples, noise) for row in range(history.n_rows))

    def _posterior(
        self, index: Int32Array, ratings: Float32Array, item_samples: Float16Array, noise: Float32Array
    ) -> UserPosterior:
        n_samples, d = self.means.shape
        prior = self.means.astype(np.float64)
        with single_threaded_blas():
            if len(index):
                bag = self.directions[index].sum(axis=0, dtype=np.float64) / np.sqrt(len(index))  # (r,)
                prior = prior + (bag @ self.weights.astype(np.float64)).reshape(n_samples, d)
            systems = self.precisions.astype(np.float64).reshape(n_samples, d, d)
            right = (systems @ prior[:, :, None])[:, :, 0]  # (S, D)
            alpha = 1.0 / np.square(noise.astype(np.float64))[:, None]  # (S, 1)
            for start in range(0, len(index), ENTRIES_AT_ONCE):
                part = slice(start, start + ENTRIES_AT_ONCE)
                items = item_samples[index[part]].astype(np.float32)
                vectors, biases = _vectors(items.reshape(len(items), n_samples, d))
                turned = vectors.transpose(0, 2, 1)  # (S, D, n)
                systems = systems + alpha[:, :, None] * (turned @ vectors)
                targets = ratings[part] - biases  # (S, n)
                right += alpha * (turned @ targets[:, :, None])[:, :, 0]
            covariances = np.linalg.inv(systems).astype(np.float64, copy=False)
            means: Float64Array = (covariances @ right[:, :, None])[:, :, 0]
        return UserPosterior(means, covariances, len(index))


def _vectors(items: Float32Array) -> tuple[Float64Array, Float64Array]:
    """``[factors, 1]`` and the biases of n items in each sample, (S, n, D) and (S, n), from (n, S, D)."""
    vectors = items.transpose(1, 0, 2).astype(np.float64)
    biases = vectors[:, :, -1].copy()
    vectors[:, :, -1] = 1.0
    return vectors, biases
