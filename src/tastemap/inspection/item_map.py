"""A map of items: neighbors among the vectors lie near each other in the plane."""

from __future__ import annotations

import contextlib
import io
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from tastemap.errors import InvalidValueError, MissingExtraError
from tastemap.inspection.components import project
from tastemap.inspection.items import item_statistics, most_popular, vectors_or_raise
from tastemap.linalg.cosine import row_norms
from tastemap.linalg.csr import empty_rows
from tastemap.linalg.threads import map_blocks, single_threaded_blas, single_threaded_openmp
from tastemap.linalg.top_k import top_k
from tastemap.linalg.types import Float32Array, FloatArray
from tastemap.models.recommender import Recommender, check_recommender
from tastemap.progress import SILENT, Progress
from tastemap.rng import Rng, seed_of

PERPLEXITY = 40.0
FEWEST_ITEMS = 5
LARGEST_MAP = 10_000
"""Items on a map: more take minutes to lay out, and cannot be told apart by eye."""
N_STEPS = 400
N_NEAREST = 5
BLOCK = 512
"""Rows that are compared with all places at once."""


@dataclass(frozen=True, eq=False)
class ItemMap:
    """Items in the plane.

    Parameters
    ----------
    frame : DataFrame
        ``item_id, title, genres, genre, popularity, mean_rating, x, y``, most popular item first.
    method : str
        ``t-SNE``, or ``PCA`` where there are too few items.
    notes : tuple of str
        What a person should know of it.
    """

    frame: pl.DataFrame
    method: str
    notes: tuple[str, ...] = ()


def item_map(
    recommender: Recommender, *, n_items: int = LARGEST_MAP, rng: Rng = 0, progress: Progress = SILENT
) -> ItemMap:
    """Lay items out by t-SNE, by the cosine of their vectors.

    *Stability: experimental.*

    Parameters
    ----------
    recommender : Recommender
        With item vectors.
    n_items : int
        At most so many items, the most popular ones, 2 to 10,000.
    rng : int, Generator or None
        The same seed gives the same map, at any number of threads.
    progress : Progress
        Told every fifty steps.

    Raises
    ------
    InvalidValueError
        For a model without item vectors, or `n_items` out of range.
    MissingExtraError
        Without scikit-learn, which the extra ``explore`` brings.

    Notes
    -----
    Perplexity 40 (a third of the items if they are fewer than 120), early exaggeration 10, first positions
    from the principal components, 400 steps. About O(n log n): seconds for 2,000 items, minutes for 10,000.
    Items without a vector (all zeros) are left out and counted. Distances across the map, and the sizes of
    groups, mean little: see van der Maaten and Hinton, "Visualizing data using t-SNE", JMLR 2008.
    """
    check_recommender(recommender)
    if not 2 <= n_items <= LARGEST_MAP:
        raise InvalidValueError(f"n_items must be from 2 to {LARGEST_MAP:,}. Got {n_items}.")
    chosen = most_popular(recommender, n_items)
    vectors = vectors_or_raise(recommender)
    has_vector = vectors[chosen].any(axis=1)
    notes = []
    if len(chosen) < len(vectors):
        notes.append(f"The {len(chosen):,} most popular of {len(vectors):,} items.")
    if not has_vector.all():
        notes.append(f"Left out: {int((~has_vector).sum()):,} items whose vector is zero.")
    chosen = chosen[has_vector]
    frame = item_statistics(recommender.train)[chosen]
    if len(chosen) < FEWEST_ITEMS:
        notes.append(f"Too few items for t-SNE, {len(chosen)}; the map shows their first principal components.")
        places, method = plane(vectors[chosen]), "PCA"
    else:
        places, method = lay_out(vectors[chosen], rng=rng, progress=progress), "t-SNE"
    x, y = pl.Series("x", places[:, 0]), pl.Series("y", places[:, 1])
    return ItemMap(frame.with_columns(x, y), method, tuple(notes))


def plane(vectors: Float32Array) -> FloatArray:
    """The first two principal components, (n, 2); zeros where there are none. O(n d^2)."""
    places = np.zeros((len(vectors), 2))
    if len(vectors):
        projected, _ = project(vectors, 2)
        places[:, : projected.shape[1]] = projected
    return places


def settle(vectors: Float32Array, places: FloatArray) -> FloatArray:
    """Places for all rows of `vectors` (n, d), of which the first m have theirs in `places` (m, 2).

    A row without a place comes to lie among its nearest neighbors that have one: at the median of the places of
    the five nearest by cosine. O((n - m) m d): seconds for 50,000 rows and 10,000 places.
    """
    n_placed = len(places)
    lengths = np.maximum(row_norms(vectors), np.finfo(np.float32).tiny).astype(np.float32)
    unit: Float32Array = vectors / lengths[:, None]  # (n, d)
    every = empty_rows(BLOCK, n_placed)

    def block(start: int, stop: int) -> FloatArray:
        scores: Float32Array = unit[n_placed + start : n_placed + stop] @ unit[:n_placed].T  # (b, m)
        rows = every.indptr[: stop - start + 1]
        allowed = np.ones(n_placed, bool)
        near = top_k(scores, N_NEAREST, seen_indptr=rows, seen_indices=every.indices, allowed=allowed)
        medians: FloatArray = np.median(places[near], axis=1)
        return medians

    with single_threaded_blas():
        settled = map_blocks(block, len(vectors) - n_placed, BLOCK)
    return np.concatenate([places, *settled])


class _Steps(io.StringIO):
    """Hears what scikit-learn prints of its steps: it has no other way to say how far it is."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def write(self, text: str) -> int:
        """Pass on the number of a step."""
        found = re.search(r"Iteration (\d+)", text)
        if found:
            self._progress.step("laying out items", int(found[1]), N_STEPS, {})
        return len(text)


def lay_out(vectors: Float32Array, *, rng: Rng = 0, progress: Progress = SILENT) -> FloatArray:
    """Places of `vectors` (n, d) by t-SNE, (n, 2), as :func:`item_map` describes it; n >= `FEWEST_ITEMS`.

    While it runs, what the process prints is read for the steps that are over, and not shown.

    Raises
    ------
    MissingExtraError
        Without scikit-learn.
    """
    # One thread: small steps are quicker so, and their sums have one order.
    start = plane(vectors)
    spread = start[:, 0].std()
    # the size from which the method is meant to start
    start *= 1e-4 / spread if spread else 1.0
    n = len(vectors)
    tsne = _estimator()(
        n_components=2,
        perplexity=min(PERPLEXITY, (n - 1) / 3),
        early_exaggeration=10.0,
        max_iter=N_STEPS,
        init=start.astype(np.float32),
        metric="cosine",
        random_state=seed_of(rng) % 2**32,
        verbose=2,
    )
    with single_threaded_openmp(), contextlib.redirect_stdout(_Steps(progress)):
        places: FloatArray = tsne.fit_transform(vectors)
    return places


def _estimator() -> Any:
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise MissingExtraError(
            "A map of items needs scikit-learn, which is not installed. Run: pip install 'tastemap[explore]'",
            extra="explore",
            missing="sklearn",
        ) from error
    return TSNE
