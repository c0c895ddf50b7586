"""Items that the fit never saw, and who has them: counted as events come in, each event once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import islice

import numpy as np

from tastemap.data import UNKNOWN
from tastemap.data.id_map import IdMap
from tastemap.inference.new_items import FEWEST_USERS
from tastemap.service.database.lookups import EVENTS_A_READ, Use
from tastemap.service.database.store import Store

LATEST_S = 60.0
"""Events from a time farther ahead count at once: a clock was wrong, and nobody is to wait for it."""


class Newcomers:
    """What of the events is to be taken in: those up to :attr:`through`, of the items in :attr:`items`.

    Both depend on the stored events alone, not on when anybody looked, so all workers come to the same.

    Parameters
    ----------
    known : IdMap
        The items of the fit.
    after : int
        The last event that the fit has seen.

    Attributes
    ----------
    n_lost : int
        How often an erasure took somebody out of what is to be taken in.
    """

    def __init__(self, known: IdMap, after: int) -> None:
        self.n_lost = 0
        self._known = known
        self._looked_through = after
        self._first: dict[str, dict[str, int]] = {}  # item -> user -> seq of their first interaction, rising
        self._doubled: dict[str, int] = {}  # item -> seq at which its users were last 5, 10, 20, …

    @property
    def items(self) -> list[str]:
        """Items that at least five users have, sorted."""
        return sorted(self._doubled)

    @property
    def through(self) -> int:
        """The last event that made the users of a new item 5, 10, 20, … in number; 0 if there is none.

        A vector that so many users gave hardly moves with one more.
        """
        return max(self._doubled.values(), default=0)

    def look(self, store: Store, before: float) -> None:
        """Count the events that were received before a moment, and all erasures; costs what is new.

        Raises
        ------
        DatabaseError
            If they cannot be read; what was counted stays counted.
        """
        for user in store.erased_since(self._looked_through):
            self._forget(user)
        while True:
            block = store.uses(self._looked_through)
            late = (place for place, use in enumerate(block) if before <= use.received < before + LATEST_S)
            due = next(late, len(block))
            self._count(block[:due])
            if due < EVENTS_A_READ:
                return

    def _count(self, uses: Sequence[Use]) -> None:
        if not uses:
            return
        found = self._known.indices([use.item_id for use in uses])
        for place in np.flatnonzero(found == UNKNOWN).tolist():
            use = uses[place]
            if use.kind == "erasure":
                self._forget(use.user_id)
            elif use.kind == "interaction" and self._known.own_form(use.item_id) is not None:
                self._add(use)
        self._looked_through = uses[-1].seq

    def _add(self, use: Use) -> None:
        users = self._first.setdefault(use.item_id, {})
        if use.user_id in users:
            return
        users[sys.intern(use.user_id)] = use.seq
        if _last_doubling(len(users)) == len(users):
            self._doubled[use.item_id] = use.seq

    def _forget(self, user_id: str) -> None:
        """Take a user out: an erasure deletes all events before it."""
        through = self.through
        for item, users in self._first.items():
            seq = users.pop(user_id, None)
            if seq is None or item not in self._doubled:
                continue
            self.n_lost += seq <= through
            n = _last_doubling(len(users))
            if n:
                self._doubled[item] = next(islice(users.values(), n - 1, None))
            else:
                del self._doubled[item]


def _last_doubling(n: int) -> int:
    """The largest of 5, 10, 20, … that is at most `n`; 0 below 5."""
    return FEWEST_USERS << (n // FEWEST_USERS).bit_length() - 1 if n >= FEWEST_USERS else 0
