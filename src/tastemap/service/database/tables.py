"""The tables, as the newest migration leaves them; a test compares the two."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, Table, Text, text

metadata = MetaData()
REVISION = "0003"
"""The newest migration."""

# SQLite counts only a column of the type INTEGER by itself.
Sequence = BigInteger().with_variant(Integer, "sqlite")
Seconds = Float(53)
IS_ERASURE = text("kind = 'erasure'")
"""Of an event; written out: PostgreSQL plans a prepared statement before it knows its parameters."""

# sqlite_autoincrement: else SQLite would give the number of a deleted last row again, and a reader that has
# seen the old row would never ask for the new one.

events = Table(
    "events",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column("user_id", Text, nullable=False),
    Column("item_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("value", Float(53), nullable=False),
    Column("time", Seconds, nullable=False),
    Column("received", Seconds, nullable=False),
    Column("client_key", Text, nullable=True),
    Index("ix_events_user", "user_id", "seq"),
    Index("ix_events_item", "item_id", "seq"),
    Index("ix_events_client_key", "client_key", unique=True),
    Index("ix_events_erasure", "seq", sqlite_where=IS_ERASURE, postgresql_where=IS_ERASURE),
    sqlite_autoincrement=True,
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("name", Text, primary_key=True),
    Column("scope", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("created", Seconds, nullable=False),
    Column("revoked", Seconds, nullable=True),
    Column("session_secret", Text, nullable=False),
)

served = Table(
    "served",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),  # the last row is what is served
    Column("version", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("since", Seconds, nullable=False),
    sqlite_autoincrement=True,
)

fits = Table(
    "fits",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("events_through", BigInteger, nullable=False),
    Column("since", Seconds, nullable=False),
)

owner = Table("owner", metadata, Column("name", Text, primary_key=True))

audit = Table(
    "audit",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column("time", Seconds, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("actor", Text, nullable=True),
    sqlite_autoincrement=True,
)
