from __future__ import annotations

import numpy as np
import pytest

from tastemap.inference import explain, reasons
from tastemap.inference.lists import top_lists
from tastemap.models.recommender import Recommender
from tastemap.training import MODELS, fit
from tests.toys import planted

SMALL: dict[str, dict[str, object]] = {
    "dot": {"n_factors": 4, "n_epochs": 2},
    "gibbs": {"n_factors": 4, "n_epochs": 12, "burn_in": 4},
    "mlp": {"n_epochs": 2},
    "softmax": {"n_epochs": 2},
}


@pytest.fixture(scope="module", params=sorted(MODELS))
def recommender(request: pytest.FixtureRequest) -> Recommender:
    return fit(planted(), request.param, settings=SMALL.get(request.param), rng=0)


def test_reasons_of_a_list_are_those_of_each_item(recommender: Recommender) -> None:
    user = np.array([3])
    history = recommender.train.interactions.by_user.take(user)
    items = top_lists(recommender.model.users(user), 6, seen=history)[0][0]
    found = reasons(recommender, history, items)
    assert found.values.shape == (6, len(history.indices))
    assert found.baseline.dtype == found.values.dtype == np.float64
    np.testing.assert_array_equal(found.item_index, history.indices)
    for row, item in enumerate(items):
        alone = reasons(recommender, history, items[row : row + 1])
        np.testing.assert_allclose(found.values[row], alone.values[0], rtol=1e-7, atol=1e-9)
        assert found.baseline[row] == pytest.approx(alone.baseline[0], abs=1e-9)
        whole = explain(recommender, recommender.users.to_id(3), recommender.items.to_id(int(item)))
        assert whole.baseline == pytest.approx(found.baseline[row], abs=1e-9)
        assert whole.additive == found.additive
        by_item = dict(zip(whole.reasons["item_id"], whole.reasons["contribution"], strict=True))
        listed = [by_item[id] for id in recommender.items.take(history.indices)]
        np.testing.assert_allclose(found.values[row], listed, rtol=1e-7, atol=1e-9)


def test_an_empty_list_has_no_reasons(recommender: Recommender) -> None:
    history = recommender.train.interactions.by_user.take(np.array([3]))
    found = reasons(recommender, history, np.zeros(0, np.int32))
    assert found.baseline.shape == (0,)
    assert found.values.shape == (0, len(history.indices))
