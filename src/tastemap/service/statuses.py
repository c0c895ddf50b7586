"""Which HTTP status says which error, for routes and pages alike."""

from __future__ import annotations

import logging

from tastemap.errors import (
    FilterError,
    InvalidValueError,
    TastemapError,
    UnknownItemError,
    UnknownNameError,
    UnknownUserError,
)
from tastemap.service.database.errors import (
    AddressedError,
    DatabaseError,
    KeyConflictError,
    QueueFullError,
    UnstorableError,
)

LOG = logging.getLogger("tastemap.service")

STATUS: tuple[tuple[type[TastemapError], int], ...] = (
    (UnknownUserError, 404),
    (UnknownItemError, 404),
    (KeyConflictError, 409),
    (QueueFullError, 503),
    (DatabaseError, 503),
    (UnknownNameError, 422),
    (FilterError, 422),
    (InvalidValueError, 422),
)
"""The first that an error is one of; 409 stands for the rest: it does not go with what is there."""


def status_of(error: TastemapError) -> int:
    """The status of an error.

    >>> status_of(InvalidValueError("k must be positive. Got 0."))
    422
    """
    return next((status for kind, status in STATUS if isinstance(error, kind)), 409)


def said_of(error: TastemapError, request_id: str) -> str:
    """The sentence of an error in an answer: no client learns where the database is, which the log tells."""
    if not isinstance(error, AddressedError | UnstorableError):
        return error.message
    LOG.warning("request %s: %s", request_id, error.message)
    return error.said
