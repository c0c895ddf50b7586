"""One user: the history, the list and its reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tastemap.data import Id
from tastemap.errors import InvalidValueError
from tastemap.service.answers import people
from tastemap.service.answers.asked import ListOptions
from tastemap.service.answers.data import activity, mean_rating
from tastemap.service.answers.lists import listed
from tastemap.service.database.records import Event
from tastemap.service.live.reading import n_entries, read_of
from tastemap.service.live.service import Service, person_of_told
from tastemap.service.live.serving import Serving
from tastemap.service.pages.reasons import parts
from tastemap.service.pages.words import readable

Fields = dict[str, Any]

LIST = ListOptions(k=10, reasons=3)
SORTS = ("rating", "time", "title")
SHOWN = 100
"""Rows of a history, unless all are asked for."""
MOST_SHOWN = 2_000
"""Rows even then: more would take a browser, and the service, long."""


async def page(service: Service, query: Mapping[str, str]) -> Fields:
    """The page as plain values.

    Raises
    ------
    UnknownUserError, InvalidValueError
        If nothing is known of the user, or nobody is asked for.
    """
    user_id = query.get("id", "").strip()
    if not user_id:
        raise InvalidValueError("id must name a user, as in /user?id=196. Got none.")
    serving, events, notes = await service.told_of(user_id)
    known = await read_of(people.user, serving, user_id, events, notes)
    person = await person_of_told(user_id, serving, events, ())
    answer = await listed(person, LIST)
    data = serving.recommender.train.interactions
    sort = query.get("sort", "rating")
    sort = sort if sort in SORTS else "rating"
    most = MOST_SHOWN if query.get("all") else SHOWN
    return {
        **known,
        "features": readable(known["features"]),
        "everybody_mean": mean_rating(data),
        "more_active_than": float((activity(data) < known["n_ratings"]).mean()),
        "sort": sort,
        "has_times": data.timestamps is not None or known["n_from_events"] > 0,
        "history": await read_of(_history, serving, user_id, events, sort, most),
        "most_shown": MOST_SHOWN,
        "list": answer,
        "why": [parts(serving.recommender, item, len(person.history.indices)) for item in answer["items"]]
        if person.basis != "popularity"
        else [],
        "notes": [*notes, *answer["notes"]],
    }


def _history(serving: Serving, user_id: Id, events: Sequence[Event], by: str, most: int) -> list[Fields]:
    """The first rows of a history in the order asked for."""
    n = n_entries(serving, user_id, events)
    return _sorted(people.history(serving, user_id, events, max(1, n), None)["items"], by)[:most]


def _sorted(rows: list[Fields], by: str) -> list[Fields]:
    """The latest first, then by what is asked for."""
    rows = sorted(rows, key=lambda row: -(row["timestamp"] or 0))
    if by == "title":
        return sorted(rows, key=lambda row: (row["title"] or str(row["item_id"])).casefold())
    return rows if by == "time" else sorted(rows, key=lambda row: -row["rating"])
