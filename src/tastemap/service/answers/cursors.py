"""Long lists in pages: a cursor says where the next page begins, and of which version of the model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from tastemap.errors import InvalidValueError
from tastemap.service.live.serving import Serving

LARGEST_PAGE = 500
_CURSOR = re.compile(r"([0-9a-f]{8})-([0-9]{1,9})")

T = TypeVar("T")


def paged(
    serving: Serving, rows: Sequence[T], limit: int, cursor: str | None
) -> tuple[Sequence[T], str | None]:
    """At most `limit` of `rows` from the cursor on, and the cursor of what follows; None at the end.

    Raises
    ------
    InvalidValueError
        If the cursor is none of ours, or of another version of the model.
    """
    start = 0 if cursor is None else _start(serving, cursor)
    stop = start + limit
    following = f"{serving.digest[:8]}-{stop}" if stop < len(rows) else None
    return rows[start:stop], following


def _start(serving: Serving, cursor: str) -> int:
    parts = _CURSOR.fullmatch(cursor)
    if parts is None:
        raise InvalidValueError(
            f"cursor must be the next_cursor of an answer. Got {cursor[:40]!r}; leave it out to begin.",
            argument="cursor",
        )
    if parts[1] != serving.digest[:8]:
        raise InvalidValueError(
            "cursor belongs to an earlier version of the model; leave it out to begin again.", argument="cursor"
        )
    return int(parts[2])
