"""Rate some items and watch a list answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from fastapi.concurrency import run_in_threadpool

from tastemap.errors import InvalidValueError
from tastemap.inference import informative_items
from tastemap.models.recommender import Recommender
from tastemap.service.answers.kept import kept_by_version
from tastemap.service.live.service import Service
from tastemap.service.live.serving import Serving
from tastemap.service.pages.price import price

Fields = dict[str, Any]

QUESTIONS = 60
"""Items to ask a newcomer about; those that are rated are skipped."""
MOST_LEVELS = 10
"""Ratings of a scale that can be pressed one by one; of more, five spread over the scale are offered."""


async def page(service: Service, query: Mapping[str, str]) -> Fields:
    """The page as plain values; the price of diversity is measured beside it, and is there later."""
    serving = service.serving
    fixed = await run_in_threadpool(_page, serving)
    return {
        **fixed,
        "price": price(serving.recommender) if fixed["varies"] else {"state": "absent", "rows": []},
    }


@kept_by_version
def _page(serving: Serving) -> Fields:
    recommender = serving.recommender
    data = recommender.train.interactions
    return {
        "objective": recommender.objective,
        "rate": _rate(recommender),
        "titled": "title" in recommender.catalog.columns,
        "mean": None if data.is_implicit else float(data.values.mean(dtype=np.float64)),
        "link": recommender.model.link.kind,
        "varies": _varies(recommender),
        "questions": [
            {"item_id": serving.item_ids[item], "title": serving.titles[item]}
            for item in informative_items(recommender, QUESTIONS).tolist()
        ],
    }


def _rate(recommender: Recommender) -> Fields:
    """How one rates here: by stars where the model reads them, else by liking or not.

    Returns
    -------
    dict
        ``kind`` (``stars`` or ``thumbs``); ``levels``, the ratings that stars stand for; ``like``, the value
        that a liked item has in a history.
    """
    data = recommender.train.interactions
    scale = data.rating_scale
    if scale is None or recommender.objective == "ranking":
        return {"kind": "thumbs", "levels": [], "like": 1.0 if scale is None else scale.high}
    found = np.unique(data.values)
    levels = found if 2 <= len(found) <= MOST_LEVELS else np.linspace(scale.low, scale.high, 5)
    return {"kind": "stars", "levels": levels.astype(np.float64).tolist(), "like": scale.high}


def _varies(recommender: Recommender) -> bool:
    """Whether items have a likeness, by which a list can be made more diverse."""
    try:
        recommender.model.similarity(0, "cosine")
    except InvalidValueError:
        return False
    return True
