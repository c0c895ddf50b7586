"""The database of a service: events, keys, the audit log, and which version is served."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from sqlalchemy import delete, insert, text, update

from tastemap.errors import InvalidValueError
from tastemap.service.database import keys as api_keys
from tastemap.service.database import lookups, versions
from tastemap.service.database.appending import LONGEST_ID, Outcome, append_groups, check_event, check_text
from tastemap.service.database.audit import read_lines, write_line
from tastemap.service.database.connections import Connections
from tastemap.service.database.errors import KeyConflictError, UnstorableError
from tastemap.service.database.lookups import EVENTS_A_READ, NO_END, Use
from tastemap.service.database.records import (
    AuditLine,
    Event,
    Key,
    NewEvent,
    Receipt,
    Scope,
    ServedVersion,
    ValidKey,
)
from tastemap.service.database.tables import events, owner
from tastemap.service.database.urls import Target
from tastemap.service.database.writes import Writes


class Store:
    """The database of one process; safe to use from several threads.

    Every method raises :class:`DatabaseError` if the database does not answer; times are seconds since 1970.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._of_user = connections.prepared(lookups.OF_USER, "user_id", "after", "up_to", "most")
        self._of_item = connections.prepared(lookups.OF_ITEM, "item_id", "after", "up_to")
        self._uses = connections.prepared(lookups.USES, "after")
        self._keys = api_keys.KeyRing(self._valid_hashes)

    @classmethod
    def open(cls, url: str) -> Store:
        """Open a database, make it where there is none, and bring its tables up to date.

        Parameters
        ----------
        url : str
            ``sqlite:///FILE`` or ``postgresql://USER@HOST/NAME``; see :func:`default_url`.

        Raises
        ------
        InvalidValueError
            If the URL is none that is taken.
        MissingExtraError
            If PostgreSQL is named and psycopg is not installed.
        DatabaseError
            If it cannot be reached or written, or was made by a newer Tastemap.
        """
        connections = Connections(Target.of(url))
        try:
            connections.prepare()
        except BaseException:
            connections.close()
            raise
        return cls(connections)

    @property
    def is_local(self) -> bool:
        """Whether reads take microseconds (SQLite), so that an event loop may wait for them."""
        return self._connections.is_file

    def events_of(self, user_id: str, after: int, *, up_to: int = NO_END, most: int = NO_END) -> list[Event]:
        """A user's events of `after` < seq <= `up_to`, rising; the latest `most` of them."""
        try:
            return [Event(*row) for row in reversed(self._of_user(user_id, after, up_to, most))]
        except UnstorableError:  # PostgreSQL holds no U+0000, so no event of it names this user
            return []

    def events_of_item(self, item_id: str, after: int, up_to: int) -> list[Event]:
        """An item's events of `after` < seq <= `up_to`, rising."""
        return [Event(*row) for row in self._of_item(item_id, after, up_to)]

    def uses(self, after: int) -> list[Use]:
        """Who had to do with what in the next events of seq > `after`, rising; at most 5,000 of them."""
        return [Use(*row) for row in self._uses(after)]

    def append(self, new: Sequence[NewEvent]) -> list[Receipt]:
        """Store events in one transaction, all or none; on disk when this returns.

        An event whose ``client_key`` is stored with the same content is acknowledged with the seq it has.

        Raises
        ------
        InvalidValueError
            If an event cannot be stored.
        KeyConflictError
            If a ``client_key`` came before with another content.
        """
        for event in new:
            check_event(event)
        [outcome] = self.append_groups([new])
        if isinstance(outcome, KeyConflictError):
            raise outcome
        return outcome

    def append_groups(self, groups: Sequence[Sequence[NewEvent]]) -> list[Outcome]:
        """Store checked events in one transaction, each group whole or, where a key conflicts, not at all."""
        with self._connections.writing() as connection:
            return append_groups(connection, groups, time.time())

    def events(self, after: int = 0, up_to: int | None = None) -> Iterator[Event]:
        """Events of `after` < seq <= `up_to`, rising; without `up_to` to the last one at the first step.

        Read in blocks of 5,000, so that no long transaction stands in anybody's way.
        """
        last = self.last_seq() if up_to is None else up_to
        while after < last:
            with self._connections.reading() as connection:
                block = connection.execute(lookups.SPAN, {"after": after, "up_to": last}).all()
            for row in block:
                yield Event(*row)
            if len(block) < EVENTS_A_READ:
                return
            after = block[-1].seq

    def last_seq(self) -> int:
        """The highest seq, 0 where there is no event."""
        with self._connections.reading() as connection:
            return int(connection.execute(lookups.LAST).scalar_one())

    def erase(self, user_id: str, now: float, actor: str | None = None) -> int:
        """Write an erasure, delete the user's other events and their client keys, and an audit line.

        Returns the seq of the erasure: earlier interactions, those of the artifact too, count no more.
        """
        check_text("user_id", user_id, LONGEST_ID)
        row = {"user_id": user_id, "item_id": "", "kind": "erasure", "value": 0.0, "time": now, "received": now}
        with self._connections.writing() as connection:
            seq = connection.execute(insert(events).values(row).returning(events.c.seq)).scalar_one()
            others = delete(events).where(events.c.user_id == user_id, events.c.seq < seq)
            deleted = connection.execute(others).rowcount
            write_line(connection, now, "erasure", user_id, f"{deleted} stored events deleted", actor)
        return int(seq)

    def served(self) -> ServedVersion | None:
        """The version that all workers serve; None before one was named."""
        with self._connections.reading() as connection:
            return versions.read_served(connection)

    def serve(self, version: int, digest: str, now: float, actor: str | None = None) -> None:
        """Name the version that all workers serve from now on, with an audit line."""
        with self._connections.writing() as connection:
            versions.name_served(connection, version, digest, now)
            write_line(connection, now, "serve", f"version {version}", f"digest {digest[:12]}", actor)

    def record_fit(self, digest: str, events_through: int, now: float) -> None:
        """Keep the last event that a version was fitted to, by the digest of its manifest."""
        with self._connections.writing() as connection:
            versions.record_fit(connection, digest, events_through, now)

    def events_through(self, digest: str) -> int:
        """The last event that a version was fitted to; 0 for one that was not fitted from events."""
        with self._connections.reading() as connection:
            return versions.events_through(connection, digest)

    def claim(self, name: str) -> None:
        """Make this the database of an artifact.

        Raises
        ------
        InvalidValueError
            If it is another one's: ids of two data sets must not meet.
        """
        with self._connections.writing() as connection:
            claimed = versions.claimed_by(connection, name)
        if claimed != name:
            raise InvalidValueError(
                f"The database belongs to the artifact {claimed!r}, and this is {name!r}. Give each a database "
                "of its own by --database, or give the folder its old name.",
                argument="database",
            )

    def erasure_to_forget(self, through: int) -> int | None:
        """The last erasure up to an event, until :meth:`forgotten` says that no file holds its user."""
        with self._connections.reading() as connection:
            return versions.erasure_to_forget(connection, through)

    def forgotten(self, erasure: int, now: float) -> None:
        """Keep, as an audit line, that the versions that held the users of an erasure are deleted."""
        with self._connections.writing() as connection:
            write_line(connection, now, versions.FORGET, str(erasure), "earlier versions deleted")

    def erased_since(self, after: int) -> frozenset[str]:
        """Users that an erasure of seq > `after` erased."""
        with self._connections.reading() as connection:
            return versions.erased_since(connection, after)

    def add_key(self, name: str, scope: Scope, now: float) -> str:
        """Make an API key, with an audit line; its secret, of which only a hash is kept.

        Raises
        ------
        InvalidValueError
            If the name is or was in use, or the scope is unknown.
        """
        with self._connections.writing() as connection:
            secret = api_keys.add_key(connection, name, scope, now)
        self._keys.forget()
        return secret

    def keys(self) -> list[Key]:
        """All keys, revoked ones too, by name."""
        with self._connections.reading() as connection:
            return api_keys.list_keys(connection)

    def revoke_key(self, name: str, now: float) -> None:
        """End the validity of a key, with an audit line; elsewhere it ends within a second.

        Raises
        ------
        UnknownNameError
            If there is no such key.
        """
        with self._connections.writing() as connection:
            api_keys.revoke_key(connection, name, now)
        self._keys.forget()

    def end_sessions(self, name: str, now: float) -> None:
        """End all logins with a key, with an audit line; elsewhere they end within a second."""
        with self._connections.writing() as connection:
            api_keys.end_sessions(connection, name, now)
        self._keys.forget()

    def keys_at_hand(self) -> dict[str, ValidKey] | None:
        """What :meth:`valid_keys` would give, if that need not ask the database; else None."""
        return self._keys.at_hand()

    def valid_keys(self) -> dict[str, ValidKey]:
        """Each valid key by the hash of its secret, read at most once a second; not to be changed."""
        return self._keys.valid()

    def audit(self, action: str, subject: str, detail: str, now: float) -> None:
        """Add a line to the audit log; erasures, keys and served versions write theirs by themselves."""
        with self._connections.writing() as connection:
            write_line(connection, now, action, subject, detail)

    def audit_lines(self) -> list[AuditLine]:
        """The audit log, the oldest line first."""
        with self._connections.reading() as connection:
            return read_lines(connection)

    def ping(self) -> None:
        """Return if the database answers."""
        with self._connections.reading() as connection:
            connection.execute(text("SELECT 1"))

    @property
    def writes(self) -> Writes:
        """What the last write came to."""
        return self._connections.writes

    def try_write(self) -> None:
        """Write what is there already, so that :attr:`writes` knows whether that goes again."""
        with self._connections.writing() as connection:
            connection.execute(update(owner).values(name=owner.c.name))

    def close(self) -> None:
        """Close all connections; no other thread may be using the store."""
        self._connections.close()

    def _valid_hashes(self) -> api_keys.Hashes:
        with self._connections.reading() as connection:
            return api_keys.valid_hashes(connection)
