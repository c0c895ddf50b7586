"""What may go wrong with the database, as parts of the error tree."""

from __future__ import annotations

from tastemap.errors import DatabaseError, InvalidValueError, TastemapError

__all__ = ["DatabaseError", "KeyConflictError", "QueueFullError", "UnstorableError"]


class AddressedError(DatabaseError):
    """A failure of a database at an address, which the log and the command line are told and no client is.

    Parameters
    ----------
    shown : str
        The database as :attr:`DatabaseUrl.shown` has it.
    why : str
        The rest of the sentence; a driver's words may name host, user or path too.
    said : str, optional
        The same rest in words that anybody may read; default: `why`, where it names nothing.
    """

    def __init__(self, shown: str, why: str, said: str | None = None) -> None:
        super().__init__(f"The database {shown} {why}")
        self.said = f"The database {why if said is None else said}"


class UnstorableError(InvalidValueError):
    """The database answers, and refuses what it was given: asking again with the same would not help.

    Parameters
    ----------
    shown : str
        As of :class:`AddressedError`.
    why : str
        What is wrong with the content.
    """

    def __init__(self, shown: str, why: str) -> None:
        super().__init__(f"The database {shown} cannot hold this: {why}.")
        self.said = f"The database cannot hold this: {why}."


class KeyConflictError(TastemapError):
    """A ``client_key`` came again with another content; the whole submission was left out."""

    code = "key_conflict"


class QueueFullError(TastemapError):
    """More events wait to be written than the queue may hold."""

    code = "busy"
