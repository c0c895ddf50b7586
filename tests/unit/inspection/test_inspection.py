"""Frames about models and data agree with calculations made another way."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tastemap.data import Catalog, Dataset, load
from tastemap.errors import DataError, InvalidValueError, UnknownNameError
from tastemap.inference import similar_items
from tastemap.inspection import (
    best_rated,
    bias_leaderboard,
    genre_counts,
    histogram,
    item_map,
    item_neighbors,
    item_norms,
    item_statistics,
    most_rated,
    predicted_against_actual,
    prediction_grid,
    principal_components,
    training_curves,
    user_statistics,
    weight_decay_runs,
)
from tastemap.inspection.histograms import group_column
from tastemap.inspection.item_map import settle
from tastemap.inspection.items import main_genres
from tastemap.models.factor import FactorModel
from tastemap.models.recommender import Recommender
from tastemap.training import fit
from tests.saved import factors_recommender
from tests.toys import checkerboard, hand_dataset, planted


def with_titles(dataset: Dataset) -> Dataset:
    """The data set with titles and one to three genres for its items."""
    kinds = ["Drama", "Comedy", "Action", "Horror"]
    ids = dataset.interactions.items.ids
    catalog = pl.DataFrame(
        {
            "item_id": ids,
            "title": [f"Film {item} (19{60 + item})" for item in ids],
            "genres": [kinds[: 1 + item % 3] for item in ids],
        }
    )
    return replace(dataset, catalog=Catalog(catalog))


@pytest.fixture(scope="module")
def als() -> Recommender:
    return fit(with_titles(planted()), "als", settings={"n_factors": 5, "n_epochs": 4}, rng=0)


@pytest.fixture(scope="module")
def ranked() -> Recommender:
    return fit(with_titles(planted()), "popularity", rng=0)


def factors_of(recommender: Recommender) -> np.ndarray:
    assert isinstance(recommender.model, FactorModel)
    return recommender.model.item_factors.astype(np.float64)


def test_items_are_counted_and_averaged_as_by_hand() -> None:
    frame = item_statistics(hand_dataset())
    assert frame["popularity"].to_list() == [4, 3, 3, 2, 1]
    assert frame["mean_rating"].to_list() == pytest.approx([13 / 4, 11 / 3, 10 / 3, 9 / 2, 3.0])
    assert frame["title"][0] == "Alpha (1977)"


def test_users_are_counted_and_averaged_as_by_hand_beside_their_features() -> None:
    dataset = replace(hand_dataset(), user_features=pl.DataFrame({"user_id": ["u2", "u1"], "job": ["b", "a"]}))
    frame = user_statistics(dataset)
    assert frame["n_ratings"].to_list() == [3, 2, 2, 3, 2, 1]
    assert frame["mean_rating"][0] == pytest.approx(10 / 3)
    assert frame["job"].to_list() == ["a", "b", None, None, None, None]


def test_items_without_a_title_are_called_by_their_ids_and_counts_have_no_mean() -> None:
    frame = item_statistics(checkerboard(6))
    assert frame["title"].to_list() == ["0", "1", "2", "3", "4", "5"]
    assert frame["mean_rating"].null_count() == 6
    assert frame["genre"].unique().to_list() == ["other"]


def test_the_most_and_the_best_rated_items_lead_their_tables() -> None:
    assert most_rated(hand_dataset(), 2)["item_id"].to_list() == [1, 2]
    assert best_rated(hand_dataset(), 2, more_than=1)["item_id"].to_list() == [4, 2]
    assert best_rated(hand_dataset(), 9, more_than=3)["item_id"].to_list() == [1]


def test_an_item_counts_for_each_of_its_genres() -> None:
    assert genre_counts(hand_dataset()).rows() == [("Action", 2), ("Comedy", 2), ("Drama", 2), ("Horror", 1)]


def test_the_genre_of_an_item_is_its_rarest_frequent_one() -> None:
    frequent = [[chr(65 + kind)] * 1 for kind in range(7) for _ in range(9 - kind)]
    genres = pl.Series("genres", [*frequent, ["A", "G", "Z"], ["Z"], None, []], dtype=pl.List(pl.String))
    assert main_genres(genres).to_list()[-4:] == ["G", "other", "other", "other"]


def test_the_leaderboard_is_the_biases_sorted(als: Recommender) -> None:
    assert isinstance(als.model, FactorModel)
    board = bias_leaderboard(als)
    order = np.argsort(-als.model.item_bias, kind="stable")
    assert board["item_id"].to_list() == als.items.take(order).to_list()
    assert board["bias"].to_list() == pytest.approx(np.sort(als.model.item_bias)[::-1].tolist())


def test_components_are_those_of_the_covariance_matrix(als: Recommender) -> None:
    found = principal_components(als, n_components=3, n_items=None)
    centered = factors_of(als) - factors_of(als).mean(axis=0)
    values, vectors = np.linalg.eigh(centered.T @ centered)
    values, vectors = values[::-1], vectors[:, ::-1]
    assert found.explained == pytest.approx((values / values.sum())[:3].tolist())
    by_index = found.frame.sort("item_id")
    for place, name in enumerate(found.names):
        expected = centered @ vectors[:, place]
        mine = by_index[name].to_numpy()
        assert np.abs(mine) == pytest.approx(np.abs(expected), abs=1e-9)
        assert mine.var() == pytest.approx(values[place] / len(mine))


def test_components_have_a_sign_that_does_not_depend_on_the_library(als: Recommender) -> None:
    assert isinstance(als.model, FactorModel)
    found = principal_components(als, n_items=None)
    rebuilt = found.frame.sort("item_id").select(found.names).to_numpy()
    loadings = np.linalg.lstsq(rebuilt, factors_of(als) - factors_of(als).mean(axis=0), rcond=None)[0]
    assert all(row[np.abs(row).argmax()] > 0 for row in loadings)


def test_components_of_the_most_popular_items_only_come_most_popular_first(als: Recommender) -> None:
    frame = principal_components(als, n_items=7).frame
    assert len(frame) == 7
    assert frame["popularity"].is_sorted(descending=True)
    assert frame["popularity"][-1] >= np.sort(als.train.interactions.popularity)[-7]


@pytest.mark.parametrize("settings", [{"n_components": 0}, {"n_items": 1}])
def test_components_refuse_what_gives_none(als: Recommender, settings: dict[str, int]) -> None:
    with pytest.raises(InvalidValueError, match=next(iter(settings))):
        principal_components(als, **settings)


def test_norms_are_lengths(als: Recommender) -> None:
    lengths = np.linalg.norm(factors_of(als), axis=1)
    assert item_norms(als)["norm"].to_list() == pytest.approx(lengths.tolist())


def test_neighbors_by_each_measure_are_those_of_similar_items(als: Recommender) -> None:
    found = item_neighbors(als, "Film 3 (1963)", k=4)
    assert found["measure"].to_list() == ["cosine"] * 4 + ["dot"] * 4
    for measure in ("cosine", "dot"):
        expected = similar_items(als, 3, measure=measure, k=4).frame
        mine = found.filter(pl.col("measure") == measure)
        assert mine["item_id"].to_list() == expected["item_id"].to_list()
        assert mine["similarity"].to_list() == expected["similarity"].to_list()
    assert found["genres"].null_count() == 0


def test_item_weights_have_neighbors_but_no_vectors() -> None:
    ease = fit(with_titles(planted()), "ease", rng=0)
    assert item_neighbors(ease, 1, k=2)["measure"].to_list() == ["cosine", "cosine", "dot", "dot"]
    with pytest.raises(InvalidValueError, match=r"item vectors\. Got ease"):
        item_norms(ease)
    with pytest.raises(InvalidValueError, match="item biases"):
        bias_leaderboard(ease)


@pytest.mark.parametrize("look", [item_map, item_norms, principal_components])
def test_a_model_of_biases_alone_has_no_vectors(ranked: Recommender, look: object) -> None:
    assert callable(look)
    with pytest.raises(InvalidValueError, match="fit als, ials, dot, mlp or softmax instead"):
        look(ranked)


def test_a_map_keeps_neighbors_together_and_repeats_itself() -> None:
    recommender = two_groups(30)
    found = item_map(recommender, rng=1)
    assert found.method == "t-SNE"
    assert found.notes == ()
    frame = found.frame.sort("item_id")
    places = frame.select("x", "y").to_numpy()
    centers = np.array([places[0::2].mean(axis=0), places[1::2].mean(axis=0)])
    nearer = np.linalg.norm(places[:, None] - centers[None], axis=2).argmin(axis=1)
    assert nearer.tolist() == [0, 1] * 15
    again = item_map(recommender, rng=1).frame.sort("item_id")
    assert again.equals(frame)


def two_groups(n_items: int) -> Recommender:
    """Items whose vectors point in one of two directions, by turns."""
    recommender = fit(with_titles(planted(n_items=n_items)), "als", settings={"n_epochs": 1}, rng=0)
    assert isinstance(recommender.model, FactorModel)
    noise = np.random.default_rng(0).normal(scale=0.1, size=(n_items, 2))
    vectors = np.eye(2)[np.arange(n_items) % 2] + noise
    model = replace(
        recommender.model,
        item_factors=vectors.astype(np.float32),
        user_factors=recommender.model.user_factors[:, :2],
    )
    return replace(recommender, model=model)


def test_too_few_items_are_put_on_their_components_with_a_sentence() -> None:
    recommender = factors_recommender()
    found = item_map(recommender, n_items=4)
    assert found.method == "PCA"
    assert "Too few items for t-SNE, 4" in found.notes[-1]
    assert "The 4 most popular of 5 items." in found.notes
    assert found.frame["x"].is_finite().all()


def test_a_map_of_as_many_items_as_it_takes_needs_no_perplexity_beyond_them() -> None:
    assert item_map(factors_recommender()).method == "t-SNE"


def test_items_with_a_zero_vector_are_left_out_and_counted() -> None:
    recommender = two_groups(30)
    assert isinstance(recommender.model, FactorModel)
    factors = recommender.model.item_factors.copy()
    factors[[3, 4]] = 0.0
    blank = replace(recommender, model=replace(recommender.model, item_factors=factors))
    found = item_map(blank)
    assert len(found.frame) == 28
    assert found.notes == ("Left out: 2 items whose vector is zero.",)


@pytest.mark.parametrize("n_items", [1, 10_001])
def test_a_map_refuses_a_size_out_of_range(als: Recommender, n_items: int) -> None:
    with pytest.raises(InvalidValueError, match="n_items must be from 2 to 10,000"):
        item_map(als, n_items=n_items)


@pytest.mark.parametrize("n_placed", [3, 7, 40])
def test_items_settle_at_the_median_of_their_nearest_neighbors_with_a_place(n_placed: int) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(700, 4)).astype(np.float32)  # more rows than one block
    places = rng.normal(size=(n_placed, 2))
    found = settle(vectors, places)
    assert found.shape == (700, 2)
    np.testing.assert_array_equal(found[:n_placed], places)
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float64)
    near = np.argsort(-(unit[n_placed:] @ unit[:n_placed].T), axis=1)[:, :5]
    np.testing.assert_allclose(found[n_placed:], np.median(places[near], axis=1))


def test_nothing_is_left_to_settle_where_all_have_a_place() -> None:
    places = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(settle(np.eye(3, dtype=np.float32), places), places)


def test_an_item_without_a_vector_settles_somewhere() -> None:
    found = settle(np.array([[1, 0], [0, 1], [0, 0]], np.float32), np.array([[0.0, 0.0], [1.0, 1.0]]))
    assert found[2].tolist() == [0.5, 0.5]


def test_without_scikit_learn_the_error_names_the_command_that_installs_it() -> None:
    code = (
        "import sys; sys.modules['sklearn'] = None; sys.modules['sklearn.manifold'] = None\n"
        "from tastemap.inspection import item_map\nfrom tastemap.errors import MissingExtraError\n"
        "from tests.saved import factors_recommender\n"
        "try:\n    item_map(factors_recommender())\nexcept MissingExtraError as error:\n    print(error)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'tastemap[explore]'" in found.stdout


def test_a_histogram_counts_every_row_once_in_all_and_once_in_its_group() -> None:
    frame = pl.DataFrame({"n": [1, 2, 3, 4, 5, 30], "job": ["a", "a", "b", "b", "b", None]})
    found = histogram(frame, "n", by="job")
    everything = found.filter(pl.col("group") == "all")
    assert everything.select("low", "high", "n").rows() == [
        (1, 2, 1), (2, 5, 3), (5, 10, 1), (10, 20, 0), (20, 50, 1),
    ]  # fmt: skip
    groups = found.group_by("group").agg(pl.col("n").sum(), pl.col("share").sum()).sort("group")
    assert groups["n"].to_list() == [2, 6, 3]
    assert groups["share"].to_list() == pytest.approx([1.0, 1.0, 1.0])


def test_a_histogram_of_lists_counts_a_row_for_each_of_its_groups() -> None:
    found = histogram(item_statistics(hand_dataset()), "mean_rating", by="genres")
    assert dict(found.group_by("group").agg(pl.col("n").sum()).iter_rows()) == {
        "all": 5, "Action": 2, "Comedy": 2, "Drama": 2, "Horror": 1,
    }  # fmt: skip


@pytest.mark.parametrize("values", [[0.5, 4.75], [3.3], [1.0, 1.0], [-2.25, 7.0]])
def test_bins_of_fractions_are_round_and_hold_all(values: list[float]) -> None:
    found = histogram(pl.DataFrame({"x": values}), "x", bins=16)
    assert found["n"].sum() == len(values)
    assert found["low"][0] <= min(values)
    assert found["high"][-1] >= max(values)
    widths = (found["high"] - found["low"]).to_numpy()
    assert float(f"{widths[0]:.2g}") == pytest.approx(widths[0])
    assert len(found) <= 18


def test_a_histogram_of_nothing_is_empty_and_of_an_unknown_column_an_error() -> None:
    assert histogram(pl.DataFrame({"x": pl.Series([None], dtype=pl.Float64)}), "x").height == 0
    with pytest.raises(UnknownNameError, match="'mean'"):
        histogram(pl.DataFrame({"x": [1.0]}), "mean")
    with pytest.raises(InvalidValueError, match="bins"):
        histogram(pl.DataFrame({"x": [1.0]}), "x", bins=0)


def test_users_are_grouped_by_occupation_or_by_the_first_column_that_fits() -> None:
    assert (
        group_column(pl.DataFrame({"user_id": ["a", "b"], "sex": ["M", "F"], "occupation": ["x", "y"]}))
        == "occupation"
    )
    assert group_column(pl.DataFrame({"user_id": ["a", "b"], "name": ["x", "x"], "sex": ["M", "F"]})) == "sex"
    assert group_column(pl.DataFrame({"user_id": ["a", "b"], "age": [1, 2]})) is None


def test_curves_hold_every_figure_of_every_epoch(als: Recommender) -> None:
    curves = training_curves(als)
    assert set(curves["name"]) == {"train_rmse", "validation_rmse", "validation_rmse_of_bias", "loss"}
    validation = curves.filter(pl.col("name") == "validation_rmse")
    assert validation["phase"].unique().to_list() == ["search"]
    assert validation["value"].to_list() == als.losses["validation_rmse"].drop_nulls().to_list()


def test_curves_part_components_from_figures_and_the_learning_rate() -> None:
    losses = pl.DataFrame(
        {"phase": "final", "epoch": [1, 2], "learning_rate": [0.1, 0.05], "loss": [3.0, 2.0],
         "regularization": [0.5, 0.4], "gravity": [0.25, 0.6], "train_rmse": [1.5, 1.0]}
    )  # fmt: skip
    curves = training_curves(replace(factors_recommender(), losses=losses))
    kinds = dict(curves.select("name", "kind").unique().iter_rows())
    assert kinds == {
        "train_rmse": "figure", "observed": "component", "total": "component", "regularization": "component",
        "gravity": "component", "learning_rate": "rate",
    }  # fmt: skip
    last = dict(curves.filter(pl.col("epoch") == 2).select("name", "value").iter_rows())
    assert last["observed"] + last["regularization"] + last["gravity"] == last["total"] == 2.0


def test_the_learning_rate_of_an_epoch_is_that_of_its_last_step() -> None:
    pytest.importorskip("torch")
    settings = {
        "schedule": "steps",
        "step_epochs": [2],
        "step_rates": [0.001],
        "learning_rate": 0.01,
        "n_epochs": 3,
    }
    recommender = fit(planted(), "dot", settings={**settings, "validation_fraction": 0.0}, rng=0)
    rates = training_curves(recommender).filter(pl.col("kind") == "rate")
    assert rates["value"].to_list() == [0.01, 0.01, 0.001]


@pytest.mark.parametrize("name", ["mlp", "softmax"])
def test_networks_and_encoders_have_item_vectors(name: str) -> None:
    pytest.importorskip("torch")
    recommender = fit(with_titles(planted()), name, settings={"n_epochs": 1, "validation_fraction": 0.0}, rng=0)
    assert item_norms(recommender)["norm"].to_numpy().min() > 0.0
    assert item_map(recommender).method == "t-SNE"
    assert len(item_neighbors(recommender, 3, k=3)) == 6


def test_a_model_without_epochs_has_no_curves(ranked: Recommender) -> None:
    assert training_curves(ranked).height == 0


def test_predictions_are_those_that_were_saved(als: Recommender) -> None:
    assert als.validation is not None
    found = predicted_against_actual(als)
    assert found["prediction"].to_list() == als.validation["prediction"].to_list()
    assert found["error"].to_list() == (found["prediction"] - found["rating"]).to_list()
    assert found["title"].str.starts_with("Film").all()
    assert found["known"].to_list() == ["both"] * len(found)


def test_other_data_can_be_predicted(als: Recommender) -> None:
    other = planted(n_users=90, n_items=60)
    found = predicted_against_actual(als, other)
    assert len(found) == len(other.interactions)
    assert found["prediction"].is_finite().all()
    assert found["title"].null_count() == 0


def test_predictions_say_which_sides_are_known(als: Recommender) -> None:
    data = als.train.interactions
    rows = pl.DataFrame(
        {
            "user_id": [data.users.to_id(0), data.users.to_id(1), -1, -2],
            "item_id": [data.items.to_id(0), -1, data.items.to_id(1), -2],
            "rating": [1.0, 2.0, 3.0, 4.0],
        }
    )
    found = predicted_against_actual(als, load(rows)).sort("rating")
    assert found["known"].to_list() == ["both", "user", "item", "none"]
    with pytest.raises(InvalidValueError, match=r"both known to als\. Got .*none among the 3 looked at"):
        predicted_against_actual(als, load(rows[1:]))


def test_predictions_need_ratings_on_both_sides(als: Recommender, ranked: Recommender) -> None:
    with pytest.raises(InvalidValueError, match="popularity, which ranks"):
        predicted_against_actual(ranked)
    with pytest.raises(InvalidValueError, match="data must hold ratings"):
        predicted_against_actual(als, checkerboard(6))
    with pytest.raises(InvalidValueError, match="came with no validation rows"):
        predicted_against_actual(replace(als, validation=None))


def test_a_grid_counts_every_row_once() -> None:
    rows = pl.DataFrame({"rating": [1.0, 1.0, 2.0, 4.0], "prediction": [1.2, 3.2, 2.0, 3.2]})
    grid = prediction_grid(rows)
    assert grid["n"].sum() == 4
    assert grid.select("rating_low", "rating_high").unique().sort("rating_low").rows() == [
        (0.5, 1.5), (1.5, 3.0), (3.0, 4.5),
    ]  # fmt: skip
    shares = grid.group_by("rating_low").agg(pl.col("share").sum())
    assert shares["share"].to_list() == pytest.approx([1.0] * 3)


def test_many_different_ratings_share_columns() -> None:
    values = np.linspace(0.0, 1.0, 101)
    grid = prediction_grid(pl.DataFrame({"rating": values, "prediction": values}))
    assert grid["rating_low"].n_unique() == 20
    assert grid["n"].sum() == 101


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_weight_decay_shortens_vectors_and_keeps_train_and_validation_together() -> None:
    pytest.importorskip("torch")
    runs = weight_decay_runs(
        planted(noise=0.6),
        decays=(0.0, 3.0),
        settings={"n_epochs": 15, "batch_size": 64, "learning_rate": 0.03},
        rng=0,
    )
    assert runs["epoch"].to_list() == [*range(1, 16)] * 2
    free, decayed = (part.row(-1, named=True) for _, part in runs.group_by("weight_decay", maintain_order=True))
    assert decayed["item_norm"] < 0.8 * free["item_norm"]
    gap = [run["validation_rmse"] - run["train_rmse"] for run in (free, decayed)]
    assert gap[1] < gap[0]


def test_weight_decay_needs_decays_ratings_and_rows_to_hold_out() -> None:
    with pytest.raises(InvalidValueError, match="decays"):
        weight_decay_runs(planted(), decays=())
    with pytest.raises(InvalidValueError, match="must hold ratings"):
        weight_decay_runs(checkerboard(6))
    pytest.importorskip("torch")
    with pytest.raises(DataError, match="held out"):
        weight_decay_runs(planted(), settings={"validation_fraction": 0.0})
