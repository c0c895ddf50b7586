"""Lists as they were sent, for as long as nothing has changed that they say."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from tastemap.data import Id
from tastemap.service.live.serving import Serving

LISTS_KEPT = 4_096
LARGEST_KEPT = 16_384
"""Bytes of a list that is kept and of its query, at most: together they stay below 64 MiB."""

Asked = tuple[str, bytes]
"""The user and the query, as they came."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A list that was sent.

    Parameters
    ----------
    last_event : int
        The ``seq`` of the user's last event that it counted; 0 for none.
    body : bytes
    told : tuple
        What the figures for operators want to know of it: its basis, its version and its items, by the ids
        that the version holds anyway.
    """

    last_event: int
    body: bytes
    told: tuple[str, int, tuple[Id, ...]]


class SentLists:
    """The lists asked for last of the version that is served, of one worker; only its event loop may ask."""

    def __init__(self) -> None:
        self._serving: Serving | None = None
        self._lists: OrderedDict[Asked, Sent] = OrderedDict()

    def find(self, asked: Asked, serving: Serving, last_event: int) -> Sent | None:
        """The list, if it would come out the same today; lists of another version are let go of, with it."""
        if serving is not self._serving:
            self._serving = serving
            self._lists.clear()
        found = self._lists.get(asked)
        if found is None or found.last_event != last_event:
            return None
        self._lists.move_to_end(asked)
        return found

    def keep(self, asked: Asked, serving: Serving, sent: Sent) -> None:
        """Keep a list instead of the one that nobody has asked for the longest."""
        if len(sent.body) + len(asked[1]) > LARGEST_KEPT or serving is not self._serving:
            return
        self._lists[asked] = sent
        self._lists.move_to_end(asked)
        if len(self._lists) > LISTS_KEPT:
            self._lists.popitem(last=False)
