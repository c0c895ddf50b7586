"""Neighbors: the same as by sorting every item's float64 similarity."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tastemap.inference import similar_items
from tastemap.models.base import Link, Measure
from tastemap.models.factor import FactorModel
from tastemap.models.recommender import Recommender
from tastemap.training import fit
from tests.toys import planted

N_ITEMS = 25


@cache
def fitted() -> Recommender:
    return fit(planted(30, N_ITEMS, density=0.25), "popularity", rng=0)


@given(
    st.integers(1, 3),
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.integers(0, N_ITEMS - 1),
    st.sampled_from(["cosine", "dot"]),
    st.integers(1, N_ITEMS + 2),
    st.integers(0, 6),
)
def test_neighbors_are_those_of_a_full_sort_of_float64(
    d: int, seed: int, tied: bool, item: int, measure: Measure, k: int, min_common_users: int
) -> None:
    factors = np.random.default_rng(seed).normal(size=(N_ITEMS, d))
    factors = factors.round() if tied else factors  # round numbers give many ties, and zeros
    nothing = np.zeros(0, np.float32)
    model = FactorModel(
        np.zeros((0, d), np.float32), factors.astype(np.float32), nothing, nothing, 0.0, Link(), None
    )
    recommender = replace(fitted(), model=model)
    found = similar_items(recommender, item, measure=measure, k=k, min_common_users=min_common_users, by="id")
    data = recommender.train.interactions
    seen = np.zeros((data.n_users, N_ITEMS), np.int64)
    seen[data.user_index, data.item_index] = 1
    common = seen.T @ seen[:, item]
    similarity = model.similarity(item, measure)
    order = [i for i in np.lexsort((np.arange(N_ITEMS), -similarity)).tolist() if i != item]
    expected = [i for i in order if common[i] >= min_common_users][:k]
    assert found.frame["item_id"].to_list() == expected
    assert found.frame["common_users"].to_list() == common[expected].tolist()
    assert found.frame["similarity"].to_list() == similarity[expected].tolist()
    floor = similarity[expected[-1]] if len(expected) == k else -np.inf
    assert found.left_out == sum(common[i] < min_common_users and similarity[i] > floor for i in order)
    assert any("shorter" in note for note in found.notes) == (len(expected) < k)
