"""The error tree. Every message names the argument, what is allowed, what came and what to do.

TastemapError
├── InvalidValueError (ValueError)      an argument or setting outside its range
├── DataError (ValueError)              a table that cannot be read as interactions
│   ├── SourceNotFoundError             no such file, folder or data set
│   └── ColumnError                     a column is missing or has the wrong type
├── FetchError                          no source of a data set answered
├── DatabaseError                       a database that cannot be read or written now
├── UnknownUserError (KeyError)         an id that is not in the training data
├── UnknownItemError (KeyError)
├── UnknownNameError (KeyError)         an unknown model, metric, data set, column …
├── FilterError (ValueError)            a ``--where`` expression that does not parse
├── ArtifactError                       a saved model that cannot be read or written
├── StorageError                        no room for what is kept on disk while a model is fitted
├── DivergedError (ArithmeticError)     a loss that is no longer finite
├── EngineError                         a cluster that does not answer, or gave up
└── MissingExtraError (ImportError)     an optional part that is not installed
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from os import PathLike

SHOWN_LENGTH = 100
"""A value of a wrong type is shown if this many characters hold it."""

NEAR = 0.6
"""Likeness of two names, 0 to 1 as :mod:`difflib` has it, from which on one may be meant by the other."""

_PASSWORD = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s:/@'\"]*):[^\s'\"]*@")
_PASSWORD_OPTION = re.compile(r"([?&](?:ssl)?password=)[^&\s'\"]*", re.IGNORECASE)


class TastemapError(Exception):
    """Base of all errors that Tastemap raises on purpose.

    ``code`` is stable and stands in JSON bodies; ``details`` holds what a program needs.
    """

    code = "error"

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, object] = details

    def __str__(self) -> str:
        # KeyError would show repr(message), with quotes around the sentence.
        return self.message

    def body(self) -> dict[str, object]:
        """The JSON body of this error: ``{"error": {"code", "message", "details"}}``."""
        return {"error": {"code": self.code, "message": self.message, "details": self.details}}


class InvalidValueError(TastemapError, ValueError):
    """An argument or a setting is outside what is allowed."""

    code = "invalid_value"


class DataError(TastemapError, ValueError):
    """A table cannot be read as interactions."""

    code = "invalid_data"


class SourceNotFoundError(DataError):
    """There is no such file, folder or data set."""

    code = "source_not_found"


class ColumnError(DataError):
    """A column is missing, or holds values of the wrong type."""

    code = "invalid_column"


class FetchError(TastemapError):
    """No source of a data set answered with the right bytes."""

    code = "fetch_failed"


class DatabaseError(TastemapError):
    """A database cannot be read or written now.

    Nothing was saved by the call that raised it, unless the connection was lost in the middle of a commit.
    """

    code = "database_unavailable"


class UnknownUserError(TastemapError, KeyError):
    """A user id is not in the training data."""

    code = "unknown_user"


class UnknownItemError(TastemapError, KeyError):
    """An item id or title is not in the training data."""

    code = "unknown_item"


class UnknownNameError(TastemapError, KeyError):
    """An unknown model, metric, setting, data set or catalog column."""

    code = "unknown_name"


class FilterError(TastemapError, ValueError):
    """A catalog filter (``--where``) does not parse or names an unknown column."""

    code = "invalid_filter"


class ArtifactError(TastemapError):
    """A saved model cannot be read or written; an old one is never harmed."""

    code = "artifact"


class StorageError(TastemapError):
    """There is no room for data that is kept on disk while it is worked on."""

    code = "storage"


class DivergedError(TastemapError, ArithmeticError):
    """Training left the finite numbers; what the last whole epoch gave is unharmed."""

    code = "diverged"


class EngineError(TastemapError):
    """A cluster does not answer, or has given up; what was saved before is unharmed."""

    code = "engine"


class MissingExtraError(TastemapError, ImportError):
    """An optional part of Tastemap is not installed."""

    code = "missing_extra"


def check_type(argument: str, value: object, kind: type | tuple[type, ...], wanted: str, remedy: str) -> None:
    """Raise unless an argument is of a type; for public functions, where a mistake would fail deep inside.

    >>> check_type("train", "ml-100k", list, "a list", "write ['ml-100k']")
    Traceback (most recent call last):
    tastemap.errors.InvalidValueError: train must be a list. Got 'ml-100k'; write ['ml-100k'].
    """
    if not isinstance(value, kind):
        shown = repr(value)
        if len(shown) > SHOWN_LENGTH or "\n" in shown:
            shown = f"a value of the type {type(value).__name__}"
        raise InvalidValueError(f"{argument} must be {wanted}. Got {shown}; {remedy}.", argument=argument)


def check_path(argument: str, value: object) -> None:
    """Raise unless an argument is a path."""
    check_type(argument, value, (str, PathLike), "a path", "give text or a pathlib.Path")


def near_matches(name: object, known: Iterable[object], *, part: Callable[[str], str] = str) -> list[str]:
    """Up to three of `known` that look like `name`, best first; `part` is what counts of a name."""
    by_fold = {part(str(candidate)).casefold(): str(candidate) for candidate in known}
    found = difflib.get_close_matches(part(str(name)).casefold(), by_fold, n=3, cutoff=NEAR)
    return [by_fold[key] for key in found]


def did_you_mean(name: object, known: Iterable[object], *, part: Callable[[str], str] = str) -> str:
    """``" Did you mean a, b or c?"``, or nothing when no known name is near; see :func:`near_matches`."""
    matches = near_matches(name, known, part=part)
    if not matches:
        return ""
    listed = matches[0] if len(matches) == 1 else f"{', '.join(matches[:-1])} or {matches[-1]}"
    return f" Did you mean {listed}?"


def _by_numbers(name: str) -> list[int | str]:
    """Sorts B2 before B10: texts and the numbers between them take turns."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def unknown_name(kind: str, name: object, known: Iterable[str]) -> UnknownNameError:
    """The error for an unknown `kind` (``"model"``, ``"metric"`` …), with near matches or all names."""
    names = sorted(known, key=_by_numbers)
    hint = did_you_mean(name, names) or f" Known: {', '.join(names)}."
    return UnknownNameError(f"Unknown {kind} {str(name)!r}.{hint}", kind=kind, name=str(name), known=names)


def without_passwords(text: str) -> str:
    """A text with ``***`` for the password of each URL in it.

    >>> without_passwords("fit postgresql://me:secret@host/shop")
    'fit postgresql://me:***@host/shop'
    """
    return _PASSWORD_OPTION.sub(r"\1***", _PASSWORD.sub(r"\1:***@", text))
