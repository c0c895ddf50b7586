"""What is asked for of the events, as statements."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnClause, bindparam, func, literal_column, select

from tastemap.service.database.records import Kind
from tastemap.service.database.tables import events

EVENTS_A_READ = 5000
NO_END = 2**62
"""Above every ``seq``, and more than there are events; both databases can count as far."""

# SQLAlchemy gives SQLite an offset with every limit, else as one more parameter.
_NONE: ColumnClause[int] = literal_column("0")
_AFTER = events.c.seq > bindparam("after")
_SPAN = _AFTER, events.c.seq <= bindparam("up_to")
OF_USER = (
    select(events)
    .where(events.c.user_id == bindparam("user_id"), *_SPAN)
    .order_by(events.c.seq.desc())
    .limit(bindparam("most"))
    .offset(_NONE)
)
OF_ITEM = select(events).where(events.c.item_id == bindparam("item_id"), *_SPAN).order_by(events.c.seq)
SPAN = select(events).where(*_SPAN).order_by(events.c.seq).limit(EVENTS_A_READ)
USES = (
    select(events.c.seq, events.c.user_id, events.c.item_id, events.c.kind, events.c.received)
    .where(_AFTER)
    .order_by(events.c.seq)
    .limit(literal_column(str(EVENTS_A_READ)))
    .offset(_NONE)
)
LAST = select(func.coalesce(func.max(events.c.seq), 0))


class Use(NamedTuple):
    """Who had to do with what, and when that was received; an erasure has the item id ""."""

    seq: int
    user_id: str
    item_id: str
    kind: Kind
    received: float
