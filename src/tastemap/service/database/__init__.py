"""Events, keys, audit and the served version, in SQLite or PostgreSQL."""

from __future__ import annotations

from tastemap.errors import MissingExtraError

try:
    from tastemap.service.database.errors import DatabaseError, KeyConflictError, QueueFullError
    from tastemap.service.database.records import (
        AuditLine,
        Event,
        Key,
        Kind,
        NewEvent,
        Receipt,
        Scope,
        ServedVersion,
    )
    from tastemap.service.database.store import Store
    from tastemap.service.database.urls import default_url
    from tastemap.service.database.writer import Writer
except ModuleNotFoundError as error:
    if (error.name or "").startswith("tastemap"):
        raise
    raise MissingExtraError(
        f"The database of the service needs {error.name}, which is not installed. "
        "Install it with: pip install 'tastemap[service]'"
    ) from error

__all__ = [
    "AuditLine",
    "DatabaseError",
    "Event",
    "Key",
    "KeyConflictError",
    "Kind",
    "NewEvent",
    "QueueFullError",
    "Receipt",
    "Scope",
    "ServedVersion",
    "Store",
    "Writer",
    "default_url",
]
