"""An index of erasures alone: each worker asks every second whom it must not show any more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_IS_ERASURE = sa.text("kind = 'erasure'")


def upgrade() -> None:
    """Make the index; it holds no other event, so that writing these costs nothing more."""
    op.create_index(
        "ix_events_erasure", "events", ["seq"], sqlite_where=_IS_ERASURE, postgresql_where=_IS_ERASURE
    )
