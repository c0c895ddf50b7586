"""Altair and its offline converter, or one clear sentence on how to get them."""

from __future__ import annotations

from tastemap.errors import MissingExtraError

try:
    import altair as alt
    import vl_convert
except ImportError as error:
    raise MissingExtraError(
        f"Charts and reports need {error.name}, which is not installed. Run: pip install 'tastemap[explore]'",
        extra="explore",
        missing=error.name,
    ) from error

__all__ = ["alt", "vl_convert"]
