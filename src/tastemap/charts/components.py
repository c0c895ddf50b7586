"""Items along two of their principal components, which the reader chooses."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

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


def components_chart(
    frame: pl.DataFrame,
    explained: Sequence[float],
    *,
    across: int = 1,
    up: int = 3,
    palette: Palette = LIGHT,
) -> Chart:
    """Draw items along principal components, the first ones with their titles.

    Parameters
    ----------
    frame : DataFrame
        ``title, genres, genre, popularity, component_1 …``, the items that matter most first, as
        :func:`tastemap.inspection.principal_components` gives it.
    explained : sequence of float
        The share of the variance along each component.
    across, up : int
        The components to start with, from 1; the last one where there are fewer.
    palette : Palette
    """
    names = [f"component_{number}" for number in range(1, len(explained) + 1)]
    texts = [f"component {number} ({share:.0%})" for number, share in enumerate(explained, start=1)]
    first, second = names[min(across, len(names)) - 1], names[min(up, len(names)) - 1]
    chosen = [_choice("across", "Across", first, names, texts), _choice("up", "Up", second, names, texts)]
    axis = alt.Axis(tickCount=5)
    x, y = alt.X(**position("x_value"), axis=axis), alt.Y(**position("y_value"), axis=axis)
    points = (
        alt.Chart(data_of(frame, *names))
        .transform_calculate(x_value="datum[across]", y_value="datum[up]")
        .encode(x=x, y=y)
    )
    labels = (
        alt.Chart(inline(_labels(frame, names)))
        .transform_filter(f"{NOT_SEARCHING} && datum.across === across && datum.up === up")
        .encode(x=x, y=y)
    )
    layers = [*point_layers(points, frame, search_box(), palette), *text_layers(labels, "label", palette)]
    said = "'Across: ' + replace(across, '_', ' ') + '.  Up: ' + replace(up, '_', ' ') + '.'"
    chart = alt.LayerChart(layer=layers).properties(
        height=HEIGHT, title=alt.TitleParams(text=alt.ExprRef(said))
    )
    return themed(chart.add_params(*chosen), palette.muted, palette.grid)


def _choice(name: str, said: str, value: str, names: Sequence[str], texts: Sequence[str]) -> alt.Parameter:
    box = alt.binding_select(options=list(names), labels=list(texts), name=said)
    return alt.param(name=name, value=value, bind=box)


def _labels(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """For each pair of components the titles that fit into its picture."""
    pairs = list(permutations(names, 2)) or [(names[0], names[0])]
    parts = []
    for across, up in pairs:
        placed = place_labels(frame, across, up, width=WIDTH, height=HEIGHT)
        parts.append(
            placed.select(
                pl.lit(across).alias("across"),
                pl.lit(up).alias("up"),
                pl.col("x").alias("x_value"),
                pl.col("y").alias("y_value"),
                "label",
            )
        )
    return pl.concat(parts)
