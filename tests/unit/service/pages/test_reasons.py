from __future__ import annotations

from typing import Any

import pytest

from tastemap.service.pages.reasons import parts
from tests.saved import factors_recommender

RECOMMENDER = factors_recommender()
MEAN = float(RECOMMENDER.train.interactions.values.mean())


def told(baseline: float, *contributions: float, others: float = 0.0, n_history: int = 9) -> dict[str, Any]:
    score = baseline + sum(contributions) + others
    item = {
        "score": score,
        "prediction": float(RECOMMENDER.model.link.apply(score)),  # type: ignore[arg-type]  # one number
        "baseline": baseline,
        "reasons": [{"contribution": one} for one in contributions],
        "additive": True,
    }
    return parts(RECOMMENDER, item, n_history)


def test_the_parts_of_a_list_add_up() -> None:
    found = told(MEAN, 0.2, -0.1, 0.001, others=0.12)
    assert [one["contribution"] for one in found["reasons"]] == [0.2, -0.1]
    assert found["rest"]["text"] == "and 7 other ratings"
    assert found["rest"]["value"] == pytest.approx(0.121)
    assert found["start"]["value"] == pytest.approx(MEAN)


def test_a_small_rest_is_left_out_and_one_other_rating_is_one() -> None:
    assert told(MEAN, 0.2, others=0.004)["rest"] is None
    assert told(MEAN, 0.2, others=0.1, n_history=2)["rest"]["text"] == "and 1 other rating"


def test_the_beginning_is_held_against_the_mean_rating() -> None:
    texts = [told(MEAN + off)["start"]["text"] for off in (0.5, 0.0, -0.5)]
    assert texts == [
        f"to begin with: those who rated it {said}"
        for said in ("like it", "like it as much as most others", "like others more")
    ]
