"""Which version is served, what each was fitted to, whose database this is, and what must be forgotten."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, func, insert, select, update

from tastemap.service.database.records import ServedVersion
from tastemap.service.database.tables import IS_ERASURE, audit, events, fits, owner, served

FORGET = "forget"
"""The action of audit lines that say: earlier versions, which held the users of an erasure, are deleted."""

_SERVED = (
    select(served.c.version, served.c.digest, func.coalesce(fits.c.events_through, 0), served.c.since)
    .select_from(served.outerjoin(fits, served.c.digest == fits.c.digest))
    .order_by(served.c.seq.desc())
    .limit(1)
)
_THROUGH = select(fits.c.events_through).where(fits.c.digest == bindparam("digest"))
_LAST_ERASURE = select(func.max(events.c.seq)).where(IS_ERASURE, events.c.seq <= bindparam("through"))
_ERASED = select(events.c.user_id).where(IS_ERASURE, events.c.seq > bindparam("after"))


def read_served(connection: Connection) -> ServedVersion | None:
    """What is served; None before a version was named."""
    row = connection.execute(_SERVED).first()
    return None if row is None else ServedVersion(*row)


def name_served(connection: Connection, version: int, digest: str, now: float) -> None:
    """Name what is served from now on."""
    connection.execute(insert(served).values({"version": version, "digest": digest, "since": now}))


def record_fit(connection: Connection, digest: str, events_through: int, now: float) -> None:
    """Keep the last event that a version was fitted to.

    Two fits of the same bytes hold the same interactions: events between them changed nothing, so the later
    one counts.
    """
    known = connection.execute(_THROUGH, {"digest": digest}).scalar()
    row = {"digest": digest, "events_through": events_through, "since": now}
    if known is None:
        connection.execute(insert(fits).values(row))
    elif known < events_through:
        connection.execute(update(fits).where(fits.c.digest == digest).values(row))


def events_through(connection: Connection, digest: str) -> int:
    """The last event that a version was fitted to; 0 for one that was not fitted from events."""
    found = connection.execute(_THROUGH, {"digest": digest}).scalar()
    return 0 if found is None else int(found)


def claimed_by(connection: Connection, name: str) -> str:
    """Whose database this is: that of the first artifact that asked."""
    found = connection.execute(select(owner.c.name)).scalar()
    if found is None:
        connection.execute(insert(owner).values({"name": name}))
    return name if found is None else str(found)


def erasure_to_forget(connection: Connection, through: int) -> int | None:
    """The last erasure up to an event, if the versions that held its user have not been deleted yet."""
    last = connection.execute(_LAST_ERASURE, {"through": through}).scalar()
    if last is None:
        return None
    done = select(audit.c.seq).where(audit.c.action == FORGET, audit.c.subject == str(last))
    return None if connection.execute(done).first() is not None else int(last)


def erased_since(connection: Connection, after: int) -> frozenset[str]:
    """Users that an erasure of seq > `after` erased; costs a look at these erasures alone."""
    return frozenset(connection.execute(_ERASED, {"after": after}).scalars())
