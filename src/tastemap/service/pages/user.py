"""One user: the history, the list and its reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def page(service: Any, query: Mapping[str, str]) -> dict[str, object]:
    """The page as plain values."""
    return {}
