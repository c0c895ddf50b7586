"""One item: what is known of it, who likes it, and what lies near."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tastemap.data import Id
from tastemap.errors import InvalidValueError
from tastemap.inference import find_item, matching_items
from tastemap.inference.similar import MIN_COMMON_USERS
from tastemap.inspection.neighbors import MEASURES
from tastemap.models.recommender import Recommender
from tastemap.plurals import plural
from tastemap.service.answers import items
from tastemap.service.answers.data import mean_rating, n_active
from tastemap.service.answers.kept import kept_by_version
from tastemap.service.live.beside import in_thread
from tastemap.service.live.service import Service
from tastemap.service.live.serving import Serving
from tastemap.service.pages.fans import fans
from tastemap.service.pages.words import Thing, percent, readable, thing

Fields = dict[str, Any]

NEIGHBORS = 10
FEWEST_RATERS = 10
"""Users who have an item before it is worth telling who they are."""
MOST_BARS = 12
"""Ratings that are drawn one by one; where there are more kinds, they are put together."""


async def page(service: Service, query: Mapping[str, str]) -> Fields:
    """The page as plain values.

    Raises
    ------
    UnknownItemError, InvalidValueError
        If nothing is like what is asked for, or nothing is asked for.
    """
    return await in_thread(_page, service.serving, query)


def _page(serving: Serving, query: Mapping[str, str]) -> Fields:
    recommender = serving.recommender
    item_id = _asked(recommender, query)
    word = thing(recommender.train.name)
    known = items.item(serving, item_id)
    index = recommender.items.index(item_id)
    data = recommender.train.interactions
    return {
        **known,
        "features": readable(known["features"]),
        "popularity_rank": 1 + int((data.popularity > data.popularity[index]).sum()),
        "n_items": data.n_items,
        "share_of_users": known["popularity"] / max(n_active(data), 1),
        "overall_mean": mean_rating(data),
        "bars": _bars(_with_gaps(serving, known["ratings"])) if not data.is_implicit else [],
        "said_of_bias": _with_caution(
            _said_of_bias(recommender, index, known["bias"], word), known["popularity"]
        ),
        "near": _near(serving, item_id),
        "fans": fans(recommender, index) if known["popularity"] >= FEWEST_RATERS else [],
    }


def _asked(recommender: Recommender, query: Mapping[str, str]) -> Id:
    """The id that `id` names, or the best match of the words in `q`."""
    if query.get("id"):
        return recommender.items.to_id(recommender.items.index(query["id"]))
    words = query.get("q", "").strip()
    if not words:
        raise InvalidValueError("id must name an item, as in /item?id=50. Got none; look for one by its title.")
    found = matching_items(recommender, words, 1)
    index = int(found[0]) if len(found) else find_item(recommender, words).item_index
    return recommender.items.to_id(index)


@kept_by_version
def _levels(serving: Serving) -> list[float]:
    """The ratings that are given at all; none where they are many kinds."""
    levels: list[float] = np.unique(serving.recommender.train.interactions.values).tolist()
    return levels if len(levels) <= MOST_BARS else []


def _with_gaps(serving: Serving, ratings: list[Fields]) -> list[Fields]:
    """The same with the ratings that nobody gave to this item: an axis has no holes."""
    counts = {row["rating"]: row["count"] for row in ratings}
    return [{"rating": level, "count": counts.get(level, 0)} for level in _levels(serving)] or ratings


def _bars(ratings: list[Fields]) -> list[Fields]:
    """Ratings and how many gave them, put into half stars or wider steps where there are many kinds."""
    values = np.array([row["rating"] for row in ratings])
    counts = np.array([row["count"] for row in ratings])
    for step in (0.0, 0.5, 1.0, 10.0):
        rounded = values if step == 0.0 else np.round(values / step) * step
        levels, place = np.unique(rounded, return_inverse=True)
        if len(levels) <= MOST_BARS:
            break
    sums = np.bincount(place, weights=counts)
    return [
        {"value": value, "count": int(count)}
        for value, count in zip(levels.tolist(), sums.tolist(), strict=True)
    ]


def _with_caution(said: str | None, n_raters: int) -> str | None:
    """What a bias means, and that few ratings say little of it."""
    if said is None or n_raters >= FEWEST_RATERS:
        return said
    return f"{said} This rests on {plural(n_raters, 'rating')} and may be chance."


def _said_of_bias(recommender: Recommender, index: int, bias: float | None, word: Thing) -> str | None:
    """What the bias means: liking that no taste explains. Only predicted ratings have a scale to say it in."""
    if bias is None or recommender.objective != "rating":
        return None
    biases = recommender.model.item_bias  # type: ignore[attr-defined]
    share = float((biases < biases[index]).mean())
    in_stars = recommender.model.link.kind != "sigmoid"
    by = f", by {abs(bias):.2f} stars" if in_stars else ""
    if share >= 0.5:
        beyond = f"higher than for {percent(share)} of the {word.many}"
    else:
        beyond = f"lower than for {percent(1.0 - share)} of the {word.many}"
    if in_stars and abs(bias) < 0.05:
        return f"Rated about as the habits and tastes of its raters explain; {beyond}."
    direction = "more" if bias > 0 else "less"
    return f"Liked {direction} than the habits and tastes of its raters explain{by}: {beyond}."


def _near(serving: Serving, item_id: Id) -> Fields:
    """Neighbors by each measure; a sentence instead where the model has no vectors of items."""
    limits = {"min_common_users": MIN_COMMON_USERS, "enough": items.ENOUGH_USERS}
    try:
        found = {
            measure: items.similar(serving, item_id, measure, NEIGHBORS, MIN_COMMON_USERS)
            for measure in MEASURES
        }
    except InvalidValueError as error:
        return {"lists": [], "said": error.message, **limits}
    lists = [
        {"measure": measure, "items": answer["similar"], "notes": answer["notes"]}
        for measure, answer in found.items()
    ]
    return {"lists": lists, "said": None, **limits}
