r"""One sweep of the sampler of ``gibbs``: draw all that is unknown from its conditional distribution, in turn.

The model and its symbols are in :mod:`tastemap.models.gibbs`. Ratings are in units of their standard deviation,
less their mean. A side is the users or the items; its rows θ are ``[factors, bias]``, D = d + 1 columns.
Big work (rows, products with features) runs in blocks of rows; all random numbers come from one generator, in
one order, before the blocks start, so that the number of threads does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tastemap.linalg.csr import CSR
from tastemap.linalg.gramian import gramian
from tastemap.linalg.posterior import draw_rows
from tastemap.linalg.types import Float32Array, Float64Array
from tastemap.models.side_features import SideFeatures

MEAN_WEIGHT = 1.0
"""β0: how many rows at zero the prior of the mean counts for."""
FIRST_PENALTY = 3.0
"""λ before the first sweep: features come in little by little. A weak penalty at once ends in a worse place."""
INIT_STD = 0.1
"""Standard deviation of the first factors, in standard deviations of the ratings."""


@dataclass(frozen=True, eq=False)
class Side:
    """A draw of all that belongs to one side of n rows.

    Parameters
    ----------
    rows : array of shape (n, D), float32
        θ: factors, and the bias in the last column.
    mean : array of shape (D,), float64
        m.
    precision : array of shape (D, D), float64
        Λ.
    weights : tuple of arrays of shape (r, D), float64
        γ of each block of features.
    penalties : tuple of float
        λ of each block.
    effects : tuple of arrays of shape (n, D), float64
        What each block adds to the prior means of the rows: ``P (s γ)``.
    """

    rows: Float32Array
    mean: Float64Array
    precision: Float64Array
    weights: tuple[Float64Array, ...]
    penalties: tuple[float, ...]
    effects: tuple[Float64Array, ...]

    @property
    def prior_means(self) -> Float64Array:
        """The mean m plus the effects of features, shape (n, D)."""
        return sum(self.effects, np.tile(self.mean, (len(self.rows), 1)))

    def as_columns(self) -> tuple[Float32Array, Float32Array]:
        """What the rows are to the other side: ``[factors, 1]`` (n, D), and the biases (n,) as offsets."""
        vectors, bias = self.rows.copy(), self.rows[:, -1].copy()
        vectors[:, -1] = 1.0
        return vectors, bias


def first_side(n: int, n_factors: int, blocks: Sequence[SideFeatures], rng: np.random.Generator) -> Side:
    """Small random factors; nothing else is known yet."""
    d = n_factors + 1
    rows = np.zeros((n, d), np.float32)
    rows[:, :n_factors] = rng.normal(0.0, INIT_STD, (n, n_factors))
    return Side(
        rows,
        np.zeros(d),
        np.eye(d),
        tuple(np.zeros((len(block.singular), d)) for block in blocks),
        (FIRST_PENALTY,) * len(blocks),
        (np.zeros((n, d)),) * len(blocks),
    )


def draw_side(
    ratings: CSR,
    side: Side,
    other: Side,
    blocks: Sequence[SideFeatures],
    noise_precision: float,
    rng: np.random.Generator,
) -> tuple[Side, float]:
    """Draw the prior of a side given its rows, then its rows given the prior, the ratings and the other side.

    Returns the side and the sum of squared residuals under it.
    """
    side = draw_prior(side, blocks, rng)
    vectors, offsets = other.as_columns()
    normals = rng.standard_normal(side.rows.shape, np.float32)
    rows, squares = draw_rows(
        ratings, vectors, offsets, noise_precision, side.prior_means, side.precision, normals
    )
    return replace(side, rows=rows), max(float(squares.sum()), 0.0)


def draw_noise_precision(n_ratings: int, squares: float, rng: np.random.Generator) -> float:
    """α given the residuals, with the prior Gamma(1, 1)."""
    return float(rng.gamma(1.0 + 0.5 * n_ratings) / (1.0 + 0.5 * squares))


def draw_prior(side: Side, blocks: Sequence[SideFeatures], rng: np.random.Generator) -> Side:
    """Draw m and Λ together, then γ and λ of each block of features."""
    rows = side.rows.astype(np.float64)
    mean, root = draw_normal_wishart(side, rows - sum(side.effects, np.zeros(rows.shape)), rng)
    spread = np.linalg.inv(root).T  # spread spread' = Λ^-1
    mean = mean + spread @ rng.standard_normal(len(mean)) / np.sqrt(len(rows) + MEAN_WEIGHT)
    weights, penalties, effects = list(side.weights), list(side.penalties), list(side.effects)
    for number, block in enumerate(blocks):
        others = sum((effects[k] for k in range(len(blocks)) if k != number), np.zeros(rows.shape))
        rest = block.project(rows - mean - others)  # (r, D)
        # Columns of P are orthonormal: γ_k ~ N(s_k (P'R)_k / (s_k^2 + λ), Λ^-1 / (s_k^2 + λ))
        total = (block.singular**2 + penalties[number])[:, None]  # (r, 1)
        noise = rng.standard_normal(rest.shape) @ spread.T  # (r, D)
        weights[number] = block.singular[:, None] / total * rest + noise / np.sqrt(total)
        effects[number] = block.expand(block.singular[:, None] * weights[number])
        penalties[number] = _draw_penalty(weights[number], root, rng)
    return replace(
        side,
        mean=mean,
        precision=root @ root.T,
        weights=tuple(weights),
        penalties=tuple(penalties),
        effects=tuple(effects),
    )


def draw_normal_wishart(
    side: Side, rest: Float64Array, rng: np.random.Generator
) -> tuple[Float64Array, Float64Array]:
    """The posterior mean of m (D,), and a root (D, D) of a draw of Λ with m integrated out: ``root root' = Λ``.

    Salakhutdinov and Mnih 2008, equation 14, with W0 = I and ν0 = D; γ has rows of covariance (λ Λ)^-1, so
    they count as further observations of Λ (Simm et al. 2017).
    """
    n, d = rest.shape
    mean = rest.sum(axis=0) / (n + MEAN_WEIGHT)
    scatter = np.eye(d) + gramian(rest) - (n + MEAN_WEIGHT) * np.outer(mean, mean)
    degrees = d + n
    for weights, penalty in zip(side.weights, side.penalties, strict=True):
        scatter += penalty * gramian(weights)
        degrees += len(weights)
    # Bartlett: with C C' = W^-1 and A lower triangular, C A A' C' ~ Wishart(ν, W^-1)
    A = np.tril(rng.standard_normal((d, d)), -1)
    A[np.diag_indices(d)] = np.sqrt(rng.chisquare(degrees - np.arange(d)))
    return mean, np.linalg.inv(np.linalg.cholesky(scatter)).T @ A


def _draw_penalty(weights: Float64Array, root: Float64Array, rng: np.random.Generator) -> float:
    """λ given γ and Λ, with the prior Gamma(1, 1)."""
    squares = float(np.square(weights @ root).sum())  # trace of γ Λ γ'
    return float(rng.gamma(1.0 + 0.5 * weights.size) / (1.0 + 0.5 * squares))
