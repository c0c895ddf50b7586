"""A whole evaluation against plain loops over ids: random models, histories, test rows and masks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tastemap.data import Catalog, Dataset, LoadReport, make_interactions
from tastemap.evaluation import evaluate_recommender
from tastemap.evaluation.records import EvaluationRecord
from tastemap.models.base import Link
from tastemap.models.factor import FactorModel
from tastemap.models.recommender import Recommender
from tastemap.training import make_config
from tests.properties import slow_metrics as slow
from tests.toys import STARS

Rows = dict[tuple[int, int], float]
stars = st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0])


def rows(n_users: int, n_items: int, *, min_size: int) -> st.SearchStrategy[Rows]:
    """Ratings of (user, item) pairs; the ids of items start at 100."""
    pairs = st.tuples(st.integers(0, n_users - 1), st.integers(100, 99 + n_items))
    return st.dictionaries(pairs, stars, min_size=min_size, max_size=25)


@dataclass(frozen=True)
class Case:
    """Training and test rows (with ids that training may not know), rows to mask, a seed, a length."""

    train: Rows
    test: Rows
    mask: Rows
    seed: int
    k: int


@st.composite
def cases(draw: st.DrawFn) -> Case:
    train = draw(rows(5, 6, min_size=3))
    assume(len({user for user, _ in train}) > 1 and len({item for _, item in train}) > 1)
    test = {pair: value for pair, value in draw(rows(7, 8, min_size=1)).items() if pair not in train}
    assume(test)
    return Case(train, test, draw(rows(7, 8, min_size=0)), draw(st.integers(0, 999)), draw(st.integers(1, 7)))


def as_dataset(given: Rows) -> Dataset:
    users, items = zip(*given, strict=True)
    made, _ = make_interactions(
        list(users), list(items), np.array(list(given.values()), np.float32), rating_scale=STARS
    )
    return Dataset("random", made, Catalog.empty(), None, LoadReport(len(made), len(made)))


def random_model(train: Dataset, seed: int) -> Recommender:
    rng = np.random.default_rng(seed)
    n_users, n_items = train.interactions.n_users, train.interactions.n_items
    model = FactorModel(
        user_factors=rng.normal(size=(n_users, 2)).astype(np.float32),
        item_factors=rng.normal(size=(n_items, 2)).astype(np.float32),
        user_bias=rng.normal(size=n_users).astype(np.float32),
        item_bias=rng.normal(size=n_items).astype(np.float32),
        global_bias=3.0,
        link=Link("clip", 1.0, 5.0),
        user_side=None,
    )
    config = make_config("als")
    return Recommender(model, "als", "rating", config, config, seed, train, pl.DataFrame())


def score(fitted: Recommender, user: int, item: int) -> float:
    """The score by the formula, with unknown sides left out."""
    model, users, items = fitted.model, fitted.users.ids.to_list(), fitted.items.ids.to_list()
    assert isinstance(model, FactorModel)
    total = model.global_bias
    if user in users:
        total += float(model.user_bias[users.index(user)])
    if item in items:
        total += float(model.item_bias[items.index(item)])
    if user in users and item in items:
        left, right = model.user_factors[users.index(user)], model.item_factors[items.index(item)]
        total += sum(float(one) * float(other) for one, other in zip(left, right, strict=True))
    return total


def evaluated(case: Case) -> tuple[Recommender, EvaluationRecord]:
    fitted = random_model(as_dataset(case.train), case.seed)
    mask = as_dataset(case.mask) if case.mask else None
    return fitted, evaluate_recommender(fitted, as_dataset(case.test), k=case.k, also_mask=mask, n_draws=2)


RANKING: dict[str, Callable[[slow.List, slow.Relevant, int], float]] = {
    "precision": slow.precision,
    "recall": slow.recall,
    "ndcg": slow.ndcg,
    "map": slow.average_precision,
    "mrr": slow.reciprocal_rank,
    "hit_rate": slow.hit_rate,
}


@settings(max_examples=40)
@given(case=cases())
def test_an_evaluation_equals_plain_loops_over_ids(case: Case) -> None:
    fitted, record = evaluated(case)
    found = {name: estimate.value for name, estimate in record.result("als").metrics.items()}
    catalog = fitted.items.ids.to_list()
    relevant: dict[int, set[int]] = defaultdict(set)
    for (user, item), value in case.test.items():
        if value >= 4.0:
            relevant[user].add(item)
    lists: dict[int, list[int]] = {}
    for user in relevant:
        hidden = {item for owner, item in (*case.train, *case.mask) if owner == user}
        lists[user] = sorted(set(catalog) - hidden, key=lambda item: (-score(fitted, user, item), item))[
            : case.k
        ]
    for name, metric in RANKING.items():
        figures = [metric(lists[user], frozenset(relevant[user]), case.k) for user in relevant]
        if figures:
            assert found[f"{name}@{case.k}"] == pytest.approx(sum(figures) / len(figures), abs=1e-12)
        else:
            assert f"{name}@{case.k}" not in found
    shown = list(lists.values())
    assert found[f"coverage@{case.k}"] == pytest.approx(slow.coverage(shown, catalog))
    assert found[f"gini@{case.k}"] == pytest.approx(slow.gini(shown, catalog), abs=1e-12)
    assert (f"novelty@{case.k}" in found) == any(shown)
    if any(shown):
        owners: dict[Hashable, int] = {item: sum(own == item for _, own in case.train) for item in catalog}
        novelty = slow.novelty(shown, owners, len(fitted.users))
        assert found[f"novelty@{case.k}"] == pytest.approx(novelty, abs=1e-12)


@settings(max_examples=40)
@given(case=cases())
def test_errors_equal_plain_loops_over_all_rows_and_over_known_rows(case: Case) -> None:
    fitted, record = evaluated(case)
    found = record.result("als").metrics
    predicted = {pair: min(5.0, max(1.0, score(fitted, *pair))) for pair in case.test}
    users, items = set(fitted.users.ids.to_list()), set(fitted.items.ids.to_list())
    known = [(user, item) for user, item in case.test if user in users and item in items]
    every = list(case.test)
    assert found["rmse"].value == pytest.approx(
        slow.rmse([case.test[pair] for pair in every], [predicted[pair] for pair in every])
    )
    assert found["mae"].value == pytest.approx(
        slow.mae([case.test[pair] for pair in every], [predicted[pair] for pair in every])
    )
    assert ("rmse_known" in found) == bool(known)
    if known:
        assert found["rmse_known"].value == pytest.approx(
            slow.rmse([case.test[pair] for pair in known], [predicted[pair] for pair in known])
        )
    assert record.counts.n_rows_unknown == len(every) - len(known)
    assert record.counts.n_unknown_users == len({user for user, _ in every} - users)
    assert record.counts.n_unknown_items == len({item for _, item in every} - items)
