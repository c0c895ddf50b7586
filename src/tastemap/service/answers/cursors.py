"""Long lists in pages: a cursor says where the next page begins, and of which version of the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from tastemap.errors import TastemapError
from tastemap.service.live.serving import Serving

LARGEST_PAGE = 500
CURSOR = r"^[0-9a-f]{8}-[0-9]{1,9}$"

T = TypeVar("T")


class StaleCursorError(TastemapError):
    """A cursor of a version that is no longer served."""

    code = "stale_cursor"


def paged(
    serving: Serving, rows: Sequence[T], limit: int, cursor: str | None
) -> tuple[Sequence[T], str | None]:
    """At most `limit` of `rows` from the cursor on, and the cursor of what follows; None at the end.

    Raises
    ------
    StaleCursorError
        If the cursor is of another version of the model.
    """
    start = 0 if cursor is None else _start(serving, cursor)
    stop = start + limit
    following = f"{serving.digest[:8]}-{stop}" if stop < len(rows) else None
    return rows[start:stop], following


def _start(serving: Serving, cursor: str) -> int:
    digest, start = cursor.split("-")
    if digest != serving.digest[:8]:
        raise StaleCursorError("cursor is of another version of the model; leave it out to begin again.")
    return int(start)
