"""Rate some items and watch a list answer: as one rates, or, without scripts, by a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tastemap.data import Id
from tastemap.errors import InvalidValueError
from tastemap.inference import informative_items
from tastemap.models.recommender import Recommender
from tastemap.service.answers.asked import ListOptions
from tastemap.service.answers.data import mean_rating
from tastemap.service.answers.kept import kept_by_version
from tastemap.service.answers.lists import listed
from tastemap.service.live.beside import in_thread
from tastemap.service.live.service import Service, person_of_ratings
from tastemap.service.live.serving import Serving
from tastemap.service.pages.price import price
from tastemap.service.pages.reasons import parts

Fields = dict[str, Any]

ASKED_BY_FORM = 10
"""Items that the form asks about, beside those that are rated already."""
QUESTIONS = 60
"""Items to ask a newcomer about; those that are rated are skipped."""
MOST_LEVELS = 10
"""Ratings of a scale that can be pressed one by one; of more, five spread over the scale are offered."""


RATE = "rate."
"""Begins the name of a field of the form; the item's id follows."""
MOST_RATED = 50
"""Ratings in an address."""
LIST = ListOptions(k=10, reasons=3)


async def page(service: Service, query: Mapping[str, str]) -> Fields:
    """The page as plain values; the price of diversity is measured beside it, and is there later."""
    serving = service.serving
    fixed = await in_thread(_page, serving)
    return {
        **fixed,
        "price": price(serving) if fixed["varies"] else {"state": "absent", "rows": []},
        "form": await _form(serving, query, fixed["questions"]),
    }


async def _form(serving: Serving, query: Mapping[str, str], questions: list[Fields]) -> Fields:
    """What somebody without scripts rates, and the list that answers; null before the form was sent.

    Raises
    ------
    UnknownItemError, InvalidValueError
        For an item that is not known, or a rating off the scale.
    """
    recommender = serving.recommender
    given = {name.removeprefix(RATE): text for name, text in query.items() if name.startswith(RATE) and text}
    if len(given) > MOST_RATED:
        raise InvalidValueError(f"rate must name at most {MOST_RATED} items. Got {len(given)}.")
    rated = {recommender.items.to_id(recommender.items.index(id)): _number(text) for id, text in given.items()}
    added = [recommender.items.to_id(recommender.items.index(query["add"]))] if query.get("add") else []
    rows = {id: None for id in added} | dict(rated)
    for one in questions:
        if len(rows) >= len(rated) + len(added) + ASKED_BY_FORM:
            break
        rows.setdefault(one["item_id"], None)
    answer = await listed(await person_of_ratings(serving, rated), LIST) if rated else None
    return {
        "rows": [{**_named(serving, id), "rating": rating} for id, rating in rows.items()],
        "list": answer,
        "why": [parts(recommender, item, len(rated)) for item in answer["items"]] if answer else [],
    }


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InvalidValueError(f"rate must be a number. Got {text[:20]!r}.", argument="rate") from error


def _named(serving: Serving, id: Id) -> Fields:
    return {"item_id": id, "title": serving.titles[serving.recommender.items.index(id)]}


@kept_by_version
def _page(serving: Serving) -> Fields:
    recommender = serving.recommender
    data = recommender.train.interactions
    return {
        "objective": recommender.objective,
        "rate": _rate(recommender),
        "titled": "title" in recommender.catalog.columns,
        "mean": mean_rating(data),
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
