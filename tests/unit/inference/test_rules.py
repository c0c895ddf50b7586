from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest

from tastemap.data import Id
from tastemap.errors import InvalidValueError, UnknownItemError
from tastemap.inference import Rules, recommend, recommend_for_history
from tastemap.inference.diversity import marginal_order, pool_size
from tastemap.inference.lists import top_lists
from tastemap.inference.ranking import Ranking, popular, rank
from tastemap.linalg.csr import empty_rows
from tastemap.linalg.types import Float64Array, Int32Array
from tastemap.models.base import Model
from tastemap.models.recommender import Recommender
from tastemap.training import fit
from tests.toys import hand_dataset, planted

SETTINGS: dict[str, dict[str, object]] = {"mlp": {"n_epochs": 2}, "softmax": {"n_epochs": 2}}
USERS = np.array([3, 0, 17])
WITH_VECTORS = ["als", "ials", "itemknn", "ease", "mlp", "softmax"]


@cache
def fitted(name: str) -> Recommender:
    return fit(planted(), name, settings=SETTINGS.get(name), rng=0)


@cache
def by_hand(name: str = "popularity") -> Recommender:
    return fit(hand_dataset(), name, rng=0)


def ranked(recommender: Recommender, rules: Rules, k: int = 10) -> Ranking:
    states, seen = recommender.model.users(USERS), recommender.train.interactions.by_user.take(USERS)
    return rank(recommender, states, seen, k, rules.prepare(recommender))


def listed(rules: Rules, user: Id = "u1", k: int = 5) -> list[int]:
    return recommend(by_hand(), [user], k=k, rules=rules).frame["item_id"].to_list()


def test_without_rules_a_ranking_is_the_list_of_the_model() -> None:
    recommender = fitted("als")
    seen = recommender.train.interactions.by_user.take(USERS)
    items, scores = top_lists(recommender.model.users(USERS), 7, seen=seen)
    found = ranked(recommender, Rules(), 7)
    np.testing.assert_array_equal(found.item_index, items)
    np.testing.assert_array_equal(found.scores, scores)
    assert not found.pinned.any()


def test_items_with_little_support_stay_out_unless_they_are_pinned() -> None:
    # Items 1 … 5 have 4, 3, 3, 2 and 1 interactions.
    everything = {"exclude_seen": False, "k": 5}
    for least, expected in ((0, [1, 2, 3, 4, 5]), (2, [1, 2, 3, 4]), (3, [1, 2, 3]), (9, [])):
        frame = recommend(by_hand(), ["u1"], rules=Rules(min_support=least), **everything).frame  # type: ignore[arg-type]
        assert frame["item_id"].to_list() == expected
    assert listed(Rules(min_support=3, pins=[5])) == [5]


def test_pins_stand_first_in_their_order_and_count_among_the_k() -> None:
    found = recommend(by_hand(), ["u6"], k=3, rules=Rules(pins=[5, "2", 5]))
    assert found.frame["item_id"].to_list() == [5, 2, 1]  # u6 has seen item 2
    assert found.frame["pinned"].to_list() == [True, True, False]
    assert found.frame["rank"].to_list() == [1, 2, 3]
    assert found.frame["score"].to_list() == [1.0, 3.0, 4.0]
    assert listed(Rules(pins=[5, 4, 2]), k=2) == [5, 4]
    assert recommend_for_history(by_hand(), {1: 5.0}, k=2, rules=Rules(pins=[1])).frame["item_id"][0] == 1


@pytest.mark.parametrize(
    "stronger",
    [Rules(exclude=[5], pins=[5, 4]), Rules(only=[3, 4], pins=[5, 4]), Rules(where="year < 2000", pins=[5, 4])],
)
def test_exclude_only_and_where_are_stronger_than_a_pin(stronger: Rules) -> None:
    found = recommend(by_hand(), ["u6"], k=2, rules=stronger)
    assert found.frame["item_id"][0] == 4
    assert 5 not in found.frame["item_id"]
    assert found.notes[0] == "1 pinned item left out by exclude, only or where: 5."


