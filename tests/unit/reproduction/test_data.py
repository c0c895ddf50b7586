from __future__ import annotations

import numpy as np
import polars as pl

from tastemap.data import Catalog, Dataset, LoadReport, RatingScale, make_interactions
from tastemap.reproduction.data import by_title, inner_split, misalign, split
from tests.toys import planted


def same_titles() -> Dataset:
    """Items 2 and 3 have one title; user 1 rated both, item 3 later."""
    rows, _ = make_interactions(
        [1, 1, 1, 2],
        [1, 2, 3, 3],
        np.array([5, 1, 4, 2], np.float32),
        timestamps=np.array([1, 2, 3, 4]),
        rating_scale=RatingScale(1.0, 5.0),
    )
    catalog = Catalog(pl.DataFrame({"item_id": [1, 2, 3], "title": ["One", "Twin", "Twin"]}))
    return Dataset("toy", rows, catalog, None, LoadReport(4, 4))


def test_items_of_one_title_become_one_item_and_no_rating_is_lost() -> None:
    data = by_title(same_titles())
    assert data.interactions.items.ids.to_list() == ["One", "Twin"]
    assert data.interactions.frame().select("user_id", "item_id", "rating").rows() == [
        (1, "One", 5.0),
        (1, "Twin", 1.0),
        (1, "Twin", 4.0),
        (2, "Twin", 2.0),
    ]
    assert data.catalog.frame["item_id"].to_list() == ["One", "Twin"]


def test_the_test_rows_are_the_first_of_the_seeds_permutation() -> None:
    data = planted()
    rows = data.interactions
    parts = split(data, 0.25, seed=7)
    first = np.random.default_rng(7).permutation(len(rows))[: round(0.25 * len(rows))]
    assert len(parts.values) + parts.n_unknown == len(first)
    assert len(parts.train.interactions) == len(rows) - len(first)
    np.testing.assert_array_equal(
        np.sort(parts.values), np.sort(rows.values[first])
    )  # planted: nobody is unknown


def test_test_rows_carry_the_indices_of_the_training_part() -> None:
    data = planted()
    parts = split(data, 0.25, seed=0)
    train = parts.train.interactions
    users = train.users.take(parts.user_index)
    items = train.items.take(parts.item_index)
    rated = {
        (user, item): value for user, item, value in data.interactions.frame().select(pl.nth(0, 1, 2)).rows()
    }
    assert [rated[pair] for pair in zip(users, items, strict=True)] == parts.values.tolist()


def test_test_rows_of_unknown_users_and_items_are_left_out_and_counted() -> None:
    parts = split(same_titles(), 0.5, seed=0)
    assert parts.n_unknown == 2 - len(parts.values) > 0
    assert (parts.user_index >= 0).all()


def test_a_validation_part_is_made_of_training_rows() -> None:
    train = split(planted(), 0.25, seed=0).train
    inner = inner_split(train, 0.1, seed=0)
    assert len(inner.train.interactions) + len(inner.values) + inner.n_unknown == len(train.interactions)


def test_misaligned_targets_are_the_same_ratings_beside_other_pairs() -> None:
    parts = split(planted(), 0.25, seed=0)
    wrong = misalign(parts, seed=0)
    before, after = parts.train.interactions, wrong.train.interactions
    np.testing.assert_array_equal(after.item_index, before.item_index)
    for ours, theirs in ((after.values, before.values), (wrong.values, parts.values)):
        np.testing.assert_array_equal(np.sort(ours), np.sort(theirs))
        assert not np.array_equal(ours, theirs)
