"""Events into the database: what is checked, and how one that comes twice is stored once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, insert, select

from tastemap.errors import InvalidValueError, check_type
from tastemap.service.database.errors import KeyConflictError
from tastemap.service.database.records import NewEvent, Receipt
from tastemap.service.database.tables import events

LONGEST_ID = 512
LONGEST_KEY = 200
KEYS_A_QUERY = 500

_STORED = select(events).where(events.c.client_key.in_(bindparam("keys", expanding=True)))
_NEW = insert(events).returning(events.c.seq, sort_by_parameter_order=True)

Outcome = list[Receipt] | KeyConflictError


def check_text(argument: str, value: object, longest: int) -> None:
    """Raise InvalidValueError unless a value is text of 1 to `longest` characters that a database can hold."""
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        shown = f"{len(value):,} characters" if isinstance(value, str) else type(value).__name__
        raise InvalidValueError(
            f"{argument} must be text of 1 to {longest} characters. Got {shown}; shorten or convert it.",
            argument=argument,
        )
    # Half of a surrogate pair, which JSON may bring, is no UTF-8.
    if "\0" in value or not (value.isascii() or _is_unicode(value)):
        raise InvalidValueError(
            f"{argument} must be Unicode text without the character U+0000. Got {value[:40]!r}; remove it.",
            argument=argument,
        )


def _is_unicode(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)


def check_event(event: NewEvent) -> None:
    """Raise InvalidValueError unless an event can be stored."""
    check_type("event", event, NewEvent, "a NewEvent", "make one")
    check_text("user_id", event.user_id, LONGEST_ID)
    check_text("item_id", event.item_id, LONGEST_ID)
    if event.client_key is not None:
        check_text("client_key", event.client_key, LONGEST_KEY)
    if event.kind not in ("interaction", "withdrawal"):
        raise InvalidValueError(
            f"kind must be 'interaction' or 'withdrawal'. Got {event.kind!r}; erase a user by Store.erase.",
            argument="kind",
        )
    for argument, number in (("value", event.value), ("time", event.time)):
        if number is not None and not (isinstance(number, int | float) and abs(number) <= sys.float_info.max):
            raise InvalidValueError(
                f"{argument} must be a finite number. Got {number!r}; correct it.", argument=argument
            )


@dataclass(frozen=True, slots=True)
class _Known:
    """A stored event, or one about to be stored: ``place`` is its seq, or below 0 the new row -1, -2, …."""

    event: NewEvent
    received: float
    place: int

    def is_same(self, event: NewEvent) -> bool:
        """Whether an event of the same key says the same; one without a time happened when it was received."""
        time = self.received if event.time is None else event.time
        return self.event == replace(event, time=time)


def append_groups(
    connection: Connection, groups: Sequence[Sequence[NewEvent]], received: float
) -> list[Outcome]:
    """Store each group whole or not at all; the outcome of each, in order.

    The connection must be in a transaction of :meth:`Connections.writing`, whose lock makes sure that nobody
    stores a key between the look and the write.
    """
    known = _stored(connection, [event.client_key for group in groups for event in group if event.client_key])
    rows: list[NewEvent] = []
    placed: list[list[tuple[int, bool]] | KeyConflictError] = []
    for group in groups:
        try:
            placed.append(_place(group, received, known, rows))
        except KeyConflictError as error:
            placed.append(error)
    seqs = _insert(connection, rows, received)
    return [
        outcome
        if isinstance(outcome, KeyConflictError)
        else [Receipt(place if place > 0 else seqs[-place - 1], duplicate) for place, duplicate in outcome]
        for outcome in placed
    ]


def _stored(connection: Connection, keys: Sequence[str]) -> dict[str, _Known]:
    """What is stored of client keys."""
    known = {}
    for start in range(0, len(keys), KEYS_A_QUERY):
        for row in connection.execute(_STORED, {"keys": keys[start : start + KEYS_A_QUERY]}):
            seq, user_id, item_id, kind, value, time, received, key = row
            known[key] = _Known(NewEvent(user_id, item_id, value, kind, time, key), received, seq)
    return known


def _place(
    group: Sequence[NewEvent], received: float, known: dict[str, _Known], rows: list[NewEvent]
) -> list[tuple[int, bool]]:
    """Where each event of a group is or will be, and whether it was there; adds the new ones to `rows`."""
    new: list[NewEvent] = []
    own: dict[str, _Known] = {}
    places = []
    for event in group:
        key = event.client_key
        before = (own.get(key) or known.get(key)) if key else None
        if before is not None:
            if not before.is_same(event):
                raise KeyConflictError(
                    f"key {key!r} was used for another event; use a new key, or send that event.",
                    key=key,
                )
            places.append((before.place, True))
            continue
        new.append(replace(event, time=received) if event.time is None else event)
        place = -len(rows) - len(new)
        if key:
            own[key] = _Known(new[-1], received, place)
        places.append((place, False))
    rows += new
    known |= own
    return places


def _insert(connection: Connection, rows: Sequence[NewEvent], received: float) -> list[int]:
    """The seq of each new row, rising."""
    if not rows:
        return []
    written = [
        {
            "user_id": event.user_id,
            "item_id": event.item_id,
            "kind": event.kind,
            "value": event.value,
            "time": event.time,
            "received": received,
            "client_key": event.client_key,
        }
        for event in rows
    ]
    return list(connection.execute(_NEW, written).scalars())