def test_pins_fill_lists_that_are_longer_than_the_catalog() -> None:
    found = recommend(by_hand(), ["u1"], k=9, rules=Rules(pins=[5, 1]))
    assert found.frame["item_id"].to_list() == [5, 1, 4]
    assert "shorter than 9: of 5 items 5 are allowed" in found.notes[0]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (Rules(min_support=-1), "min_support must be an integer >= 0"),
        (Rules(min_support=True), "Got True"),
        (Rules(diversity=1.1), "diversity must be from 0 .* Got 1.1"),
        (Rules(diversity=float("nan")), "Got nan"),
        (Rules(pins="12"), r"take a list of ids. Got '12'; write \['12'\]"),
        (Rules(diversity=0.5), "no item vectors, so items have no similarity. Fit another model"),
    ],
)
def test_what_rules_cannot_mean_is_refused_in_a_sentence(rules: Rules, message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        recommend(by_hand(), ["u1"], rules=rules)
    with pytest.raises(UnknownItemError):
        recommend(by_hand(), ["u1"], rules=Rules(pins=[77]))


def slow_order(
    scores: Sequence[float], cosines: Float64Array, above: list[int], k: int, diversity: float
) -> list[int]:
    """Maximal marginal relevance as it is written; `above` are places that stand in the list already."""
    low, high = min(scores), max(scores)
    picked: list[int] = []
    while len(picked) < k:
        gains = {}
        for place in set(range(len(scores))) - set(picked):
            alike = max((cosines[place, other] for other in above + picked), default=-1.0)
            gains[place] = (1 - diversity) * (scores[place] - low) / (high - low) - diversity * alike
        picked.append(max(gains, key=lambda place: (gains[place], -place)))
    return picked


@pytest.mark.parametrize(("k", "n"), [(1, 100), (10, 100), (40, 200), (100, 500), (300, 500), (1000, 1000)])
def test_a_long_list_is_picked_from_few_more_items_than_it_holds(k: int, n: int) -> None:
    assert pool_size(k) == n


def test_no_more_items_are_compared_than_the_pool_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    recommender, compared = fit(planted(n_items=1_000), "als", settings={"n_epochs": 1}, rng=0), []
    similarities = type(recommender.model).similarities

    def noting(model: Model, item_index: Int32Array) -> Float64Array:
        compared.append(len(item_index))
        return similarities(model, item_index)

    monkeypatch.setattr(type(recommender.model), "similarities", noting)
    found = ranked(recommender, Rules(diversity=0.5), 200)
    assert (found.item_index >= 0).all()
    assert compared == [0, 500, 500, 500]


@pytest.mark.parametrize("diversity", [0.2, 0.7, 1.0])
def test_the_order_is_that_of_the_formula(diversity: float) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(20, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines, scores = vectors @ vectors.T, -np.sort(-rng.normal(size=20))
    found = marginal_order(scores, cosines, np.full(20, -1.0), 8, diversity)
    assert found.tolist() == slow_order(scores.tolist(), cosines, [], 8, diversity)
    nearest = cosines[[4, 9]].max(axis=0)
    behind = marginal_order(scores, cosines, nearest, 8, diversity)
    assert behind.tolist() == slow_order(scores.tolist(), cosines, [4, 9], 8, diversity)
    assert marginal_order(scores[:0], cosines[:0, :0], nearest[:0], 8, diversity).tolist() == []
    assert marginal_order(np.ones(3), np.eye(3), np.full(3, -1.0), 5, diversity).tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", WITH_VECTORS)
def test_similarities_among_items_are_those_to_each_item(name: str) -> None:
    model, items = fitted(name).model, np.array([5, 0, 31, 17], np.int32)
    expected = [model.similarity(int(item), "cosine")[items] for item in items]
    np.testing.assert_allclose(model.similarities(items), expected, atol=1e-6)
    assert model.similarities(items[:0]).shape == (0, 0)


@pytest.mark.parametrize("name", WITH_VECTORS)
def test_more_diversity_makes_lists_less_alike_and_keeps_the_scores_of_the_model(name: str) -> None:
    recommender, alike = fitted(name), []
    for diversity in (0.0, 0.5, 1.0):
        found = ranked(recommender, Rules(diversity=diversity), 6)
        assert (found.item_index >= 0).all()
        scores = recommender.model.users(USERS).score(found.item_index)
        np.testing.assert_array_equal(found.scores, scores)
        cosines = [recommender.model.similarities(items) for items in found.item_index]
        alike.append(float(np.mean([among[np.triu_indices(6, 1)].mean() for among in cosines])))
        for row, user in enumerate(USERS):
            assert len(set(found.item_index[row].tolist())) == 6
            assert not set(found.item_index[row].tolist()) & set(
                recommender.train.interactions.by_user.row(user)[0].tolist()
            )
    assert alike[2] < alike[0]
    assert alike[1] <= alike[0]


def test_pins_count_as_what_stands_above() -> None:
    recommender = fitted("als")
    pin, near = 4, int(np.argsort(-recommender.model.similarity(4, "cosine"))[1])
    ids = recommender.items.take(np.array([pin, near])).to_list()
    found = ranked(recommender, Rules(pins=ids[:1], diversity=1.0, only=recommender.items.ids.to_list()), 4)
    assert (found.item_index[:, 0] == pin).all()
    assert found.pinned.tolist() == [[True, False, False, False]] * 3
    cosines = recommender.model.similarity(pin, "cosine")
    assert (cosines[found.item_index[:, 1]] < cosines[near]).all()


def test_a_list_is_the_same_alone_and_in_a_batch() -> None:
    recommender = fitted("als")
    rules = Rules(pins=[3], diversity=0.4, min_support=5)
    everybody = recommend(recommender, k=6, rules=rules).frame
    for user in (0, 11, 40):
        alone = recommend(recommender, [user], k=6, rules=rules).frame
        assert alone.equals(everybody.filter(everybody["user_id"] == user))


def test_somebody_unknown_gets_what_is_popular_within_the_rules() -> None:
    recommender = by_hand()
    nothing = empty_rows(1, 5)
    found = popular(recommender, 9, Rules(exclude=[2]).prepare(recommender), nothing)
    assert found.item_index.tolist() == [[0, 2, 3, 4, -1]]
    assert found.scores.tolist() == [[4.0, 3.0, 2.0, 1.0, -np.inf]]
    seen = recommender.train.interactions.by_user.take(np.array([0]))
    pinned = popular(recommender, 2, Rules(pins=[5]).prepare(recommender), seen)
    assert pinned.item_index.tolist() == [[4, 3]]
    assert pinned.pinned.tolist() == [[True, False]]
    diverse = popular(by_hand("als"), 3, Rules(diversity=0.5).prepare(by_hand("als")), nothing)
    assert diverse.item_index[0, 0] == 0
    assert len(set(diverse.item_index[0].tolist())) == 3
