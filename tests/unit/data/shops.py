"""A shop's ratings in a database, for tests of reading and writing."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

RATING = "ratings"
ROWS = [
    (user, item, 1 + (user * item) % 5, 1_700_000_000 + user) for user in range(40) for item in range(user, 50)
]


def execute(url: str, sql: str, rows: Sequence[Sequence[Any]] | None = None) -> list[tuple[Any, ...]]:
    """Run a statement, once or for each of the rows, with question marks for values; what it gives."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        try:
            connection.execute("BEGIN")
            found = connection.execute(sql) if rows is None else connection.executemany(sql, rows)
            answer = found.fetchall()
            connection.execute("COMMIT")
            return answer
        finally:
            connection.close()
    with psycopg.connect(url) as server, server.cursor() as cursor:
        given = sql.replace("?", "%s").encode() if rows is not None else sql.encode()
        if rows is None:
            cursor.execute(given)
        else:
            cursor.executemany(given, rows)
        return cursor.fetchall() if cursor.description else []


def open_shop(url: str, rows: Sequence[Sequence[Any]] = ROWS) -> str:
    """Make the table of ratings; the URL."""
    execute(url, f"CREATE TABLE {RATING} (user_id bigint, item_id bigint, rating double precision, ts bigint)")
    add(url, rows)
    return url


def add(url: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert ratings."""
    execute(url, f"INSERT INTO {RATING} VALUES (?, ?, ?, ?)", rows)


def file_url(path: Path) -> str:
    """The URL of an SQLite file."""
    return f"sqlite:///{path}"
