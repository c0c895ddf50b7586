"""What a page's own script needs to draw thousands of points, each title once and no longer than needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from tastemap.charts.palette import PAGE
from tastemap.charts.points import genre_looks

DIGITS = 4
"""Decimals of a coordinate whose span is 1: a tenth of a pixel at the farthest zoom of a small screen."""


def plot_data(
    frame: pl.DataFrame, axes: Mapping[str, str], *, across: int = 0, up: int = 1, ticks: bool = False
) -> dict[str, Any]:
    """Points, their looks and their axes, as JSON knows them.

    Parameters
    ----------
    frame : DataFrame
        ``title, genres, genre, popularity`` and the columns of `axes`, the most popular item first.
    axes : mapping of str to str
        Columns of coordinates, with the names that a reader sees.
    across, up : int
        The axes to start with, by their places.
    ticks : bool
        Whether positions mean something, so that figures stand at the axes.
    """
    looks = genre_looks(frame, PAGE)
    places = {name: place for place, (name, _, _) in enumerate(looks)}
    return {
        **titles_and_genres(frame),
        "genre": [places.get(name, 0) for name in frame["genre"].to_list()],
        "popularity": frame["popularity"].to_list(),
        "looks": [{"name": name, "color": color, "shape": shape} for name, color, shape in looks],
        "axes": [{"label": label, "values": _rounded(frame[column])} for column, label in axes.items()],
        "across": min(across, len(axes) - 1),
        "up": min(up, len(axes) - 1),
        "ticks": ticks,
    }


def titles_and_genres(frame: pl.DataFrame) -> dict[str, Any]:
    """Columns ``title, genres`` as JSON knows them: the genres of each row by their place in ``named``."""
    genres = frame["genres"].list.join(", ").fill_null("")
    named = genres.unique().sort()
    return {
        "title": frame["title"].to_list(),
        "genres": named.search_sorted(genres).to_list(),
        "named": named.to_list(),
    }


def _rounded(values: pl.Series) -> list[float]:
    """To `DIGITS` decimals of the span."""
    numbers = values.to_numpy()
    span = float(np.ptp(numbers)) if len(numbers) else 0.0
    rounded: list[float] = np.round(numbers, DIGITS - int(np.floor(np.log10(span or 1.0)))).tolist()
    return rounded
