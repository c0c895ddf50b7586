"""One item: what is known of it, who likes it, and what lies near."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def page(service: Any, query: Mapping[str, str]) -> dict[str, object]:
    """The page as plain values."""
    return {}
