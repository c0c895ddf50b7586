"""PostgreSQL: how it is connected to, and what is said when something is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tastemap.data.sql.query import near_tables
from tastemap.data.sql.urls import DatabaseUrl
from tastemap.errors import (
    ColumnError,
    DatabaseError,
    DataError,
    InvalidValueError,
    MissingExtraError,
    SourceNotFoundError,
    TastemapError,
)

if TYPE_CHECKING:
    from psycopg import Connection, Error

SETTINGS = {
    "connect_timeout": 10,
    # A server that has vanished counts as gone after a minute, whether it is read from or written to.
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 4,
    "tcp_user_timeout": 60_000,
    "application_name": "tastemap",
    "client_encoding": "utf8",
}
TABLES = """
SELECT CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname NOT LIKE 'pg_%' AND has_table_privilege(c.oid, 'SELECT')
ORDER BY 1
"""


@contextmanager
def connected(url: DatabaseUrl, *, read_only: bool) -> Iterator[Connection[Any]]:
    """A connection with one transaction: committed at the end of the block, taken back if it raises.

    Reading sees one snapshot, and cannot write.

    Raises
    ------
    MissingExtraError
        If psycopg is not installed.
    DatabaseError
        If the server does not answer, or refuses.
    """
    try:
        import psycopg
    except ImportError as error:
        raise MissingExtraError(
            "A PostgreSQL database needs psycopg, which is not installed. "
            "Install it with: pip install 'tastemap[sql]'"
        ) from error
    named = {
        "user": url.user,
        "password": url.password,
        "host": url.host,
        "port": url.port,
        "dbname": url.database,
        **url.options,
    }
    given: dict[str, Any] = SETTINGS | {name: value for name, value in named.items() if value is not None}
    try:
        connection: Connection[Any] = psycopg.connect(**given)
    except psycopg.Error as error:
        # Without the cause: what cannot be read as an option may be a part of the password.
        raise _unreachable(url, error) from None
    try:
        if read_only:
            connection.read_only = True
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        # Times as text are then the same whatever the server, the role or the database is set to.
        connection.execute("SET LOCAL TIME ZONE 'UTC'")
        connection.execute("SET LOCAL DateStyle = 'ISO, YMD'")
        yield connection
        connection.commit()
    except psycopg.Error as error:
        raise sentence(url, connection, error) from error
    finally:
        connection.close()


def tables(connection: Connection[Any]) -> list[str]:
    """Tables and views that may be read, those outside the search path with their schema."""
    return [name for (name,) in connection.execute(TABLES)]


def sentence(url: DatabaseUrl, connection: Connection[Any], error: Error) -> TastemapError:
    """What went wrong, as a part of the error tree; the transaction is over afterwards."""
    state, said = error.sqlstate or "", _said(url, error)
    if state == "42P01":
        name = _quoted_in(said)
        connection.rollback()
        return SourceNotFoundError(
            f"{url.name} has no table {name!r}.{near_tables(name, tables(connection))}", table=name
        )
    if state == "42703":
        hint = f" {error.diag.message_hint}" if error.diag.message_hint else ""
        return ColumnError(f"The query does not fit {url.name}: {said}.{hint}", column=_quoted_in(said))
    if state == "25006":
        return InvalidValueError(
            f"query must only read. PostgreSQL says: {said}; run what writes by another program.",
            argument="query",
        )
    if state == "42501":
        return DatabaseError(f"The database {url.shown} refuses: {said}; ask for the right to.")
    if state.startswith(("42", "0A")):
        return InvalidValueError(f"query cannot be run by PostgreSQL: {said}. Mend it.", argument="query")
    if state.startswith("22"):
        return DataError(f"{url.name} has rows that the query cannot work with: {said}.")
    if not state or state.startswith(("08", "57P")):
        return DatabaseError(
            f"The connection to {url.shown} was lost: {said}. Nothing was kept; run the command again."
        )
    return DatabaseError(f"The database {url.shown} cannot be used: {said}.")


def _unreachable(url: DatabaseUrl, error: Error) -> DatabaseError:
    said = _said(url, error).rpartition(" failed: ")[2].removeprefix("FATAL: ").strip()
    return DatabaseError(
        f"The database {url.shown} cannot be reached: {said}. Check host, port, name, user and password."
    )


def _said(url: DatabaseUrl, error: Error) -> str:
    said = error.diag.message_primary or str(error) or type(error).__name__
    return url.masked(said).strip().partition("\n")[0].rstrip(".:")


def _quoted_in(said: str) -> str:
    """The name in quotes in a message, in whatever language the rest is."""
    return said.partition('"')[2].rpartition('"')[0] or said
