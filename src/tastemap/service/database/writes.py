"""Whether writes succeed: what the last one came to, in words that anybody may read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tastemap.service.database.errors import DatabaseError

REASONS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk refuses it, as one does that is full or over a quota",
    sqlite3.SQLITE_READONLY: "the database is read-only",
    sqlite3.SQLITE_CANTOPEN: "the files of the database cannot be opened",
    sqlite3.SQLITE_BUSY: "another program holds the database",
}
"""By the primary code of SQLite's error; its own words may hold a path, and readiness is told to anybody."""
PRIMARY = 0xFF


class Writes:
    """What the last write of this process came to; written by one thread at a time, read by any.

    Parameters
    ----------
    is_file : bool
        Whether the database is a file.
    """

    def __init__(self, *, is_file: bool) -> None:
        self._is_file = is_file
        self._error: DatabaseError | None = None
        self.heard: Callable[[bool], None] | None = None
        """Told after each write whether it succeeded."""

    @property
    def error(self) -> DatabaseError | None:
        """Why the last write failed; None if it succeeded, or there was none."""
        return self._error

    @property
    def trouble(self) -> str | None:
        """The same as a sentence that names no host, user or path."""
        error = self._error
        if error is None:
            return None
        return (
            f"The last write to the database failed: {self._reason(error)}. Lists go on; events and erasures "
            "are refused until a write succeeds. The log of the service says more."
        )

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Keep what the write within comes to; what is wrong with its content says nothing of the disk."""
        try:
            yield
        except DatabaseError as error:
            self._settle(error)
            raise
        self._settle(None)

    def _settle(self, error: DatabaseError | None) -> None:
        self._error = error
        if self.heard is not None:
            self.heard(error is None)

    def _reason(self, error: DatabaseError) -> str:
        if self._is_file and error.__cause__ is None:
            return "the file is gone, or another one lies in its place"
        return reason_of(error.__cause__, is_file=self._is_file)


def reason_of(error: BaseException | None, *, is_file: bool) -> str:
    """Why a driver's error came, in words that name no host, user or path."""
    if not is_file:
        return "the server refuses it or does not answer"
    driver = getattr(error, "orig", error)
    code = getattr(driver, "sqlite_errorcode", 0) & PRIMARY
    return REASONS.get(code, "the database refuses it")
