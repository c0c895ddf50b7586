"""How SQLite and PostgreSQL are connected to."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Engine, create_engine, event

from tastemap.errors import MissingExtraError
from tastemap.service.database.urls import Target

BUSY_S = 5.0
"""How long a write waits for the lock of another one."""
CONNECT_S = 2


def file_engine(target: Target, **pool: Any) -> Engine:
    """Connections to an SQLite file, whose transactions the caller begins."""
    engine = create_engine(
        target.url,
        # A kept connection is closed by another thread at the end.
        connect_args={"timeout": BUSY_S, "check_same_thread": False},
        hide_parameters=True,
        **pool,
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # Python would begin transactions by itself, and not before reads
        connection.execute("PRAGMA synchronous = FULL")  # a commit is on disk when it returns
        connection.execute("PRAGMA foreign_keys = ON")

    return engine


def server_engine(target: Target) -> Engine:
    """Connections to a PostgreSQL server.

    Raises
    ------
    MissingExtraError
        If psycopg is not installed.
    """
    try:
        import psycopg
    except ImportError as error:
        raise MissingExtraError(
            "A PostgreSQL database needs psycopg, which is not installed. "
            "Install it with: pip install 'tastemap[postgres]'"
        ) from error
    settings = {
        "connect_timeout": CONNECT_S,
        "tcp_user_timeout": int(BUSY_S * 1000),  # ms until a server that has vanished counts as gone
        "application_name": "tastemap",
    }
    engine = create_engine(
        target.url,
        connect_args={
            **{key: value for key, value in settings.items() if key not in target.url.query},
            "client_encoding": "UTF8",  # whatever the URL or the surroundings say
        },
        module=psycopg,
        pool_pre_ping=True,  # connections from before a restart of the server are replaced unseen
        pool_timeout=CONNECT_S,
        pool_size=8,
        max_overflow=8,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{BUSY_S:g}s'")
            cursor.execute("SET statement_timeout = '30s'")
        connection.commit()

    return engine
