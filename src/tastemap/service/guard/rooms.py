"""How much of one kind a worker does at once."""

from __future__ import annotations

from tastemap.service.guard.refusals import OVERLOADED_S, RefusedError, retry_after


class Room:
    """A number of places; ``with room:`` takes one and gives it back.

    Parameters
    ----------
    places : int
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._taken = 0

    def check(self, *, closes: bool = False) -> None:
        """Raise if no place is free; `closes`: whether a part of the request stays unread.

        Raises
        ------
        RefusedError
            503.
        """
        if self._taken >= self._places:
            raise RefusedError(
                503,
                "overloaded",
                f"This worker answers {self._places} requests already; come again in a moment.",
                headers=retry_after(OVERLOADED_S),
                closes=closes,
                limit=self._places,
            )

    def __enter__(self) -> None:
        """Take a place, or raise as :meth:`check` does."""
        self.check()
        self._taken += 1

    def __exit__(self, *_: object) -> None:
        """Give the place back."""
        self._taken -= 1
