from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tastemap.models.factor import FactorModel
from tastemap.models.recommender import Recommender
from tastemap.service.answers.training import N_BANDS, N_BIASES, N_SAMPLE, training
from tastemap.training import fit
from tests.saved import factors_recommender, weights_recommender
from tests.toys import planted, with_features


@pytest.fixture(scope="module")
def als() -> Recommender:
    return fit(with_features(planted()), "als", settings={"n_factors": 3}, rng=0)


def factors_of(recommender: Recommender) -> FactorModel:
    assert isinstance(recommender.model, FactorModel)
    return recommender.model


def test_settings_say_what_was_given_what_is_usual_and_what_came_of_it(als: Recommender) -> None:
    found = training(als)
    settings = {row["name"]: row for row in found["settings"]}
    assert settings["n_factors"]["value"] == 3
    assert settings["n_factors"]["is_default"] is False
    assert settings["n_factors"]["default"] == type(als.config)().model_dump()["n_factors"]
    assert settings["regularization"]["is_default"] is True
    assert settings["n_epochs"]["resolved"] == als.resolved.model_dump()["n_epochs"] == found["n_epochs"]
    assert (found["model"], found["objective"], found["seed"]) == ("als", "rating", als.seed)


def test_the_chosen_epoch_is_the_last_of_those_tried_that_gained_enough(als: Recommender) -> None:
    search = als.losses.filter(pl.col("phase") == "search")
    chosen = training(als)["chosen"]
    values = search[f"validation_{chosen['metric']}"].to_numpy()
    assert chosen["of"] == len(search)
    assert chosen["value"] == values[chosen["epoch"] - 1] < values[: chosen["epoch"] - 1].min()
    assert values[chosen["epoch"] :].min() > chosen["value"] * (1 - als.config.model_dump()["tolerance"])
    others = [name for name in als.losses.columns if "_of_" in name]
    assert chosen["beside"] == {
        name.rpartition("_of_")[2]: search[name][chosen["epoch"] - 1] for name in others
    }


def test_errors_are_those_of_the_validation_rows(als: Recommender) -> None:
    assert als.validation is not None
    errors = (als.validation["prediction"] - als.validation["rating"]).cast(pl.Float64).to_numpy()
    found = training(als)["validation"]
    assert found["n"] == len(errors)
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean(errors**2)), rel=1e-6)
    assert found["mae"] == pytest.approx(np.mean(np.abs(errors)), rel=1e-6)
    assert len(found["sample"]) == N_SAMPLE
    assert {*found["sample"][0]} == {"rating", "prediction"}, "a row names neither its user nor its item"
    assert found["by_rating"] == [], "ratings that are not whole have too many values for a table"


def test_errors_are_grouped_by_the_rating_that_was_given(als: Recommender) -> None:
    rows = pl.DataFrame(
        {
            "user_id": [0, 1, 2],
            "item_id": [0, 1, 2],
            "rating": [4.0, 4.0, 2.0],
            "prediction": [3.5, 5.0, 2.25],
        }
    )
    found = training(replace(als, validation=rows))["validation"]
    assert found["by_rating"] == [
        {"rating": 2.0, "n": 1, "mean_prediction": 2.25, "mean_error": 0.25},
        {"rating": 4.0, "n": 2, "mean_prediction": 4.25, "mean_error": 0.75},
    ]


def test_biases_are_the_two_ends_of_the_leaderboard(als: Recommender) -> None:
    biases = factors_of(als).item_bias
    order = np.argsort(-biases, kind="stable")
    found = training(als)["biases"]
    assert [row["item_id"] for row in found["highest"]] == als.items.ids[order[:N_BIASES]].to_list()
    assert [row["bias"] for row in found["lowest"]] == np.sort(biases)[:N_BIASES].tolist()


def test_no_item_is_both_among_the_most_and_the_least_liked() -> None:
    found = training(factors_recommender())["biases"]  # of five items
    assert [row["item_id"] for row in found["highest"]] == [5, 4]
    assert [row["item_id"] for row in found["lowest"]] == [1, 2]


def test_bands_of_popularity_hold_every_item_once(als: Recommender) -> None:
    popularity = als.train.interactions.popularity
    norms = np.linalg.norm(factors_of(als).item_factors, axis=1)
    bands = training(als)["norms"]
    assert len(bands) == N_BANDS
    order = np.argsort(popularity, kind="stable")
    for band, members in zip(bands, np.array_split(order, N_BANDS), strict=True):
        assert band["n_items"] == len(members)
        assert (band["low"], band["high"]) == (popularity[members].min(), popularity[members].max())
        assert band["mean_norm"] == pytest.approx(norms[members].mean(), rel=1e-5)


def test_fewer_items_than_bands_have_a_band_each() -> None:
    assert [band["n_items"] for band in training(factors_recommender())["norms"]] == [1] * 5


def test_a_fit_in_one_step_has_no_curves_no_biases_and_no_lengths() -> None:
    found = training(weights_recommender())
    assert found["losses"] == found["curves"] == []
    for name in ("n_epochs", "chosen", "validation", "biases", "norms"):
        assert found[name] is None, name
    assert all(row["value"] == row["resolved"] for row in found["settings"])


def test_a_rating_model_without_validation_rows_says_nothing_of_errors() -> None:
    made = factors_recommender()
    assert training(replace(made, validation=None))["validation"] is None
    none = None if made.validation is None else made.validation.clear()
    assert training(replace(made, validation=none))["validation"] is None


def test_a_ranking_model_is_not_held_against_ratings() -> None:
    found = training(fit(planted(), "ials", settings={"n_factors": 2, "n_epochs": 2}, rng=0))
    assert found["objective"] == "ranking"
    assert found["validation"] is None
    assert found["norms"]


def test_losses_without_a_search_have_no_chosen_epoch() -> None:
    made = fit(planted(), "als", settings={"n_factors": 2, "n_epochs": 3, "validation_fraction": 0.0}, rng=0)
    found = training(made)
    assert found["chosen"] is None
    assert [row["epoch"] for row in found["losses"]] == [1, 2, 3]


def test_a_model_of_an_unknown_name_has_settings_without_usual_values() -> None:
    found = training(replace(factors_recommender(), name="mine"))
    assert found["summary"] is None
    assert all(row["default"] is None and not row["is_default"] for row in found["settings"])
