"""Connections to SQLite or PostgreSQL, and what is said when there are none."""

from __future__ import annotations

import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Select, inspect, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import NullPool

from tastemap.service.database.engines import BUSY_S, file_engine, server_engine
from tastemap.service.database.errors import AddressedError, DatabaseError, UnstorableError
from tastemap.service.database.tables import REVISION
from tastemap.service.database.urls import Target
from tastemap.service.database.writes import Writes, reason_of

SQLITE_HEAD = b"SQLite format 3\0"
REST_S = 1.0
"""After a failure to connect nobody tries again for this long: each reader would wait for a dead server."""
LOCK = 0x7461_7374_656D_6170
"""The advisory lock of PostgreSQL that writers hold; "tastemap" in ASCII."""


class Connections:
    """The connections of one process to one database; safe to use from several threads.

    Raises
    ------
    MissingExtraError
        If PostgreSQL is named and psycopg is not installed.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self.writes = Writes(is_file=target.path is not None)
        self._engine = (
            file_engine(target, pool_size=1, max_overflow=0, pool_timeout=BUSY_S)
            if target.path is not None
            else server_engine(target)
        )
        reads = self._engine if target.path is None else file_engine(target, poolclass=NullPool)
        self._reads = reads.execution_options(isolation_level="AUTOCOMMIT")
        self._kept = _Kept()
        self._all_kept: weakref.WeakSet[_Held] = weakref.WeakSet()
        self._file: tuple[int, int] | None = None
        self._rest_until = 0.0

    @property
    def is_file(self) -> bool:
        """Whether this is SQLite."""
        return self._target.path is not None

    def prepare(self) -> None:
        """Bring the tables up to date; other processes that do so at the same time wait.

        Raises
        ------
        DatabaseError
            If the database cannot be written, was made by a newer Tastemap, or cannot hold every text.
        """
        if self._target.path is not None:
            with self._told():
                self._refuse_other_files(self._target.path)
                self._become_wal()
                self._file = _identity(self._target.path)
        else:
            self._refuse_other_encodings()
        if self._is_current():
            return
        # Alembic takes longer to import than all else here, and is needed once in the life of a database.
        from tastemap.service.database.migrations import upgrade

        with self.writing() as connection:
            upgrade(connection)

    def _is_current(self) -> bool:
        with self.reading() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return False
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == REVISION

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection on which each statement sees what has been committed when it starts.

        Raises
        ------
        DatabaseError
            If the database does not answer.
        """
        with self._told():
            if not self.is_file:
                with self._reads.connect() as connection:
                    yield connection
                return
            with self._held() as held:
                yield held.connection

    def prepared(self, statement: Select[Any], *names: str) -> Callable[..., Sequence[Sequence[Any]]]:
        """A function of the parameters `names` that gives the rows of `statement`, as quickly as can be.

        It raises DatabaseError as :meth:`reading` does.
        """
        if not self.is_file:

            def ask(*values: object) -> Sequence[Sequence[Any]]:
                with self.reading() as connection:
                    return connection.execute(statement, dict(zip(names, values, strict=True))).all()

            return ask
        compiled = statement.compile(self._reads)
        sql, order = str(compiled), [names.index(name) for name in compiled.positiontup or ()]

        def look(*values: object) -> Sequence[Sequence[Any]]:
            # SQLAlchemy's own way to SQLite takes five times as long as SQLite does.
            with self._told(), self._held() as held:
                return held.driver.execute(sql, [values[place] for place in order]).fetchall()

        return look

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that no other writer of any process overlaps, committed at the end of the block.

        Raises
        ------
        DatabaseError
            If the database does not answer, is full, or another writer holds it for 5 s.
        """
        with self.writes.watched(), self._told():
            self._check_file()
            with self._engine.begin() as connection:
                # PostgreSQL numbers rows when they are inserted, and shows them when their transaction commits:
                # of two at once the higher numbers may show first, and who has read up to them would never
                # see the lower ones. SQLite has one writer anyway; taking its lock at the start of the
                # transaction lets the busy timeout apply, which the step from reading to writing would not.
                connection.exec_driver_sql(
                    "BEGIN IMMEDIATE" if self.is_file else f"SELECT pg_advisory_xact_lock({LOCK})"
                )
                yield connection
            self._check_file()

    def close(self) -> None:
        """Close all connections, those of other threads too, which must have ended their work."""
        for held in list(self._all_kept):
            held.close()
        self._engine.dispose()

    @contextmanager
    def _held(self) -> Iterator[_Held]:
        """The connection of a thread to SQLite's file; after an error the next read connects anew."""
        self._check_file()
        held = self._kept.held
        if held is None:
            held = self._kept.held = _Held(self._reads.connect())
            self._all_kept.add(held)
        try:
            yield held
        except (DBAPIError, sqlite3.Error):
            held.close()
            self._kept.held = None
            raise

    def _refuse_other_files(self, path: Path) -> None:
        """Raise if the file is there and no database: SQLite would take a short one for an empty database."""
        head = b""
        try:
            if path.is_file():
                with path.open("rb") as file:
                    head = file.read(len(SQLITE_HEAD))
        except OSError as error:
            raise AddressedError(
                self._target.shown, f"cannot be used: {error.strerror}.", "cannot be used."
            ) from error
        if head not in (b"", SQLITE_HEAD):
            why = "cannot be used: the file is there and is no SQLite database; name another one."
            raise AddressedError(self._target.shown, why)

    def _refuse_other_encodings(self) -> None:
        """Raise if a server's database cannot hold every text: an id may be any."""
        with self.reading() as connection:
            encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
        if encoding != "UTF8":
            why = (
                f"must be in the encoding UTF8, which holds every id. Got {encoding}; make it anew with "
                "ENCODING 'UTF8' TEMPLATE template0."
            )
            raise AddressedError(self._target.shown, why)

    def _become_wal(self) -> None:
        """Readers and the writer no longer wait for each other; the file remembers it."""
        # The busy timeout does not cover this step.
        until = time.monotonic() + BUSY_S
        while True:
            try:
                with self._reads.connect() as connection:
                    connection.execute(text("PRAGMA journal_mode = WAL"))
                return
            except OperationalError as error:
                if "locked" not in str(error.orig) or time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def _check_file(self) -> None:
        """Raise if the file is not the one that was opened: what is written to a deleted file is lost."""
        if self._target.path is None or self._file is None:
            return
        found = _identity(self._target.path)
        if found != self._file:
            what = "has been deleted" if found is None else "has been replaced by another file"
            why = f"{what} while it was in use; put it back and start again."
            raise AddressedError(self._target.shown, why)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of the drivers as one sentence."""
        if self._rest_until and time.monotonic() < self._rest_until:
            why = "cannot be reached; it is asked again soon."
            raise AddressedError(self._target.shown, why)
        try:
            yield
        except (DBAPIError, PoolTimeoutError, sqlite3.Error) as error:
            # A driver's own words may repeat a password, so those of a server's are not passed on.
            raise self._sentence(error) from (error if self.is_file else None)
        self._rest_until = 0.0

    def _sentence(
        self, error: DBAPIError | PoolTimeoutError | sqlite3.Error
    ) -> DatabaseError | UnstorableError:
        reason: object = error
        if isinstance(error, PoolTimeoutError):
            reason = "all its connections are in use"
        elif isinstance(error, DBAPIError):
            reason = error.orig
            # Without a statement it was the connection that failed.
            if error.statement is None and not self.is_file:
                self._rest_until = time.monotonic() + REST_S
        # Drivers write several lines, the first of which says it.
        first = self._target.masked(str(reason)).strip().partition("\n")[0].rstrip(".:")
        if isinstance(error, DataError | IntegrityError):
            return UnstorableError(self._target.shown, first)
        said = f"cannot be used: {reason_of(error, is_file=self.is_file)}."
        return AddressedError(self._target.shown, f"cannot be used: {first}.", said)


class _Held:
    """A kept connection, closed when its thread ends."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.driver = cast(sqlite3.Connection, connection.connection.driver_connection)
        self.close = weakref.finalize(self, connection.close)


class _Kept(threading.local):
    """What each thread keeps: opening SQLite's file takes longer than reading from it."""

    held: _Held | None = None


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
