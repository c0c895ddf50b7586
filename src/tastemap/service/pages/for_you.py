"""Rate some items and watch a list answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi.concurrency import run_in_threadpool

from tastemap.inference import informative_items
from tastemap.service.live.service import Service
from tastemap.service.live.serving import Serving

Fields = dict[str, Any]

QUESTIONS = 60
"""Items to ask a newcomer about; those that are rated are skipped."""
MOST_STARS = 10
"""Ratings of a scale that are drawn as stars, at most; there are more on a scale in percent."""


async def page(service: Service, query: Mapping[str, str]) -> Fields:
    """The page as plain values."""
    return await run_in_threadpool(_page, service.serving)


def _page(serving: Serving) -> Fields:
    recommender = serving.recommender
    scale = recommender.train.interactions.rating_scale
    return {
        "objective": recommender.objective,
        "scale": None if scale is None else {"low": scale.low, "high": scale.high},
        "questions": [
            {"item_id": serving.item_ids[item], "title": serving.titles[item]}
            for item in informative_items(recommender, QUESTIONS).tolist()
        ],
    }
