"""Which work is long is told before it is done."""

from __future__ import annotations

import pytest

from tastemap.service.live.effort import MANY_ENTRIES, MANY_PAIRS, adds_up, explains_long, folds_in_long
from tastemap.training import fit
from tests.toys import planted


@pytest.mark.parametrize("name", ["mlp", "softmax"])
def test_models_without_additive_reasons_take_long(name: str) -> None:
    recommender = fit(planted(), name, settings={"n_epochs": 2}, rng=0)
    assert not adds_up(recommender)
    assert folds_in_long(recommender, 1)
    assert explains_long(recommender, 1, 1)


@pytest.mark.parametrize("name", ["als", "itemknn", "popularity"])
def test_for_other_models_it_depends_on_how_much_there_is(name: str) -> None:
    recommender = fit(planted(), name, rng=0)
    assert adds_up(recommender)
    assert not folds_in_long(recommender, MANY_ENTRIES)
    assert folds_in_long(recommender, MANY_ENTRIES + 1)
    assert not explains_long(recommender, 100, MANY_PAIRS // 100)
    assert explains_long(recommender, 100, MANY_PAIRS // 100 + 1)
