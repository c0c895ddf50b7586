"""What may go wrong with the database, as parts of the error tree."""

from __future__ import annotations

from tastemap.errors import DatabaseError, TastemapError

__all__ = ["DatabaseError", "KeyConflictError", "QueueFullError"]


class KeyConflictError(TastemapError):
    """A ``client_key`` came again with another content; the whole submission was left out."""

    code = "key_conflict"


class QueueFullError(TastemapError):
    """More events wait to be written than the queue may hold."""

    code = "busy"
