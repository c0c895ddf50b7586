r"""The problem of B users with the item side fixed, and how its minimum is found.

The loss is that of :mod:`tastemap.models.user_loss`. Where the link is linear the minimum is one ridge solve;
another link is handled by Gauss-Newton steps, each a ridge solve.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np

from tastemap.linalg.conjugate import improve_rows
from tastemap.linalg.csr import CSR, row_numbers
from tastemap.linalg.ridge import RidgeRows, ridge_rows
from tastemap.linalg.ridge_split import ridge_split
from tastemap.linalg.types import Float32Array, Float64Array, FloatArray, Int32Array, IntArray
from tastemap.models.base import Link

if TYPE_CHECKING:
    from tastemap.models.user_loss import UserLoss

GAUSS_NEWTON_STEPS = 10
CONVERGED = 1e-5
"""A step whose largest coordinate is below this is the last one."""
SMALLEST_SLOPE = 1e-3
"""Floor for the link's derivative: a saturated sigmoid says nothing and must not divide by zero."""


V = TypeVar("V", Float32Array, Float64Array)


@dataclass(frozen=True, eq=False)
class Rows:
    """Factors (n, d) and biases (n,), float32, of users or items."""

    factors: Float32Array
    bias: Float32Array


@dataclass(frozen=True, eq=False)
class UserProblem:
    """The loss for B histories at once.

    Parameters
    ----------
    loss, link
        Of the model.
    history : CSR of shape (B, I)
        What the users are solved for, all of it: `loss.positive_min` has been applied.
    weights : array of shape (nnz,), float
        The confidence of each entry.
    row_penalty : array of shape (B,), float64
        The penalty on the factors of each user.
    offset : array of shape (nnz,), float, or float
        What the score of each entry is without the user's side.
    item_factors : array of shape (I, d), float32
    item_moments : array of shape (d + 2, d + 2) or None
        As :func:`tastemap.linalg.gramian.moments`; needed only if ``loss.unobserved_weight`` is not zero.
    """

    loss: UserLoss
    link: Link
    history: CSR
    weights: FloatArray
    row_penalty: Float64Array
    offset: FloatArray | float
    item_factors: Float32Array
    item_moments: Float64Array | None

    def solve(self) -> tuple[Float32Array, Float32Array]:
        """The minimiser: factors (B, d) and biases (B,), float32. O(nnz d^2 + B d^3) a step."""
        if self.link.kind == "sigmoid":
            return self.parts(self._gauss_newton(self._targets()))
        return self.parts(self.minimum()[0])

    def minimum(self) -> tuple[Float32Array, Float64Array]:
        """Of a linear link: the minimiser (B, p), bias last where there is one, and each row's loss there (B,).

        The loss is without what nothing of the row's own could change: α0 times the sum of squared offsets.
        """
        return ridge_rows(self._ridge(self.weights, self._working_targets()))

    def improved(self, start: Float32Array, n_steps: int) -> tuple[Float32Array, Float64Array]:
        """Of a linear link, without a bias: some steps nearer to the minimum than `start`."""
        return improve_rows(self._ridge(self.weights, self._working_targets()), start, n_steps)

    def parts(self, solved: Float32Array) -> tuple[Float32Array, Float32Array]:
        """Factors (B, d) and biases (B,) of rows of (B, p)."""
        if self.loss.bias_regularization is None:
            return solved, np.zeros(len(solved), np.float32)
        d = self.item_factors.shape[1]
        return np.ascontiguousarray(solved[:, :d]), np.ascontiguousarray(solved[:, d])

    def split(self, item_vectors: Float32Array) -> tuple[Float64Array, Float64Array]:
        """What nothing of a single history and what each entry of it adds to ``b + x'y`` of k items.

        The minimiser is linear in the (working) targets: :func:`tastemap.linalg.ridge_split.ridge_split`.
        With a sigmoid the targets are those of the last Gauss-Newton step.

        Parameters
        ----------
        item_vectors : array of shape (k, d), float32

        Returns
        -------
        (rest, values) : arrays of shape (k,) and (k, s), float64
        """
        weights, targets = self.weights, self._working_targets()
        if self.link.kind == "sigmoid":
            solved = self._gauss_newton(self._targets())
            side = self._side(solved, np.zeros(len(self.history.indices), np.int32))
            weights, targets = self._linearized(self._targets(), side)
        vectors = item_vectors.astype(np.float64)
        if self.loss.bias_regularization is not None:
            vectors = with_ones(vectors)
        return ridge_split(self._ridge(weights, targets), vectors)

    @cached_property
    def _features(self) -> tuple[Float32Array, Int32Array]:
        """Vectors, with a 1 for the bias where there is one, and the place of each entry's vector, (nnz,)."""
        vectors, place = self.item_factors, self.history.indices
        if self.loss.bias_regularization is None:
            return vectors, place
        if len(place) < len(vectors):  # a few histories need no copy of all items
            vectors, place = vectors[place], np.arange(len(place), dtype=np.int32)
        return with_ones(vectors), place

    def _targets(self) -> FloatArray:
        return self.loss.targets(self.history.values)

    def _working_targets(self) -> FloatArray:
        """What is left of the targets for the user's side; without a copy where the offset is nothing."""
        targets = self._targets()
        return targets if isinstance(self.offset, float) and not self.offset else targets - self.offset

    def _diagonal(self, row_penalty: Float64Array) -> Float64Array:
        """The penalties of rows, (B,), by coordinate, (B, p): the bias has none of its row's own."""
        penalized = np.arange(self._features[0].shape[1]) < self.item_factors.shape[1]
        diagonal: Float64Array = row_penalty[:, None] * penalized
        return diagonal

    @cached_property
    def _shared(self) -> tuple[Float64Array, Float64Array]:
        return self.loss.shared(self.item_moments, self.item_factors.shape[1])

    def _ridge(self, weights: FloatArray, targets: FloatArray) -> RidgeRows:
        features, place = self._features
        history = CSR(self.history.indptr, place, self.history.values, len(features))
        return RidgeRows(
            history, weights, targets, features, *self._shared, self.row_penalty, self.item_factors.shape[1]
        )

    def _linearized(self, targets: FloatArray, side: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Weights and targets of the ridge problem that touches the loss at the current user side."""
        score = self.offset + side
        slope = np.maximum(self.link.slope(score), SMALLEST_SLOPE)
        # f(s + ds) ~ f(s) + f'(s) ds, so c (t - f)^2 becomes c f'^2 (ds - (t - f) / f')^2
        return self.weights * slope**2, side + (targets - self.link.apply(score)) / slope

    def _gauss_newton(self, targets: FloatArray) -> Float32Array:
        """At most ten steps from zero; a user's step is halved until the user's loss falls.

        A user stays put once converged, whatever the others do: the same bits alone and in any batch.
        """
        rows = row_numbers(self.history.indptr)
        current = np.zeros((self.history.n_rows, self._features[0].shape[1]), np.float32)
        loss = self._loss(current, rows, targets)
        active = np.ones(len(current), np.bool_)
        for _ in range(GAUSS_NEWTON_STEPS):
            side = self._side(current, rows)
            proposed, _ = ridge_rows(self._ridge(*self._linearized(targets, side)))
            for _ in range(4):
                proposed_loss = self._loss(proposed, rows, targets)
                worse = proposed_loss > loss
                if not worse.any():
                    break
                proposed[worse] = 0.5 * (proposed[worse] + current[worse])
            moved = active & (proposed_loss <= loss)
            active = moved & (np.abs(proposed - current).max(axis=1, initial=0.0) >= CONVERGED)
            current[moved], loss[moved] = proposed[moved], proposed_loss[moved]
            if not active.any():
                break
        return current

    def _side(self, solved: Float32Array, rows: IntArray) -> Float64Array:
        """``b + x'y`` of every entry, shape (nnz,)."""
        features, place = self._features
        side: Float64Array = np.einsum("nd,nd->n", solved[rows], features[place], dtype=np.float64)
        return side

    def _loss(self, solved: Float32Array, rows: IntArray, targets: FloatArray) -> Float64Array:
        """The loss of every user, shape (B,)."""
        residual = targets - self.link.apply(self.offset + self._side(solved, rows))
        fit = np.bincount(rows, weights=self.weights * residual**2, minlength=len(solved))
        x, (common, pull) = solved.astype(np.float64), self._shared
        loss: Float64Array = fit + (self._diagonal(self.row_penalty) * x**2).sum(axis=1)
        loss += ((x @ common - 2.0 * pull) * x).sum(axis=1)
        return loss


def with_ones(vectors: V) -> V:
    """Vectors of shape (n, d) with a last coordinate of 1 for the bias, (n, d + 1)."""
    found = np.ones((len(vectors), vectors.shape[1] + 1), vectors.dtype)  # half the time of `np.hstack`
    found[:, :-1] = vectors
    return cast(V, found)
