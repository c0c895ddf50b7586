"""What the items of a data set are called, so that a page about films says film."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thing:
    """The word for one item and for many."""

    one: str
    many: str

    @property
    def capital(self) -> str:
        """The word for one, as it starts a sentence."""
        return self.one.capitalize()


FILM, ARTIST, ITEM = Thing("film", "films"), Thing("artist", "artists"), Thing("item", "items")
_KNOWN = {"ml-": FILM, "filmtrust": FILM, "lastfm": ARTIST}


def thing(data: str) -> Thing:
    """The word for the items of a data set, by its name; "item" where nobody knows better.

    >>> thing("ml-100k").many, thing("orders").one
    ('films', 'item')
    """
    return next((word for start, word in _KNOWN.items() if data.startswith(start)), ITEM)
