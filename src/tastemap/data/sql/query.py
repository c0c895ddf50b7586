"""A query to a database as a source, and the statement that is run for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tastemap.errors import InvalidValueError, did_you_mean, without_passwords

MOST_LISTED = 12
READING_WORDS = ("select", "with", "values", "table")
ALIAS = "tastemap_query"

_NAME = r"""(?:[^\W\d]\w*|"[^"]+")"""
_TABLE = re.compile(rf"{_NAME}(?:\.{_NAME})?")
_COMMENT = re.compile(r"--[^\n]*(?:\n|$)|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True)
class DatabaseQuery:
    """A source: the rows that a query to a database gives.

    *Stability: caller-stable.*

    Parameters
    ----------
    url : str
        ``sqlite:///FILE`` or ``postgresql://USER@HOST/NAME``.
    query : str or None
        A statement that reads, or the name of a table. None: an error that lists the tables.
    watermark : str or None
        The column that only grows as rows are added, by which newer rows are found later; None: that of times.
    """

    url: str = field(repr=False)
    query: str | None = None
    watermark: str | None = None

    def __str__(self) -> str:
        return without_passwords(self.url)


@dataclass(frozen=True)
class Since:
    """Rows from here on: those with at least this value in this column."""

    column: str
    value: int | float | str


def select_of(query: str) -> str:
    """The statement to run; the name of a table stands for all its rows.

    Raises
    ------
    InvalidValueError
        If it is empty, or begins with a word that does not read.

    Examples
    --------
    >>> select_of("shop.ratings")
    'SELECT * FROM "shop"."ratings"'
    >>> select_of("select 1;")
    'select 1'
    """
    bare = query.strip().rstrip(";").strip()
    if _TABLE.fullmatch(bare):
        return f"SELECT * FROM {quoted_table(bare)}"
    first = re.match(r"\w+", _COMMENT.sub(" ", bare).lstrip(" \n\t\r("))
    if first is None or first[0].lower() not in READING_WORDS:
        got = "nothing to run" if first is None else first[0]
        raise InvalidValueError(
            "query must only read: a SELECT, a WITH … SELECT, or the name of a table. "
            f"Got {got}; run what writes by another program.",
            argument="query",
        )
    return bare


def wrapped(select: str, what: str) -> str:
    """A statement that takes columns of a statement; a comment at its end does not swallow what follows."""
    return f"SELECT {what} FROM (\n{select}\n) AS {ALIAS}"


def quoted(name: str) -> str:
    """A name of a column or table as SQL takes any."""
    return '"' + name.replace('"', '""') + '"'


def quoted_table(name: str) -> str:
    """``shop.ratings`` with each part in quotes."""
    return ".".join(quoted(part) for part in parts_of(name))


def parts_of(name: str) -> list[str]:
    """The schema, where there is one, and the name of a table.

    Raises
    ------
    InvalidValueError
        If it is no name of a table.
    """
    if not _TABLE.fullmatch(name):
        raise InvalidValueError(
            f"table must be a name, such as lists or shop.lists. Got {name!r}; quote a name with other "
            'characters: "my lists".',
            argument="table",
        )
    return [part.strip('"') for part in re.findall(_NAME, name)]


def listed_tables(tables: list[str]) -> str:
    """A sentence that says which tables there are."""
    if not tables:
        return "There are no tables that can be read."
    more = f", and {len(tables) - MOST_LISTED} more" if len(tables) > MOST_LISTED else ""
    return f"Tables: {', '.join(tables[:MOST_LISTED])}{more}."


def near_tables(name: str, tables: list[str]) -> str:
    """Tables that may be meant by a name that is none, or all of them."""
    return did_you_mean(name, tables) or f" {listed_tables(tables)}"
