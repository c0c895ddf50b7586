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


def test_the_figures_are_those_of_lists_asked_for_one_by_one() -> None:
    recommender, k = fitted("ials"), 8
    found = price_of_diversity(recommender, (0.0, 0.6), n_users=10_000, k=k)
    assert found.columns == ["diversity", "ndcg", "similarity_within_list", "n_users"]
    data = recommender.train.interactions
    for step, row in zip((0.0, 0.6), found.iter_rows(named=True), strict=True):
        gains, alike = [], []
        for user in range(data.n_users):
            theirs = data.frame().filter(user_id=user).sort("timestamp")
            rest = theirs[:-1]
            ratings = dict(zip(rest["item_id"].to_list(), rest["rating"].to_list(), strict=True))
            listed = recommend_for_history(recommender, ratings, k=k, rules=Rules(diversity=step)).frame
            ranks = listed.filter(item_id=theirs["item_id"][-1])["rank"]
            gains.append(1.0 / np.log2(ranks[0] + 1.0) if len(ranks) else 0.0)
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
