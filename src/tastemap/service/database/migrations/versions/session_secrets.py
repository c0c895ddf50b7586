"""A random column of each key, which logins are signed with: who has only a cookie cannot sign another."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_KEYS = sa.table("api_keys", sa.column("name", sa.Text), sa.column("session_secret", sa.Text))


def upgrade() -> None:
    """Add the column; sessions from before end, the keys stay as they are."""
    op.add_column("api_keys", sa.Column("session_secret", sa.Text, nullable=True))
    connection = op.get_bind()
    for name in connection.execute(sa.select(_KEYS.c.name)).scalars().all():
        own = sa.update(_KEYS).where(_KEYS.c.name == name).values(session_secret=secrets.token_hex(32))
        connection.execute(own)
    with op.batch_alter_table("api_keys") as table:
        table.alter_column("session_secret", existing_type=sa.Text, nullable=False)
