"""What is known of each item and user, and the vectors that a model has of items."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from tastemap.data import Dataset
from tastemap.errors import InvalidValueError
from tastemap.linalg.types import Float32Array, Int64Array, IntArray
from tastemap.models.base import Model
from tastemap.models.factor import FactorModel
from tastemap.models.network import Network
from tastemap.models.recommender import Recommender

OTHER = "other"
"""The genre of items that have none of the frequent ones."""
N_GENRES = 7
"""Genres that can be told apart by color and shape."""


def item_vectors(model: Model) -> Float32Array | None:
    """Vectors of items, shape (I, d), as far as the model has any: factors, or the inputs of a network.

    Item-to-item weights are no vectors: they have as many columns as there are items.
    """
    if isinstance(model, Network):
        return model.item_inputs
    if isinstance(model, FactorModel) and model.n_factors:
        return model.item_factors
    return None


def vectors_or_raise(recommender: Recommender) -> Float32Array:
    """:func:`item_vectors`; InvalidValueError where there are none."""
    vectors = item_vectors(recommender.model)
    if vectors is None:
        raise InvalidValueError(
            f"recommender must have item vectors. Got {recommender.name}, which has none; "
            "fit als, ials, dot, mlp or softmax instead."
        )
    return vectors


def item_biases(model: Model) -> Float32Array | None:
    """Biases of items, shape (I,); None for a model that has none or whose biases are all 0."""
    if isinstance(model, FactorModel) and model.item_bias.any():
        return model.item_bias
    return None


def item_statistics(dataset: Dataset) -> pl.DataFrame:
    """How often and how each item was rated.

    *Stability: experimental.*

    Returns
    -------
    DataFrame of I rows, in index order
        ``item_id, title`` (the id as text where the catalog has no title), ``genres`` (a list, null where
        none are known), ``genre`` (one of the seven most frequent ones, or ``other``: see
        :func:`main_genres`), ``popularity`` and ``mean_rating`` (null for implicit feedback).
    """
    data = dataset.interactions
    catalog = dataset.catalog.aligned(data.items)
    ids = catalog["item_id"].cast(pl.String)
    titles = catalog["title"].fill_null(ids) if "title" in catalog.columns else ids
    return pl.DataFrame(
        [
            catalog["item_id"],
            titles.rename("title"),
            _genres(catalog),
            main_genres(_genres(catalog)),
            pl.Series("popularity", data.popularity),
            _means(data.values, data.item_index, data.popularity, is_rated=not data.is_implicit),
        ]
    )


def user_statistics(dataset: Dataset) -> pl.DataFrame:
    """How often and how each user rated; after ``user_id, n_ratings, mean_rating`` the features of users.

    *Stability: experimental.* One row a user who has interactions, in index order; ``mean_rating`` is null
    for implicit feedback.
    """
    data = dataset.interactions
    counts = data.by_user.row_lengths.astype(np.int64)
    frame = pl.DataFrame(
        [
            data.users.ids.rename("user_id"),
            pl.Series("n_ratings", counts),
            _means(data.values, data.user_index, counts, is_rated=not data.is_implicit),
        ]
    ).filter(pl.col("n_ratings") > 0)
    if dataset.user_features is None:
        return frame
    features = dataset.user_features.drop("n_ratings", "mean_rating", strict=False)
    return frame.join(features, on="user_id", how="left", maintain_order="left")


def most_rated(dataset: Dataset, k: int = 10) -> pl.DataFrame:
    """The `k` items with the most ratings, of equal ones the lower index first."""
    return item_statistics(dataset).sort("popularity", descending=True, maintain_order=True).head(k)


def best_rated(dataset: Dataset, k: int = 10, *, more_than: int = 20) -> pl.DataFrame:
    """The `k` items with the highest mean among those with more than `more_than` ratings."""
    often = item_statistics(dataset).filter(
        pl.col("popularity") > more_than, pl.col("mean_rating").is_not_null()
    )
    return often.sort("mean_rating", descending=True, maintain_order=True).head(k)


def genre_counts(dataset: Dataset) -> pl.DataFrame:
    """``genre, n_items`` over the whole catalog, most frequent first; an item counts for each of its genres."""
    genres = _genres(dataset.catalog.frame).explode().drop_nulls()
    counts = genres.rename("genre").value_counts(name="n_items").with_columns(pl.col("n_items").cast(pl.Int64))
    return counts.sort(["n_items", "genre"], descending=[True, False])


def main_genres(genres: pl.Series) -> pl.Series:
    """One genre for each item, to color it by, from its list of genres.

    Of an item's genres that are among the `N_GENRES` most frequent it is the rarest, which says most; items
    that have none of these are `OTHER`.
    """
    counts = genres.explode().drop_nulls().value_counts(name="n", sort=False)
    order = counts.sort(["n", genres.name], descending=[True, False])[genres.name].to_list()[:N_GENRES]
    rank = {genre: place for place, genre in enumerate(order)}

    def main(of_item: Sequence[str] | None) -> str:
        places = [rank[genre] for genre in of_item or () if genre in rank]
        return order[max(places)] if places else OTHER

    return pl.Series("genre", [main(of_item) for of_item in genres.to_list()], dtype=pl.String)


def most_popular(recommender: Recommender, n: int | None) -> Int64Array:
    """Indices of the `n` most popular items (None: of all), of equal ones the lower index first."""
    popularity = recommender.train.interactions.popularity
    order: Int64Array = np.argsort(-popularity, kind="stable")[: len(popularity) if n is None else n]
    return order


def _genres(catalog: pl.DataFrame) -> pl.Series:
    if "genres" in catalog.columns and catalog["genres"].dtype == pl.List(pl.String):
        return catalog["genres"]
    return pl.Series("genres", [None] * len(catalog), dtype=pl.List(pl.String))


def _means(values: Float32Array, index: IntArray, counts: Int64Array, *, is_rated: bool) -> pl.Series:
    if not is_rated:
        return pl.Series("mean_rating", [None] * len(counts), dtype=pl.Float64)
    sums = np.bincount(index, weights=values, minlength=len(counts))
    means = np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)
    return pl.Series("mean_rating", means, nan_to_null=True)
