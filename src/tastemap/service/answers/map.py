"""Items in the plane: what is known of each, by columns, and where a layout has put them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from tastemap.data import Id
from tastemap.inference.similar import MIN_COMMON_USERS
from tastemap.inspection.item_map import plane
from tastemap.inspection.items import OTHER, item_biases, item_statistics, item_vectors, most_popular
from tastemap.linalg.types import FloatArray, Int64Array
from tastemap.models.recommender import Recommender
from tastemap.service.answers import items
from tastemap.service.live.serving import Serving

Fields = dict[str, Any]

LABELS = {"tsne": "Neighborhoods", "pca": "Main directions"}
N_NEAR = 10
DIGITS = 5
"""Decimals of a place from 0 to 1: a hundredth of a pixel of a whole map."""


def on_map(recommender: Recommender) -> Int64Array:
    """Indices of the items that have a vector to be placed by, the most popular first; none without vectors."""
    vectors = item_vectors(recommender.model)
    order = most_popular(recommender, None)
    return order[:0] if vectors is None else order[vectors[order].any(axis=1)]


def columns(recommender: Recommender, chosen: Int64Array) -> Fields:
    """What is known of `chosen` items, a list a column, in their order.

    Returns
    -------
    dict
        ``model, n_items, left_out`` (items that are not chosen: their vector is zero), ``genres`` (the main
        ones, in the order of ``items.genre``), ``named`` (all genres of an item as one text, by
        ``items.genres``) and ``items``: ``item_id, title, popularity``, and as far as the model and its data
        know them ``genre, genres, year, mean_rating, bias``, else null.
    """
    frame = item_statistics(recommender.train)[chosen]
    catalog, biases = recommender.catalog[chosen], item_biases(recommender.model)
    known: Fields = {
        "item_id": frame["item_id"].to_list(),
        "title": frame["title"].to_list(),
        "popularity": frame["popularity"].to_list(),
        "genre": None,
        "genres": None,
        "year": None,
        "mean_rating": None,
        "bias": None if biases is None else np.round(biases[chosen].astype(np.float64), 4).tolist(),
    }
    genres: list[str] = []
    named: list[str] = []
    if frame["genres"].null_count() < len(frame):
        genres = sorted(frame["genre"].unique().to_list(), key=lambda genre: (genre == OTHER, genre))
        texts = frame["genres"].list.join(", ").fill_null("")
        named = texts.unique().sort().to_list()
        known["genre"] = (
            frame["genre"].replace_strict(genres, range(len(genres)), return_dtype=pl.Int64).to_list()
        )
        known["genres"] = pl.Series(named).search_sorted(texts).to_list()
    if "year" in catalog.columns and catalog["year"].dtype.is_integer() and catalog["year"].count():
        known["year"] = catalog["year"].to_list()
    if frame["mean_rating"].count():
        known["mean_rating"] = frame["mean_rating"].round(3).to_list()
    n_items = len(recommender.items)
    left_out = n_items - len(chosen) if item_vectors(recommender.model) is not None else 0
    about = {"model": recommender.name, "n_items": n_items, "left_out": left_out}
    return {**about, "genres": genres, "named": named, "items": known}


def principal(recommender: Recommender) -> Fields:
    """The items along the first two principal components of their vectors; O(I d^2)."""
    vectors = item_vectors(recommender.model)
    chosen = on_map(recommender)
    if vectors is None or not len(chosen):
        return layout("pca", "absent", sentence=f"{recommender.name} has no item vectors to place items by.")
    said = (
        "Across and down lie the two ways in which tastes differ most: the main directions (PCA) of the "
        "vectors that the model has learned."
    )
    return layout("pca", "ready", sentence=said, places=plane(vectors[chosen]))


def layout(
    name: str,
    state: str,
    *,
    sentence: str,
    places: FloatArray | None = None,
    done: int = 0,
    total: int = 0,
) -> Fields:
    """A layout as it is sent: ``name, label, state, sentence, done, total, x, y``.

    The state is ``ready``, ``working`` (`done` of `total` steps are over), ``absent`` (there can be none) or
    ``failed``. Places lie in the unit square, which both axes share one scale of; x grows to the right and y
    downwards.
    """
    x, y = (None, None) if places is None else _in_square(places)
    said = {"state": state, "sentence": sentence, "done": done, "total": total}
    return {"name": name, "label": LABELS[name], **said, "x": x, "y": y}


def near(serving: Serving, item_id: Id) -> Fields:
    """The neighbors that a map marks: :func:`tastemap.service.answers.items.similar` by cosine.

    ``enough`` is the number of users in common below which a likeness may be chance.

    Raises
    ------
    UnknownItemError, InvalidValueError
        For an unknown item, or a model without item vectors.
    """
    found = items.similar(serving, item_id, "cosine", N_NEAR, MIN_COMMON_USERS)
    return {**found, "enough": items.ENOUGH_USERS}


def _in_square(places: FloatArray) -> tuple[list[float], list[float]]:
    low, high = places.min(axis=0), places.max(axis=0)
    span = float((high - low).max()) or 1.0
    inside = (places - (low + high) / 2) / span + 0.5
    x, y = np.round(inside.T.astype(np.float64), DIGITS).tolist()
    return x, y
