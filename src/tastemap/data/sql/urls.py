"""Database URLs: which are taken, and how they are shown without their passwords."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, unquote

from tastemap.errors import InvalidValueError

SQLITE = "sqlite:///"
POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")
LONGEST_SCHEME = 30

_IS_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.*", re.DOTALL)
# No @ in a name: what follows a slash in a password that was not written as %XX would be shown as the name.
_SERVER = re.compile(
    r"//(?:(?P<login>[^/?]*)@)?(?P<host>\[[^\]/]*\]|[^:/?@\[\]]*)(?::(?P<port>\d*))?"
    r"(?:/(?P<name>[^?@]*))?(?:\?(?P<query>.*))?"
)


def is_database_url(text: str) -> bool:
    """Whether a text is a URL rather than a path; which databases are taken, :meth:`DatabaseUrl.of` says.

    >>> is_database_url("postgresql://shop"), is_database_url("ratings.csv")
    (True, False)
    """
    return _IS_URL.fullmatch(text) is not None


def default_url(folder: Path) -> str:
    """The database of an artifact where none is named: the SQLite file ``NAME.events.db`` beside its folder."""
    return f"{SQLITE}{default_file(folder)}"


def default_file(folder: Path) -> Path:
    """The file of :func:`default_url`."""
    folder = folder.resolve()
    return folder.with_name(f"{folder.name}.events.db")


@dataclass(frozen=True)
class DatabaseUrl:
    """A database as it is named.

    Parameters
    ----------
    path : Path or None
        The file of an SQLite database, absolute; None for PostgreSQL, whose parts follow.
    user, password, host, database : str or None
        Without the %XX of the URL; None where the URL does not say.
    port : int or None
    options : mapping of str to str
        What stands behind the question mark, such as ``sslmode``.
    """

    path: Path | None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    host: str | None = None
    port: int | None = None
    database: str | None = None
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, url: str, *, argument: str = "database") -> Self:
        """Read a URL; `argument` is what a message calls it.

        Raises
        ------
        InvalidValueError
            If it is none that is taken; the message never repeats it, since it may hold a password.
        """
        allowed = f"{argument} must be sqlite:///FILE or postgresql://USER@HOST/NAME."
        scheme, colon, rest = url.partition(":")
        if url.startswith(SQLITE):
            return cls(_file_of(url.removeprefix(SQLITE), allowed, argument))
        if not colon or scheme not in POSTGRESQL:
            is_scheme = colon and scheme.isascii() and len(scheme) < LONGEST_SCHEME
            named = f"Got the scheme {scheme!r}" if is_scheme else "Got neither"
            raise InvalidValueError(f"{allowed} {named}.", argument=argument)
        found = _SERVER.fullmatch(rest)
        if found is None:
            raise InvalidValueError(
                f"{allowed} What came after {scheme}: cannot be read; write special characters of the "
                "password as %XX.",
                argument=argument,
            )
        user, has_password, password = (found["login"] or "").partition(":")
        return cls(
            path=None,
            user=unquote(user) or None,
            password=unquote(password) if has_password else None,
            host=unquote((found["host"] or "").strip("[]")) or None,
            port=int(found["port"]) if found["port"] else None,
            database=unquote(found["name"] or "") or None,
            options=_options(found["query"] or ""),
        )

    @property
    def name(self) -> str:
        """What data from here are called: the name of the database, or of its file without the ending."""
        return self.path.stem if self.path is not None else (self.database or "postgresql")

    @property
    def shown(self) -> str:
        """The database for people: a path, or a URL without password and query."""
        if self.path is not None:
            return str(self.path)
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        return f"postgresql://{user}{self.host or ''}{port}/{self.database or ''}"

    def masked(self, text: str) -> str:
        """A driver's message without the password."""
        for password in (self.password, self.options.get("password"), self.options.get("sslpassword")):
            text = text.replace(password, "***") if password else text
        return text


def _options(query: str) -> dict[str, str]:
    """What stands behind the question mark; of an option given twice, such as two hosts, a list with commas."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return {name: ",".join(values) for name, values in found.items()}


def _file_of(name: str, allowed: str, argument: str) -> Path:
    if not name or name == ":memory:" or "\0" in name:
        raise InvalidValueError(
            f"{allowed} Got SQLite without a file; all processes share one, so write {SQLITE}NAME.db.",
            argument=argument,
        )
    # Not read as a URL: a question mark may stand in the name of a file.
    return Path(name).absolute()
