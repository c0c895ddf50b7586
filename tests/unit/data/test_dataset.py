from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from tastemap.data import Dataset, LoadReport, RatingScale
from tests.toys import hand_dataset, planted


def with_scale(data: Dataset, scale: RatingScale | None) -> Dataset:
    return replace(data, interactions=replace(data.interactions, rating_scale=scale))


def test_a_selection_counts_the_rows_that_it_leaves_out() -> None:
    report = LoadReport(20, 13, 2, {"rating is missing": 5}, ("a note",))
    data = replace(hand_dataset(), report=report)
    once = data.select(np.arange(13) < 9)
    assert once.report == LoadReport(20, 9, 2, {"rating is missing": 5, "selected": 4}, ("a note",))
    again = once.select(np.arange(9) != 0).report
    assert (again.n_kept, again.dropped["selected"]) == (8, 5)
    assert again.n_rows == again.n_kept + again.n_merged + sum(again.dropped.values())
    assert data.report == report


def test_a_selection_of_every_row_is_the_same_data() -> None:
    data = planted()
    whole = data.select(np.ones(len(data.interactions), np.bool_))
    assert whole.fingerprint == data.fingerprint
    assert whole.report.sentences() == data.report.sentences()


def test_users_and_items_keep_their_indices_without_their_low_ratings() -> None:
    data = hand_dataset().interactions
    high = data.at_least(4.0)
    assert high.frame().rows() == data.frame().filter(pl.col("rating") >= 4.0).rows()
    assert (high.n_users, high.n_items) == (6, 5)
    assert high.by_user.row_lengths.tolist() == [2, 2, 2, 2, 0, 0]
    assert high.popularity.tolist() == [2, 2, 2, 2, 0]
    assert high.users is data.users
    assert data.at_least(None) is data


def test_the_fingerprint_tells_rating_scales_and_implicit_feedback_apart() -> None:
    data = planted()
    scales = [RatingScale(1.0, 5.0), RatingScale(0.5, 5.0), RatingScale(1.0, 10.0), None]
    found = [with_scale(data, scale).fingerprint for scale in scales]
    assert len(set(found)) == len(scales)
    assert with_scale(data, RatingScale(np.float64(1), 5)).fingerprint == found[0] == data.fingerprint
