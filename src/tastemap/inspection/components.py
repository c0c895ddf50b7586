"""The strongest directions among item vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from tastemap.errors import InvalidValueError
from tastemap.inspection.items import item_statistics, most_popular, vectors_or_raise
from tastemap.linalg.threads import single_threaded_blas
from tastemap.linalg.types import FloatArray
from tastemap.models.recommender import Recommender, check_recommender


@dataclass(frozen=True, eq=False)
class Components:
    """Items along principal components.

    Parameters
    ----------
    frame : DataFrame
        ``item_id, title, genres, genre, popularity, mean_rating`` and ``component_1``, ``component_2`` …,
        most popular item first.
    explained : tuple of float
        The share of the vectors' variance along each component, falling.
    """

    frame: pl.DataFrame
    explained: tuple[float, ...]

    @property
    def names(self) -> list[str]:
        """The columns of the components."""
        return [f"component_{number}" for number in range(1, len(self.explained) + 1)]


def principal_components(
    recommender: Recommender, *, n_components: int = 4, n_items: int | None = 1000
) -> Components:
    """Item vectors along the directions in which they differ most.

    *Stability: experimental.*

    Parameters
    ----------
    recommender : Recommender
        With item vectors.
    n_components : int
        Components, >= 1; fewer are found where there are fewer items or factors.
    n_items : int or None
        The most popular items, whose components these are; None: all. Vectors of rare items are mostly noise.

    Raises
    ------
    InvalidValueError
        For a model without item vectors, n_components < 1 or fewer than two items.

    Notes
    -----
    O(n d^2). A component has no sign of its own: here its largest loading is positive.
    """
    check_recommender(recommender)
    if n_components < 1:
        raise InvalidValueError(f"n_components must be >= 1. Got {n_components}.")
    chosen = most_popular(recommender, n_items)
    if len(chosen) < 2:
        raise InvalidValueError(f"n_items must leave at least two items. Got {len(chosen)}; take more.")
    projected, shares = project(vectors_or_raise(recommender)[chosen], n_components)
    columns = [pl.Series(f"component_{number}", column) for number, column in enumerate(projected.T, start=1)]
    frame = item_statistics(recommender.train)[chosen]
    return Components(frame.with_columns(columns), tuple(shares.tolist()))


def project(vectors: FloatArray, n_components: int) -> tuple[FloatArray, FloatArray]:
    """Coordinates (n, c) along the first c principal components, and their shares of the variance (c,)."""
    centered = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)  # (n, d)
    with single_threaded_blas():
        # centered = U S V'; the coordinates along V are U S
        left, lengths, right = np.linalg.svd(centered, full_matrices=False)
    left, lengths, right = left[:, :n_components], lengths[:n_components], right[:n_components]
    largest = right[np.arange(len(right)), np.abs(right).argmax(axis=1)]  # (c,)
    signs = np.where(largest < 0.0, -1.0, 1.0)
    total = float((centered**2).sum()) or 1.0
    return left * lengths * signs, lengths**2 / total
