"""The audit log: who may read what changed, and who erased whom, is answered here."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from tastemap.service.database.records import AuditLine
from tastemap.service.database.tables import audit


def write_line(
    connection: Connection, now: float, action: str, subject: str, detail: str, actor: str | None = None
) -> None:
    """Add a line within the transaction of what it tells of; `actor` names the key that asked for it."""
    row = {"time": now, "action": action, "subject": subject, "detail": detail, "actor": actor}
    connection.execute(insert(audit).values(row))


def read_lines(connection: Connection) -> list[AuditLine]:
    """All lines, the oldest first."""
    return [AuditLine(*row) for row in connection.execute(select(audit).order_by(audit.c.seq))]
