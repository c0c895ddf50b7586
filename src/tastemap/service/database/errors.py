"""What may go wrong with the database, as parts of the error tree."""

from __future__ import annotations

from tastemap.errors import DatabaseError, InvalidValueError, TastemapError

__all__ = ["DatabaseError", "KeyConflictError", "QueueFullError", "UnstorableError"]


class UnstorableError(InvalidValueError):
    """The database answers, and refuses what it was given: asking again with the same would not help."""


class KeyConflictError(TastemapError):
    """A ``client_key`` came again with another content; the whole submission was left out."""

    code = "key_conflict"


class QueueFullError(TastemapError):
    """More events wait to be written than the queue may hold."""

    code = "busy"
