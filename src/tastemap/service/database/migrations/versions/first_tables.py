"""Events, keys, the served version and the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_Sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_Float = sa.Float(53)


def upgrade() -> None:
    """Make the tables."""
    _make_events()
    _make_others()


def _make_events() -> None:
    op.create_table(
        "events",
        sa.Column("seq", _Sequence, primary_key=True, autoincrement=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("item_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("value", _Float, nullable=False),
        sa.Column("time", _Float, nullable=False),
        sa.Column("received", _Float, nullable=False),
        sa.Column("client_key", sa.Text, nullable=True),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_user", "events", ["user_id", "seq"])
    op.create_index("ix_events_item", "events", ["item_id", "seq"])
    op.create_index("ix_events_client_key", "events", ["client_key"], unique=True)


def _make_others() -> None:
    op.create_table(
        "api_keys",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("created", _Float, nullable=False),
        sa.Column("revoked", _Float, nullable=True),
    )
    op.create_table(
        "served",
        sa.Column("seq", _Sequence, primary_key=True, autoincrement=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("since", _Float, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "fits",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("events_through", sa.BigInteger, nullable=False),
        sa.Column("since", _Float, nullable=False),
    )
    op.create_table("owner", sa.Column("name", sa.Text, primary_key=True))
    op.create_table(
        "audit",
        sa.Column("seq", _Sequence, primary_key=True, autoincrement=True),
        sa.Column("time", _Float, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=True),
        sqlite_autoincrement=True,
    )
