"""Hypothesis strategies for interactions; import them to test code that builds on Tastemap."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from tastemap.data import Catalog, Dataset, LoadReport, RatingScale, make_interactions

SEEDS = st.integers(0, 2**32 - 1)

Row = tuple[int, int, float, int]


@st.composite
def interaction_rows(
    draw: st.DrawFn, *, max_users: int = 8, max_items: int = 10, min_rows: int = 1, max_rows: int = 40
) -> list[Row]:
    """Rows of (user id, item id, rating, time) with distinct pairs, in any order; times repeat often."""
    pairs = st.tuples(st.integers(0, max_users - 1), st.integers(0, max_items - 1))
    chosen = draw(st.lists(pairs, min_size=min_rows, max_size=max_rows, unique=True))
    ratings = draw(
        st.lists(st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0]), min_size=len(chosen), max_size=len(chosen))
    )
    times = draw(st.lists(st.integers(0, 12), min_size=len(chosen), max_size=len(chosen)))
    return [(user, item, r, t) for (user, item), r, t in zip(chosen, ratings, times, strict=True)]


def dataset_of(
    rows: list[Row], *, text_ids: bool = False, with_times: bool = True, implicit: bool = False
) -> Dataset:
    """A data set made of such rows, in their order; ids as integers or as text."""
    convert = (lambda value: f"id{value}") if text_ids else (lambda value: value)
    interactions, n_merged = make_interactions(
        [convert(row[0]) for row in rows],
        [convert(row[1]) for row in rows],
        np.array([row[2] for row in rows], np.float32),
        timestamps=np.array([row[3] for row in rows], np.int64) if with_times else None,
        rating_scale=None if implicit else RatingScale(1.0, 5.0),
    )
    report = LoadReport(len(rows), len(interactions), n_merged)
    return Dataset("drawn", interactions, Catalog.empty(), None, report)


@st.composite
def datasets(draw: st.DrawFn, *, min_rows: int = 1, with_times: bool = True) -> Dataset:
    """Data sets with int or text ids, explicit or implicit."""
    rows = draw(interaction_rows(min_rows=min_rows))
    return dataset_of(rows, text_ids=draw(st.booleans()), with_times=with_times, implicit=draw(st.booleans()))
