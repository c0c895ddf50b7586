"""Rate some items and watch a list answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def page(service: Any, query: Mapping[str, str]) -> dict[str, object]:
    """The page as plain values."""
    return {}
