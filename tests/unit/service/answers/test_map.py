from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tastemap.errors import InvalidValueError, UnknownItemError
from tastemap.inference import similar_items
from tastemap.models.factor import FactorModel
from tastemap.models.recommender import Recommender
from tastemap.service.answers.map import DIGITS, columns, layout, near, on_map, principal
from tastemap.service.live.serving import Serving
from tastemap.training import fit
from tests.saved import factors_recommender, network_recommender, weights_recommender
from tests.toys import checkerboard, planted, with_features


def of_vectors(recommender: Recommender, vectors: np.ndarray) -> Recommender:
    """The same recommender with other factors of items."""
    model = recommender.model
    assert isinstance(model, FactorModel)
    return replace(recommender, model=replace(model, item_factors=vectors.astype(np.float32)))


@pytest.fixture(scope="module")
def als() -> Recommender:
    return fit(with_features(planted()), "als", settings={"n_factors": 3, "n_epochs": 2}, rng=0)


def test_columns_hold_what_the_data_and_the_model_know_the_most_popular_item_first(als: Recommender) -> None:
    found = columns(als, on_map(als))
    rows, items = als.train.interactions, found["items"]
    assert items["popularity"] == sorted(rows.popularity.tolist(), reverse=True)
    assert len(set(items["item_id"])) == found["n_items"] == rows.n_items
    index = [rows.items.index(item) for item in items["item_id"]]
    sums = np.bincount(rows.item_index, rows.values.astype(np.float64))
    assert items["mean_rating"] == pytest.approx((sums / rows.popularity)[index], abs=5e-4)
    assert isinstance(als.model, FactorModel)
    assert items["bias"] == pytest.approx(als.model.item_bias[index], abs=5e-5)
    catalog = als.train.catalog.frame
    assert items["year"] == catalog["year"][index].to_list()
    genres = [", ".join(of_item) for of_item in catalog["genres"][index].to_list()]
    assert [found["named"][place] for place in items["genres"]] == genres
    for place, of_item in zip(items["genre"], catalog["genres"][index].to_list(), strict=True):
        assert found["genres"][place] in (of_item or ["other"])
    assert found["genres"][-1] == "other"


def test_what_is_not_known_is_null() -> None:
    made = fit(checkerboard(), "ials", settings={"n_factors": 2, "n_epochs": 2}, rng=0)
    found = columns(made, on_map(made))
    assert found["genres"] == found["named"] == []
    for name in ("genre", "genres", "year", "mean_rating", "bias"):
        assert found["items"][name] is None, name
    assert found["items"]["title"] == [str(item) for item in found["items"]["item_id"]]


def test_years_that_are_all_unknown_are_null() -> None:
    made = factors_recommender()
    blank = made.train.catalog.frame.with_columns(year=pl.lit(None, pl.Int64))
    train = replace(made.train, catalog=replace(made.train.catalog, frame=blank))
    assert columns(replace(made, train=train), on_map(made))["items"]["year"] is None


def test_items_without_a_vector_are_left_out_and_counted() -> None:
    made = factors_recommender()
    assert isinstance(made.model, FactorModel)
    vectors = made.model.item_factors.copy()
    vectors[[0, 3]] = 0.0
    made = of_vectors(made, vectors)
    found = columns(made, on_map(made))
    assert sorted(found["items"]["item_id"]) == [2, 3, 5]
    assert (found["n_items"], found["left_out"]) == (5, 2)


def test_a_model_without_vectors_has_an_empty_map() -> None:
    made = weights_recommender()
    found = columns(made, on_map(made))
    assert found["items"]["item_id"] == []
    assert found["left_out"] == 0
    assert len(on_map(made)) == 0
    absent = principal(made)
    assert (absent["state"], absent["x"], absent["y"]) == ("absent", None, None)
    assert absent["sentence"] == "ease has no item vectors to place items by."


def test_a_network_is_mapped_by_what_goes_into_it() -> None:
    assert principal(network_recommender())["state"] == "ready"


def test_main_directions_are_those_of_the_covariance_matrix(als: Recommender) -> None:
    found = principal(als)
    assert isinstance(als.model, FactorModel)
    vectors = als.model.item_factors[on_map(als)].astype(np.float64)
    centered = vectors - vectors.mean(axis=0)
    _, _, directions = np.linalg.svd(centered, full_matrices=False)
    expected = centered @ directions[:2].T
    span = np.ptp(expected, axis=0).max()
    for name, along in zip("xy", expected.T, strict=True):
        places = np.array(found[name]) * span
        places -= places.mean()
        assert abs(places @ along) == pytest.approx(along @ along, rel=1e-3), "up to the sign"
    assert (found["name"], found["label"]) == ("pca", "Main directions")


def test_places_fill_a_square_of_one_scale() -> None:
    places = np.array([[0.0, 10.0], [4.0, 11.0], [2.0, 12.0]])
    found = layout("tsne", "ready", sentence="So.", places=places)
    assert found["x"] == [0.0, 1.0, 0.5]
    assert found["y"] == [0.25, 0.5, 0.75]
    assert found["x"] == np.round(found["x"], DIGITS).tolist()


@pytest.mark.parametrize("n_items", [1, 3])
def test_items_in_one_place_lie_in_the_middle(n_items: int) -> None:
    found = layout("pca", "ready", sentence="So.", places=np.full((n_items, 2), 7.0))
    assert found["x"] == found["y"] == [0.5] * n_items


def test_equal_vectors_and_single_factors_are_placed() -> None:
    made = factors_recommender()
    assert principal(of_vectors(made, np.ones((5, 2))))["x"] == [0.5] * 5
    assert isinstance(made.model, FactorModel)
    thin = replace(
        made.model,
        item_factors=made.model.item_factors[:, :1].copy(),
        user_factors=made.model.user_factors[:, :1].copy(),
    )
    found = principal(replace(made, model=thin))
    assert (min(found["x"]), max(found["x"])) == (0.0, 1.0)
    assert set(found["y"]) == {0.5}


def test_neighbors_are_those_of_the_library(als: Recommender) -> None:
    serving = Serving(als, Path("nowhere"), 1, "0" * 64, 0.0, 0)
    expected = similar_items(als, 7, measure="cosine", k=10).frame
    found = near(serving, 7)
    assert [row["item_id"] for row in found["similar"]] == expected["item_id"].to_list()
    assert found["enough"] == 20
    with pytest.raises(UnknownItemError):
        near(serving, "nobody")
    without = replace(serving, recommender=fit(planted(), "popularity", rng=0))
    with pytest.raises(InvalidValueError):
        near(without, 1)
