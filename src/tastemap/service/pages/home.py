"""The start: what the model is, how good it is, for whom it is weak, and the ways in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def page(service: Any, query: Mapping[str, str]) -> dict[str, object]:
    """The page as plain values."""
    return {}
