from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import pytest

from tastemap.data import Catalog, Dataset, LoadReport, make_interactions
from tastemap.errors import DataError, InvalidValueError
from tastemap.evaluation.diversity import price_of_diversity
from tastemap.inference import Rules, recommend_for_history
from tastemap.models.recommender import Recommender
from tastemap.training import fit
from tests.toys import communities, planted


@cache
def fitted(name: str) -> Recommender:
    return fit(planted(120, 50), name, rng=0)


def listed_and_last(
    recommender: Recommender, user: int, diversity: float, k: int
) -> tuple[pl.DataFrame, object]:
    """The list of a user without the last interaction, and its item."""
    theirs = recommender.train.interactions.frame().filter(user_id=user).sort("timestamp")
    rest = theirs[:-1]
    ratings = dict(zip(rest["item_id"].to_list(), rest["rating"].to_list(), strict=True))
    listed = recommend_for_history(recommender, ratings, k=k, rules=Rules(diversity=diversity)).frame
    return listed, theirs["item_id"][-1]


def gain(listed: pl.DataFrame, wanted: object) -> float:
    ranks = listed.filter(item_id=wanted)["rank"]
    return 1.0 / float(np.log2(ranks[0] + 1.0)) if len(ranks) else 0.0


def test_the_figures_are_those_of_lists_asked_for_one_by_one() -> None:
    recommender, k = fitted("ials"), 8
    found = price_of_diversity(recommender, (0.0, 0.6), n_users=10_000, k=k)
    figures = ["diversity", "ndcg", "ndcg_change", "low", "high", "similarity_within_list", "n_users"]
    assert found.columns == figures
    data = recommender.train.interactions
    for step, row in zip((0.0, 0.6), found.iter_rows(named=True), strict=True):
        gains, alike = [], []
        for user in range(data.n_users):
            listed, last = listed_and_last(recommender, user, step, k)
            gains.append(gain(listed, last))
            items = recommender.items.indices(listed["item_id"])
            pairs = np.triu_indices(k, 1)
            alike.append(recommender.model.similarities(items)[pairs].mean())
        assert row["diversity"] == step
        assert row["ndcg"] == pytest.approx(np.mean(gains), abs=1e-6)
        assert row["similarity_within_list"] == pytest.approx(np.mean(alike), abs=1e-6)
        assert row["n_users"] == data.n_users


def test_diversity_has_a_price_and_is_worth_it() -> None:
    recommender = fit(communities()[0], "ials", settings={"n_factors": 8}, rng=0)
    found = price_of_diversity(recommender, k=5)
    alike = found["similarity_within_list"].to_list()
    assert alike[0] > alike[2] > alike[4]
    assert found["ndcg"][0] > found["ndcg"][4]
    assert 0.0 < found["ndcg"][0] <= 1.0


def test_a_change_has_the_interval_of_the_users_differences() -> None:
    """Against draws of the differences themselves: intervals of users who are not paired would be wider."""
    recommender = fitted("ials")
    found = price_of_diversity(recommender, (0.0, 1.0), k=5)
    first, last = found.iter_rows(named=True)
    assert (first["ndcg_change"], first["low"], first["high"]) == (0.0, 0.0, 0.0)
    assert last["ndcg_change"] == pytest.approx(last["ndcg"] - first["ndcg"])
    assert last["low"] < last["ndcg_change"] < last["high"]
    users = range(first["n_users"])
    plain, diverse = (
        np.array([gain(*listed_and_last(recommender, user, step, 5)) for user in users]) for step in (0.0, 1.0)
    )
    change = diverse - plain
    drawn = np.random.default_rng(1).integers(len(change), size=(4_000, len(change)))
    low, high = np.percentile(change[drawn].mean(axis=1), [2.5, 97.5])
    width = high - low
    assert last["low"] == pytest.approx(low, abs=0.1 * width)
    assert last["high"] == pytest.approx(high, abs=0.1 * width)


def test_few_users_have_no_interval() -> None:
    found = price_of_diversity(fitted("als"), (0.0, 1.0), n_users=5)
    assert found["low"].to_list() == found["high"].to_list() == [None, None]


def test_users_are_drawn_by_rng_and_counted() -> None:
    recommender = fitted("als")
    one, again, other = (price_of_diversity(recommender, (0.0,), n_users=30, rng=seed) for seed in (1, 1, 2))
    assert one.equals(again)
    assert not one.equals(other)
    assert one["n_users"].to_list() == [30]


def test_without_times_an_entry_is_drawn_and_low_ratings_are_left_alone() -> None:
    data = planted(120, 50)
    timeless = replace(data, interactions=replace(data.interactions, timestamps=None))
    recommender = fit(timeless, "ials", settings={"n_epochs": 3}, positive_min=3.0, rng=0)
    one, other = (price_of_diversity(recommender, (0.5,), rng=seed) for seed in (0, 1))
    assert not one.equals(other)
    counting = recommender.train.interactions.by_user.at_least(3.0).row_lengths
    assert one["n_users"].to_list() == [int((counting >= 2).sum())]


def test_what_cannot_be_measured_is_refused_in_a_sentence() -> None:
    with pytest.raises(InvalidValueError, match="no item vectors"):
        price_of_diversity(fitted("popularity"), (0.0,))
    with pytest.raises(InvalidValueError, match="diversity must be from 0"):
        price_of_diversity(fitted("als"), (0.0, 2.0))
    with pytest.raises(InvalidValueError, match="n_users must be an integer >= 1"):
        price_of_diversity(fitted("als"), n_users=0)
    with pytest.raises(InvalidValueError, match="k, the length of a list"):
        price_of_diversity(fitted("als"), k=0)
    made, _ = make_interactions(range(9), [n % 4 for n in range(9)], np.ones(9, np.float32))
    single = fit(Dataset("single", made, Catalog.empty(), None, LoadReport(9, 9)), "ials", rng=0)
    with pytest.raises(DataError, match="users with two interactions"):
        price_of_diversity(single)


def test_a_list_of_one_item_has_no_similarity_within() -> None:
    found = price_of_diversity(fitted("als"), (0.0, 1.0), k=1)
    assert found["similarity_within_list"].to_list() == [None, None]
    assert found.schema["similarity_within_list"] == pl.Float64
