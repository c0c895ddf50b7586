"""From frames to the rows that a specification holds."""

from __future__ import annotations

import math

import polars as pl

from tastemap.charts._altair import alt

DIGITS = 5
"""Significant digits of a coordinate: finer than a pixel, and half the size of a page."""


def inline(frame: pl.DataFrame) -> alt.InlineData:
    """The rows of a frame; lists become text, and figures that are not finite become null."""
    lists = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.List)]
    joined = frame.with_columns(pl.col(name).list.join(", ").fill_null("") for name in lists)
    rows = [{name: _plain(value) for name, value in row.items()} for row in joined.to_dicts()]
    data = alt.InlineData(values=[])
    # Altair copies lists whenever a chart is changed, ten times over, and checks each row; a tuple it lets be.
    data.values = tuple(rows)
    return data


def _plain(value: object) -> object:
    if not isinstance(value, float):
        return value
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
