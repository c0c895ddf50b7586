"""Database URLs: which are taken, and how they are shown without their passwords."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from tastemap.errors import InvalidValueError

SQLITE = "sqlite:///"
POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")
ALLOWED = "database must be sqlite:///FILE or postgresql://USER@HOST/NAME."


def default_url(folder: Path) -> str:
    """The database of an artifact where none is named: the SQLite file ``NAME.events.db`` beside its folder."""
    folder = folder.resolve()
    return f"{SQLITE}{folder.with_name(f'{folder.name}.events.db')}"


@dataclass(frozen=True)
class Target:
    """A database as it is named.

    Parameters
    ----------
    url : URL
        For SQLAlchemy, with the password.
    path : Path or None
        The file of an SQLite database, absolute.
    """

    url: URL
    path: Path | None

    @classmethod
    def of(cls, url: str) -> Target:
        """Read a URL.

        Raises
        ------
        InvalidValueError
            If it is none that is taken; the message never repeats it, since it may hold a password.
        """
        scheme, colon, _ = url.partition(":")
        if url.startswith(SQLITE):
            return cls._of_file(url.removeprefix(SQLITE))
        if not colon or scheme not in POSTGRESQL:
            named = (
                f"Got the scheme {scheme!r}"
                if colon and scheme.isascii() and len(scheme) < 30
                else "Got neither"
            )
            raise InvalidValueError(f"{ALLOWED} {named}.", argument="database")
        try:
            read = make_url(url)
        except (ArgumentError, ValueError):
            # Without the cause, whose text may hold the password.
            raise InvalidValueError(
                f"{ALLOWED} What came after {scheme}: cannot be read; write special characters of the "
                "password as %XX.",
                argument="database",
            ) from None
        return cls(read.set(drivername="postgresql+psycopg"), None)

    @classmethod
    def _of_file(cls, name: str) -> Target:
        if not name or name == ":memory:" or "\0" in name:
            raise InvalidValueError(
                f"{ALLOWED} Got SQLite without a file; all workers share one, so write sqlite:///events.db.",
                argument="database",
            )
        # Not read as a URL: a question mark may stand in the name of a file.
        path = Path(name).absolute()
        return cls(URL.create("sqlite", database=str(path)), path)

    @property
    def shown(self) -> str:
        """The database for people: a path, or a URL without password and query."""
        if self.path is not None:
            return str(self.path)
        user = f"{self.url.username}@" if self.url.username else ""
        port = f":{self.url.port}" if self.url.port else ""
        return f"postgresql://{user}{self.url.host or ''}{port}/{self.url.database or ''}"

    def masked(self, text: str) -> str:
        """A driver's message without the password."""
        given = self.url.query.get("password", ())
        passwords = (self.url.password, *((given,) if isinstance(given, str) else given))
        for password in passwords:
            text = text.replace(password, "***") if password else text
        return text
