"""The map of items: a point each, titles where there is room, a search box, a legend that filters."""

from __future__ import annotations

import polars as pl

from tastemap.charts._altair import alt
from tastemap.charts.frames import inline
from tastemap.charts.labels import place_labels
from tastemap.charts.palette import LIGHT, Palette
from tastemap.charts.points import (
    HEIGHT,
    NOT_SEARCHING,
    data_of,
    point_layers,
    position,
    search_box,
    text_layers,
)
from tastemap.charts.render import WIDTH, Chart, themed


def item_map_chart(frame: pl.DataFrame, *, palette: Palette = LIGHT) -> Chart:
    """Draw items where a map has put them.

    Parameters
    ----------
    frame : DataFrame
        ``title, genres, genre, popularity, x, y``, as :func:`tastemap.inspection.item_map` gives it.
    palette : Palette
    """
    # Positions alone mean nothing, so there is nothing to read off the axes.
    x, y = alt.X(**position("x"), axis=None), alt.Y(**position("y"), axis=None)
    points = alt.Chart(data_of(frame, "x", "y")).encode(x=x, y=y)
    placed = place_labels(frame, "x", "y", width=WIDTH, height=HEIGHT)
    labels = alt.Chart(inline(placed)).transform_filter(NOT_SEARCHING).encode(x=x, y=y)
    layers = [*point_layers(points, frame, search_box(), palette), *text_layers(labels, "label", palette)]
    chart = alt.LayerChart(layer=layers).properties(height=HEIGHT)
    return themed(chart, palette.muted, palette.grid)
