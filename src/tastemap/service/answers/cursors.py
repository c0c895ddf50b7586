"""Long lists in pages: a cursor holds the key of the last row, and of what it is an index."""

from __future__ import annotations

import numpy as np

from tastemap.errors import TastemapError
from tastemap.linalg.types import Int32Array, Int64Array
from tastemap.service.live.serving import Serving

LARGEST_PAGE = 500
CURSOR = r"^[0-9a-f]{8}(_-?[0-9]{1,18}){2}$"


class StaleCursorError(TastemapError):
    """A cursor of a version that is no longer served, or that has other items by now."""

    code = "stale_cursor"


def paged(
    serving: Serving,
    major: Int64Array,
    minor: Int64Array | Int32Array,
    limit: int,
    cursor: str | None,
) -> tuple[slice, str | None]:
    """Which rows come after the cursor, at most `limit`, and the cursor of what follows; None at the end.

    Parameters
    ----------
    serving : Serving
    major, minor : arrays of shape (n,)
        The key of each row, no two alike, rising: by `major`, among equals by `minor`. What is put in front of
        the cursor between two pages, or taken out there, then moves no later row.
    limit : int
    cursor : str or None
        Of the form `CURSOR`.

    Raises
    ------
    StaleCursorError
        If the cursor is of another version of the model, or an item came in by events since.

    Notes
    -----
    Costs O(n).
    """
    start = 0
    if cursor is not None:
        last, among_equals = _key(serving, cursor)
        start = int(((major < last) | ((major == last) & (minor <= among_equals))).sum())
    stop = min(start + limit, len(major))
    if stop == len(major):
        return slice(start, stop), None
    return slice(start, stop), f"{serving.tag}_{major[stop - 1]}_{minor[stop - 1]}"


def _key(serving: Serving, cursor: str) -> tuple[np.int64, np.int64]:
    tag, major, minor = cursor.split("_")
    if tag != serving.tag:
        raise StaleCursorError(
            "cursor is of another version of the model, or of before an item came in by events; leave it out "
            "to begin again."
        )
    return np.int64(major), np.int64(minor)
