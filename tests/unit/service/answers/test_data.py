from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from tastemap.data import Dataset, make_interactions
from tastemap.service.answers.data import MORE_THAN, MOST_LEVELS, MOST_MONTHS, data
from tastemap.training import fit
from tests.toys import HAND, STARS, as_dataset, checkerboard, hand_dataset, planted, with_features

DAY = 86_400


def told(dataset: Dataset) -> dict[str, Any]:
    return data(fit(dataset, "popularity", rng=0))


def rows_of(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in found]


def at_times(times: list[int]) -> Dataset:
    """One interaction at each time, in seconds since 1970."""
    n = len(times)
    rows, _ = make_interactions(
        list(range(n)),
        [1 + row % 2 for row in range(n)],
        np.full(n, 3.0, np.float32),
        timestamps=times,
        rating_scale=STARS,
    )
    return as_dataset(rows)


HAND_TOLD = told(hand_dataset())


def test_counts_are_those_of_the_rows() -> None:
    assert HAND_TOLD["name"] == "hand"
    assert HAND_TOLD["is_implicit"] is False
    assert (HAND_TOLD["n_interactions"], HAND_TOLD["n_users"], HAND_TOLD["n_items"]) == (13, 6, 5)


def test_each_rating_that_occurs_is_counted() -> None:
    values, counts = np.unique([stars for _, _, stars in HAND], return_counts=True)
    assert rows_of(HAND_TOLD["ratings"]) == list(zip(values.tolist(), counts.tolist(), strict=True))


def test_many_different_ratings_are_counted_in_bins() -> None:
    dataset = planted()
    found = rows_of(told(dataset)["ratings"])
    assert len(found) == MOST_LEVELS // 2
    values = dataset.interactions.values
    assert sum(count for _, count in found) == len(values)
    assert found[0][0] == pytest.approx(values.min(), abs=0.01)


def test_the_spread_over_users_and_items_is_that_of_their_counts() -> None:
    frame = pl.DataFrame(HAND, schema=["user", "item", "rating"], orient="row")
    for name, column in (("per_user", "user"), ("per_item", "item")):
        counts = frame[column].value_counts()["count"].to_numpy()
        spread = HAND_TOLD[name]
        assert spread["median"] == np.median(counts)
        assert spread["most"] == counts.max()
        for one in spread["bins"]:
            inside = (counts >= one["low"]) & (counts < one["high"])
            assert one["n"] == inside.sum()
            assert one["share"] == pytest.approx(inside.mean())
        assert sum(one["n"] for one in spread["bins"]) == len(counts)


def test_an_item_counts_for_each_of_its_genres_and_the_mean_is_over_ratings() -> None:
    rated = pl.DataFrame(HAND, schema=["user", "item", "rating"], orient="row")
    members = {"Action": [1, 2], "Comedy": [2, 5], "Drama": [3, 4], "Horror": [4]}
    expected = []
    for genre, items in members.items():
        ratings = rated.filter(pl.col("item").is_in(items))["rating"]
        expected.append((genre, len(items), len(ratings), pytest.approx(ratings.mean())))
    expected.sort(key=lambda row: (-int(row[2]), row[0]))
    assert rows_of(HAND_TOLD["genres"]) == expected


def test_decades_come_in_their_order() -> None:
    found = rows_of(HAND_TOLD["years"])
    assert [row[:3] for row in found] == [("1970s", 1, 4), ("1980s", 1, 3), ("1990s", 2, 5), ("2000s", 1, 1)]


def test_items_of_an_unknown_year_or_genre_are_in_no_group() -> None:
    dataset = with_features(planted())
    popularity, catalog = dataset.interactions.popularity, dataset.catalog.frame
    found = told(dataset)
    known = popularity[catalog["year"].is_not_null().to_numpy()].sum()
    assert sum(row[2] for row in rows_of(found["years"])) == known
    genres = {row[0]: row[1:3] for row in rows_of(found["genres"])}
    drama = catalog["genres"].list.contains("Drama").to_numpy()
    assert genres["Drama"] == (drama.sum(), popularity[drama].sum())


