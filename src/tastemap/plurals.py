"""Counts in sentences."""

from __future__ import annotations


def plural(n: int, one: str, many: str | None = None) -> str:
    """A count with its noun; `many` where it is not `one` with an s.

    >>> plural(1, "user"), plural(1943, "user"), plural(0, "history", "histories")
    ('1 user', '1,943 users', '0 histories')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"
