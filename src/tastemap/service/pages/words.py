"""How pages write: what the items of a data set are called, numbers, and features."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Thing:
    """The word for one item and for many."""

    one: str
    many: str

    @property
    def a(self) -> str:
        """The word for one with its article."""
        return f"{'an' if self.one[0] in 'aeiou' else 'a'} {self.one}"

    @property
    def capital(self) -> str:
        """The word for one, as it starts a sentence."""
        return self.one.capitalize()


FILM, ARTIST, ITEM = Thing("film", "films"), Thing("artist", "artists"), Thing("item", "items")
MINUS = "−"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_KNOWN = {"ml-": FILM, "filmtrust": FILM, "lastfm": ARTIST}


def thing(data: str) -> Thing:
    """The word for the items of a data set, by its name; "item" where nobody knows better.

    >>> thing("ml-100k").many, thing("orders").one
    ('films', 'item')
    """
    return next((word for start, word in _KNOWN.items() if data.startswith(start)), ITEM)


def readable(features: Mapping[str, Any]) -> list[dict[str, str | list[str]]]:
    """Features of an item or a user that are known, as people read them: ``name`` and ``value``.

    >>> readable({"year": 1977, "genres": ["War"], "release_date": None})
    [{'name': 'year', 'value': '1977'}, {'name': 'genres', 'value': ['War']}]
    """
    found: list[dict[str, str | list[str]]] = []
    for name, value in features.items():
        if value is None or value in ("", []):
            continue
        told = [str(one) for one in value] if isinstance(value, list) else _told(value)
        found.append({"name": name.replace("_", " "), "value": told})
    return found


def _told(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def amount(value: float) -> str:
    """A count with its thousands apart.

    >>> amount(100000)
    '100,000'
    """
    return f"{value:,.0f}"


def figure(value: float | None, decimals: int = 2, *, sign: bool = False) -> str:
    """A number of so many decimals, with a true minus; a dash where there is none.

    >>> figure(-0.5), figure(3.14159, 3), figure(0.25, sign=True), figure(None)
    ('−0.50', '3.142', '+0.25', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:{'+' if sign else ''}.{decimals}f}"
    return text.replace("-", MINUS)


def stars(value: float) -> str:
    """A rating as it was given: no decimals that say nothing.

    >>> stars(4.0), stars(3.5)
    ('4', '3.5')
    """
    return f"{value:g}".replace("-", MINUS)


def percent(share: float) -> str:
    """A share in percent, with a decimal only below ten.

    >>> percent(0.0412), percent(0.5)
    ('4.1\u202f%', '50\u202f%')
    """
    return f"{100 * share:.{0 if share >= 0.1 or share == 0 else 1}f}\u202f%"


def day(seconds: int | None) -> str:
    """A time in seconds since 1970 as a date, UTC; a dash where nobody knows.

    >>> day(881250949), day(None)
    ('4 Dec 1997', '–')
    """
    if seconds is None:
        return "–"
    found = datetime.fromtimestamp(seconds, UTC)
    return f"{found.day} {found:%b %Y}"


MOST_TICKS = 10
"""Labels below a picture that a narrow screen has room for."""


def ticked(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Counts by month or year with what to write below each: some ``tick``, and ``below`` where a year begins.

    >>> [(row["tick"], row["below"]) for row in ticked([{"label": "1997-12"}, {"label": "1998-01"}])]
    [('Dec', '1997'), ('Jan', '1998')]
    >>> [row["tick"] for row in ticked([{"label": "1997"}])]
    ['1997']
    """
    every = math.ceil(len(rows) / MOST_TICKS)
    found, before = [], ""
    for place, row in enumerate(rows):
        year, _, month = row["label"].partition("-")
        tick = (_MONTHS[int(month) - 1] if month else year) if place % every == 0 else ""
        below = year if month and tick and year != before else ""
        before = below or before
        found.append({**row, "tick": tick, "below": below})
    return found


def setting(value: object) -> str:
    """The value of a setting as people read it: no more digits than tell it from others.

    >>> setting(True), setting(None), setting(0.1 + 0.2), setting(60.0), setting([8, 0.5])
    ('yes', 'none', '0.3', '60', '8, 0.5')
    """
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return ", ".join(setting(one) for one in value) or "none"
    return _told(value)
