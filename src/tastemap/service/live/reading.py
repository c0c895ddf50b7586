"""What is stored of one user, read without holding up others however much it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar, TypeVarTuple

from tastemap.data import UNKNOWN, Id
from tastemap.service.database.records import Event
from tastemap.service.database.store import Store
from tastemap.service.live.beside import beside, in_thread
from tastemap.service.live.effort import MANY_ENTRIES
from tastemap.service.live.serving import Serving

MOST_EVENTS = 50_000
"""Events of one user that count until a refit, the latest: to read them and lay them over takes 0.3 s."""
TOO_MANY = f"Of this user's events since the fit only the latest {MOST_EVENTS:,} count until the next refit."

Rest = TypeVarTuple("Rest")
T = TypeVar("T")


async def later_events(store: Store, serving: Serving, user_id: Id) -> list[Event]:
    """Events of a user that the fit has not seen, rising, at most `MOST_EVENTS`; raises DatabaseError."""
    asked = str(user_id), serving.events_through
    if not store.is_local:
        return await in_thread(_latest, store, *asked)
    # A few of them take microseconds to read: a thread would take longer.
    found = store.events_of(*asked, most=MANY_ENTRIES + 1)
    return found if len(found) <= MANY_ENTRIES else await beside(_latest, store, *asked)


def _latest(store: Store, user_id: str, after: int) -> list[Event]:
    found = store.events_of(user_id, after, most=MOST_EVENTS)
    if len(found) == MOST_EVENTS and user_id in store.erased_since(after):
        found[0] = erasure_of(user_id, found[0].seq)  # the training row stays out, however much came later
    return found


def erasure_of(user_id: str, seq: int) -> Event:
    """An erasure, as far as it matters to what is laid over a training row."""
    return Event(seq, user_id, "", "erasure", 0.0, 0.0, 0.0, None)


def n_entries(serving: Serving, user_id: Id, events: Sequence[Event]) -> int:
    """How many entries are stored of a user at most: those of the fit, and events that came after it."""
    index = serving.recommender.users.find(user_id)
    if index == UNKNOWN:
        return len(events)
    start, stop = serving.recommender.train.interactions.by_user.indptr[index : index + 2].tolist()
    return len(events) + int(stop - start)


async def read_of(
    answer: Callable[[Serving, Id, Sequence[Event], *Rest], T],
    serving: Serving,
    user_id: Id,
    events: Sequence[Event],
    *rest: *Rest,
) -> T:
    """What an answer makes of what is stored of a user; beside the event loop where that is much."""
    if n_entries(serving, user_id, events) > MANY_ENTRIES:
        return await beside(answer, serving, user_id, events, *rest)
    return answer(serving, user_id, events, *rest)