def test_interactions_are_counted_by_month() -> None:
    found = told(at_times([0, 30 * DAY, 31 * DAY, 40 * DAY, 59 * DAY]))
    assert found["times_by"] == "month"
    assert rows_of(found["times"]) == [("1970-01", 2), ("1970-02", 2), ("1970-03", 1)]


def test_many_months_are_counted_by_year() -> None:
    found = told(at_times([month * 31 * DAY for month in range(MOST_MONTHS + 2)]))
    assert found["times_by"] == "year"
    rows = rows_of(found["times"])
    assert [label for label, _ in rows] == ["1970", "1971", "1972", "1973"]
    assert sum(count for _, count in rows) == MOST_MONTHS + 2


def test_months_without_interactions_are_counted_as_none() -> None:
    found = told(at_times([0, 100 * DAY]))
    assert rows_of(found["times"]) == [("1970-01", 1), ("1970-02", 0), ("1970-03", 0), ("1970-04", 1)]


def test_few_months_that_lie_far_apart_are_counted_by_year_and_years_between_are_shown() -> None:
    found = told(at_times([0, 31 * DAY, 3 * 366 * DAY]))
    assert found["times_by"] == "year"
    assert rows_of(found["times"]) == [("1970", 2), ("1971", 0), ("1972", 0), ("1973", 1)]


def test_centuries_are_counted_by_decade() -> None:
    found = told(at_times([0, 25 * 366 * DAY, 70 * 366 * DAY]))
    assert found["times_by"] == "decade"
    labels = [label for label, count in rows_of(found["times"]) if count]
    assert (len(found["times"]), labels) == (8, ["1970s", "1990s", "2040s"])


def test_a_time_that_is_far_off_brings_no_endless_axis() -> None:
    found = told(at_times([0, 2000 * 366 * DAY]))
    assert rows_of(found["times"]) == [("1970s", 1), ("3970s", 1)]


def test_users_are_parted_by_a_feature_of_few_values() -> None:
    jobs = pl.DataFrame(
        {
            "user_id": ["u1", "u2", "u3", "u4", "u5"],
            "occupation": ["artist", "artist", "artist", "lawyer", None],
        }
    )
    (found,) = told(replace(hand_dataset(), user_features=jobs))["user_groups"]
    assert found["by"] == "occupation"
    assert found["rows"] == [
        {"label": "artist", "n_users": 3, "median_interactions": 2.0, "mean_rating": pytest.approx(28 / 7)},
        {"label": "lawyer", "n_users": 1, "median_interactions": 3.0, "mean_rating": pytest.approx(10 / 3)},
    ]


def test_the_best_rated_have_more_ratings_than_it_says() -> None:
    dataset = planted()
    found = told(dataset)
    rows = dataset.interactions
    sums = np.bincount(rows.item_index, rows.values.astype(np.float64))
    means = {int(i): sums[i] / n for i, n in enumerate(rows.popularity) if n > MORE_THAN}
    best = found["best_rated"]
    assert [row["item_id"] for row in best] == sorted(means, key=lambda item: -means[item])[: len(best)]
    most = found["most_rated"]
    assert [row["popularity"] for row in most] == sorted(rows.popularity.tolist(), reverse=True)[: len(most)]
    assert told(hand_dataset())["best_rated"] == []


def test_what_the_data_does_not_hold_is_empty() -> None:
    found = told(checkerboard())
    assert found["is_implicit"] is True
    for name in ("ratings", "genres", "years", "times", "user_groups", "best_rated"):
        assert found[name] == [], name
    assert found["times_by"] is None
    most = found["most_rated"]
    assert all(row["mean_rating"] is None and row["genres"] is None for row in most)
    assert most[0]["title"] == str(most[0]["item_id"])
