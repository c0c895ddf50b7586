"""Users: what is stored of them, what they would rate, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tastemap.data import UNKNOWN, Id
from tastemap.errors import UnknownUserError
from tastemap.inference.explain import reasons
from tastemap.inference.intervals import spread_of
from tastemap.inference.notes import unknown_items
from tastemap.service.answers.cursors import paged
from tastemap.service.database.errors import DatabaseError
from tastemap.service.database.records import Event
from tastemap.service.live.person import Entries, Person, entries_of, laid_over
from tastemap.service.live.serving import Serving
from tastemap.service.live.settling import is_erased

Fields = dict[str, Any]


def user(serving: Serving, user_id: Id, events: Sequence[Event], notes: Sequence[str] = ()) -> Fields:
    """What is known of a user, in short; `notes` say what else of it there is.

    Raises
    ------
    UnknownUserError
        If that is nothing.
    DatabaseError
        If only the database could tell whether that is nothing.
    """
    entries = _entries(serving, user_id, events, notes)
    known, index = _known(serving, user_id, events)
    is_implicit = serving.recommender.train.interactions.is_implicit
    n = len(entries.items)
    return {
        "user_id": known,
        "known": index != UNKNOWN,
        "n_ratings": n,
        "n_from_events": int(entries.from_event.sum()),
        "mean_rating": None if is_implicit or not n else float(entries.values.mean(dtype=np.float64)),
        "features": _features(serving, index),
        "notes": [*notes, *unknown_items(entries.n_unknown)],
    }


def history(
    serving: Serving,
    user_id: Id,
    events: Sequence[Event],
    limit: int,
    cursor: str | None,
    notes: Sequence[str] = (),
) -> Fields:
    """The items of a user, the latest first; those of one time by rising item index. Raises as :func:`user`."""
    entries = _entries(serving, user_id, events, notes)
    order = np.lexsort((entries.items, -entries.times))
    part, following = paged(serving, -entries.times[order], entries.items[order], limit, cursor)
    rows = _rows(serving, entries)
    known, _ = _known(serving, user_id, events)
    return {
        "user_id": known,
        "n_ratings": len(entries.items),
        "items": [rows[place] for place in order[part].tolist()],
        "next_cursor": following,
        "notes": [*notes, *unknown_items(entries.n_unknown)],
    }


def export(serving: Serving, user_id: Id, events: Sequence[Event], stored: Sequence[Event]) -> Fields:
    """All that is stored of a user: what the artifact holds with later `events`, and every event of all times.

    Raises
    ------
    UnknownUserError
        If that is nothing.
    """
    kept = [event for event in stored if event.kind != "erasure"]
    entries = laid_over(serving, _known(serving, user_id, events)[1], events)
    if not kept and not len(entries.items):
        entries_of(serving, user_id, events)  # raises, with near matches
    known, index = _known(serving, user_id, events)
    return {
        "user_id": known,
        "features": _features(serving, index),
        "history": _rows(serving, entries),
        "events": [_event(serving, event) for event in kept],
    }


def predictions(person: Person, item_ids: Sequence[Id], level: float) -> Fields:
    """Scores and predicted ratings of some items; an unknown one contributes nothing and is marked."""
    serving, recommender = person.serving, person.serving.recommender
    index = recommender.items.indices([str(id) for id in item_ids])
    scores = person.states.score(index[None, :])[0]
    rated = recommender.model.link.apply(scores)
    is_known = person.basis != "popularity"
    spread = spread_of(recommender, person.states, index[None, :], rated)
    ends = spread.interval(level) if spread is not None else (np.full(len(index), np.nan),) * 2
    rows = []
    for place, item in enumerate(index.tolist()):
        sides = (is_known, item != UNKNOWN)
        lower, upper = float(ends[0][place]), float(ends[1][place])
        rows.append(
            {
                "item_id": item_ids[place] if item == UNKNOWN else serving.item_ids[item],
                "title": None if item == UNKNOWN else serving.titles[item],
                "score": float(scores[place]),
                "prediction": float(rated[place]) if recommender.objective == "rating" else None,
                "known": {(True, True): "both", (True, False): "user", (False, True): "item"}.get(
                    sides, "none"
                ),
                "lower": None if np.isnan(lower) else lower,
                "upper": None if np.isnan(upper) else upper,
            }
        )
    return {"user_id": person.user_id, "basis": person.basis, "items": rows, "notes": list(person.notes)}


def explanation(person: Person, item_id: Id) -> Fields:
    """Why an item has its score: every reason, the strongest first.

    Raises
    ------
    UnknownItemError
        With near matches.
    """
    serving, recommender = person.serving, person.serving.recommender
    item = recommender.items.index(item_id)
    wanted = np.array([item], np.int32)
    score = float(person.states.score(wanted[None, :])[0, 0])
    found = reasons(recommender, person.history, wanted)
    values, owned = found.values[0], person.history.indices
    order = np.lexsort((owned, -np.abs(values)))
    is_rating = recommender.objective == "rating"
    return {
        "user_id": person.user_id,
        "basis": person.basis,
        "item_id": serving.item_ids[item],
        "title": serving.titles[item],
        "score": score,
        "prediction": float(recommender.model.link.apply(np.array([score]))[0]) if is_rating else None,
        "baseline": float(found.baseline[0]),
        "reasons": [
            {
                "item_id": serving.item_ids[int(owned[place])],
                "title": serving.titles[int(owned[place])],
                "rating": float(person.history.values[place]),
                "contribution": float(values[place]),
            }
            for place in order.tolist()
        ],
        "remainder": score - float(found.baseline[0]) - float(values.sum()),
        "additive": found.additive,
        "notes": list(person.notes),
    }


def _entries(serving: Serving, user_id: Id, events: Sequence[Event], notes: Sequence[str]) -> Entries:
    try:
        return entries_of(serving, user_id, events)
    except UnknownUserError as error:
        if notes and not events:  # somebody whom only the database knows would be told to be unknown
            raise DatabaseError(
                f"The database of events cannot be reached, and the model does not know user {str(user_id)!r}."
            ) from error
        raise


def _known(serving: Serving, user_id: Id, events: Sequence[Event]) -> tuple[Id, int]:
    """The id as the model writes it, and its index; who was erased is nobody the model knows."""
    users = serving.recommender.users
    index = UNKNOWN if is_erased(events) else users.find(user_id)
    own = users.own_form(user_id)
    return (user_id if own is None else own), index


def _features(serving: Serving, user_index: int) -> Mapping[str, Any]:
    frame = serving.recommender.train.user_features
    if frame is None or user_index == UNKNOWN:
        return {}
    row = frame.filter(frame["user_id"] == serving.recommender.users.to_id(user_index))
    return {} if row.is_empty() else {k: v for k, v in row.row(0, named=True).items() if k != "user_id"}


def _rows(serving: Serving, entries: Entries) -> list[Fields]:
    return [
        {
            "item_id": serving.item_ids[item],
            "title": serving.titles[item],
            "rating": value,
            "timestamp": None if time < 0 else time,
            "source": "event" if from_event else "training",
        }
        for item, value, time, from_event in zip(
            entries.items.tolist(),
            entries.values.tolist(),
            entries.times.tolist(),
            entries.from_event.tolist(),
            strict=True,
        )
    ]


def _event(serving: Serving, event: Event) -> Fields:
    """An event under the names that it was sent by."""
    own = serving.recommender.items.own_form(event.item_id)
    is_withdrawn = event.kind == "withdrawal"
    return {
        "seq": event.seq,
        "item_id": event.item_id if own is None else own,
        "rating": None if is_withdrawn else event.value,
        "withdrawn": is_withdrawn,
        "timestamp": int(event.time),
        "received": event.received,
        "key": event.client_key,
    }
