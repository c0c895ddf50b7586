from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tastemap.data import Catalog, Dataset, LoadReport, make_interactions
from tastemap.errors import DataError, InvalidValueError
from tastemap.models import popularity
from tastemap.training import fit as fit_by_name
from tests.toys import STARS, as_dataset

DAY = 86_400


def dated(*rows: tuple[str, int, float, float]) -> Dataset:
    """User, item, rating and time in days since some day."""
    users, items, ratings, days = (list(column) for column in zip(*rows, strict=True))
    interactions, _ = make_interactions(
        users,
        items,
        np.array(ratings, np.float32),
        timestamps=(np.array(days) * DAY).astype(np.int64) + 10**9,
        rating_scale=STARS,
    )
    return as_dataset(interactions)


# Item 1 was liked long ago, item 2 lately, item 3 half a day before the last row.
ROWS = dated(
    ("a", 1, 5.0, 0.0), ("b", 1, 4.0, 0.0), ("c", 1, 5.0, 2.0),
    ("a", 2, 4.0, 4.0), ("b", 2, 5.0, 2.0),
    ("c", 3, 1.0, 3.5),
)  # fmt: skip


def scores(data: Dataset, **settings: float | None) -> list[float]:
    config = popularity.PopularityConfig.model_validate(settings)
    found = popularity.fit(data, config, rng=np.random.default_rng(0)).item_bias
    return [float(score) for score in found]


def test_without_a_half_life_every_interaction_counts_one() -> None:
    assert scores(ROWS) == [3.0, 2.0, 1.0]


def test_an_interaction_counts_half_for_every_half_life_of_age() -> None:
    # ages in days: 4, 4, 2 of item 1; 0, 2 of item 2; half a day of item 3
    expected = [0.25 + 0.25 + 0.5, 1.0 + 0.5, 2.0**-0.25]
    assert scores(ROWS, half_life_days=2.0) == pytest.approx(expected, rel=1e-7)


def test_age_counts_from_the_latest_interaction_that_is_learned_from() -> None:
    recommender = fit_by_name(ROWS, "popularity", settings={"half_life_days": 2.0, "positive_min": 4.5}, rng=0)
    # left are items 1 (days 0 and 2) and 2 (day 2): the latest is of day 2
    expected = [0.5 + 1.0, 1.0, 0.0]
    found = recommender.model.users(np.array([0])).score(np.arange(3, dtype=np.int32)[None, :])[0]
    np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_very_old_interactions_weigh_nothing_and_very_long_half_lives_change_nothing() -> None:
    assert scores(ROWS, half_life_days=1e-3) == [0.0, 1.0, 0.0]
    assert scores(ROWS, half_life_days=1e12) == pytest.approx([3.0, 2.0, 1.0], rel=1e-7)


def test_a_half_life_without_times_is_refused() -> None:
    untimed = replace(ROWS, interactions=replace(ROWS.interactions, timestamps=None))
    with pytest.raises(DataError, match="half_life_days needs interactions with times"):
        scores(untimed, half_life_days=2.0)
    assert scores(untimed) == [3.0, 2.0, 1.0]


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_half_life_is_a_positive_number(value: float) -> None:
    data = Dataset("rows", ROWS.interactions, Catalog.empty(), None, LoadReport(6, 6))
    with pytest.raises(InvalidValueError, match="half_life_days must be"):
        fit_by_name(data, "popularity", settings={"half_life_days": value}, rng=0)
