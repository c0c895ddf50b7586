"""Events, keys, audit and the served version, in SQLite or PostgreSQL."""

from __future__ import annotations

from tastemap.service.database.errors import DatabaseError, KeyConflictError, QueueFullError, UnstorableError
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
    "UnstorableError",
    "Writer",
    "default_url",
]
