"""Items: search, detail, neighbors."""

from __future__ import annotations

from typing import Any

import numpy as np

from tastemap.data import Id
from tastemap.inference import matching_items, similar_items
from tastemap.models.base import Measure
from tastemap.service.answers.cursors import paged
from tastemap.service.live.serving import Serving

Fields = dict[str, Any]

ENOUGH_USERS = 20
"""Users in common from which on a likeness is more than chance: of fewer, a handful of people decide."""
BEFORE_ALL = -(10**17)
"""The rank of the item whose id was asked for, in a cursor: no popularity comes near."""


def search(serving: Serving, words: str | None, limit: int, cursor: str | None) -> Fields:
    """Items that the words may mean, the best match first; without words all items, the most popular first.

    Raises
    ------
    StaleCursorError
        If the cursor is of another version of the model.
    """
    recommender = serving.recommender
    popularity = recommender.train.interactions.popularity.astype(np.int64)
    if words is not None and words.strip():
        found = matching_items(recommender, words, len(serving.item_ids))
    else:
        found = np.argsort(-popularity, kind="stable")
    ranks = -popularity[found]
    if len(found) and words is not None and recommender.items.find(words.strip()) == found[0]:
        ranks[0] = BEFORE_ALL
    part, following = paged(serving, ranks, found, limit, cursor)
    rows = [_brief(serving, item) for item in found[part].tolist()]
    return {"items": rows, "n_found": len(found), "next_cursor": following}


def item(serving: Serving, item_id: Id) -> Fields:
    """What is known of one item.

    Raises
    ------
    UnknownItemError
        With near matches.
    """
    recommender = serving.recommender
    index = recommender.items.index(item_id)
    data = recommender.train.interactions
    _, values = data.of_item(index)
    known = recommender.catalog.row(index, named=True)
    bias = getattr(recommender.model, "item_bias", None)
    levels, counts = np.unique(values, return_counts=True)
    return {
        **_brief(serving, index),
        "mean_rating": None if data.is_implicit or not len(values) else float(values.mean(dtype=np.float64)),
        "bias": None if bias is None or not bias.any() else float(bias[index]),
        "ratings": [
            {"rating": float(level), "count": int(count)} for level, count in zip(levels, counts, strict=True)
        ],
        "features": {name: value for name, value in known.items() if name not in ("item_id", "title")},
    }


def similar(serving: Serving, item_id: Id, measure: Measure, k: int, min_common_users: int) -> Fields:
    """The neighbors of an item.

    Raises
    ------
    UnknownItemError, InvalidValueError
        As :func:`tastemap.similar_items`.
    """
    index = serving.recommender.items.index(item_id)
    found = similar_items(
        serving.recommender, item_id, measure=measure, k=k, min_common_users=min_common_users, by="id"
    )
    return {
        **_brief(serving, index),
        "measure": measure,
        "similar": found.frame.to_dicts(),
        "left_out": found.left_out,
        "notes": list(found.notes),
    }


def _brief(serving: Serving, index: int) -> Fields:
    return {
        "item_id": serving.item_ids[index],
        "title": serving.titles[index],
        "popularity": serving.support[index],
    }
