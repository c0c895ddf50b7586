"""Items as points in a plane: colored by genre, filtered by the legend, found by their titles."""

from __future__ import annotations

from typing import Any

import polars as pl

from tastemap.charts._altair import alt
from tastemap.charts.frames import inline
from tastemap.charts.labels import ABOVE, FONT_SIZE, PADDING
from tastemap.charts.palette import SERIES, Palette

HEIGHT = 560
OTHER = "other"
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right")
MOST_RINGS, MOST_TITLES = 500, 20
"""Drawn of what a search finds: more cover each other."""
NOT_SEARCHING = "length(find) < 2"
_FOUND = f"!({NOT_SEARCHING}) && indexof(lower(datum.title), lower(find)) >= 0"
# Turning the wheel scrolls the page, unless a key is held.
_ZOOM = "wheel![event.shiftKey || event.ctrlKey || event.metaKey]"


def search_box() -> alt.Parameter:
    """A field for a part of a title."""
    # Waits until nobody has typed for some milliseconds.
    box = alt.binding(input="search", placeholder="part of a title", name="Find", debounce=150)
    return alt.param(name="find", value="", bind=box)


def point_layers(
    points: alt.Chart, frame: pl.DataFrame, find: alt.Parameter, palette: Palette
) -> list[alt.Chart | alt.LayerChart]:
    """All points, and over them rings around those that were searched for, with their titles.

    Parameters
    ----------
    points : Chart
        With data that has the columns of `frame`, and with x and y encoded.
    frame : DataFrame
        ``title, genres, genre, popularity``.
    find : Parameter
        As :func:`search_box` makes it.
    palette : Palette
    """
    picked = alt.selection_point(name="picked", fields=["genre"], bind="legend")
    zoom = alt.selection_interval(name="zoom", bind="scales", zoom=_ZOOM)
    return [
        points.mark_point(filled=True, size=34, strokeWidth=0)
        .encode(
            **_looks(frame, palette),
            opacity=alt.condition(picked, alt.value(0.8), alt.value(0.05)),
            tooltip=_tooltip(),
        )
        .add_params(picked, zoom),
        _found(points, palette).add_params(find),
    ]


def _found(points: alt.Chart, palette: Palette) -> alt.LayerChart:
    """What a search finds, the first in the order of the data: all the other points stay as they are drawn."""
    bare = alt.Chart().encode(x=points.encoding.x, y=points.encoding.y)
    ring = bare.mark_point(size=170, strokeWidth=2.5, color=palette.ink).encode(tooltip=_tooltip())
    titles = text_layers(bare.transform_filter(f"datum.place <= {MOST_TITLES}"), "title", palette, bold=True)
    layer = alt.LayerChart(layer=[ring, *titles], data=points.data)
    if points.transform is not alt.Undefined:
        layer.transform = [*points.transform]
    searched = layer.transform_filter(_FOUND).transform_window(place="row_number()")
    found: alt.LayerChart = searched.transform_filter(f"datum.place <= {MOST_RINGS}")
    return found


def text_layers(base: alt.Chart, field: str, palette: Palette, *, bold: bool = False) -> list[alt.Chart]:
    """Text above points, with an edge in the color of the paper so that it can be read over others."""
    style: dict[str, Any] = {
        "dy": -ABOVE - (4 if bold else 0),
        "fontSize": FONT_SIZE + bold,
        "fontWeight": 700 if bold else 400,
    }
    text = alt.Text(field, type="nominal")
    edge = base.mark_text(**style, stroke=palette.paper, strokeWidth=3, strokeJoin="round", color=palette.paper)
    return [edge.encode(text=text), base.mark_text(**style, color=palette.ink).encode(text=text)]


def position(field: str) -> dict[str, Any]:
    """Settings of an axis of a plane: from the lowest to the highest point, with a margin."""
    scale = alt.Scale(zero=False, nice=False, padding=PADDING)
    return {"field": field, "type": "quantitative", "title": None, "scale": scale}


def genre_looks(frame: pl.DataFrame, palette: Palette) -> list[tuple[str, str, str]]:
    """Name, color and shape of each genre, in the order of a legend; of one entry where no genres are known."""
    # In alphabetical order, so that a genre has one color in all charts of a data set.
    genres = sorted(frame["genre"].unique().to_list(), key=lambda genre: (genre == OTHER, genre))
    if genres in ([], [OTHER]):
        return [(OTHER, palette.accent, "circle")]
    n_named = len(genres) - (OTHER in genres)
    colors = [*[*SERIES, palette.ink][:n_named], *[palette.muted][: len(genres) - n_named]]
    shapes = [*SHAPES[:n_named], *["circle"][: len(genres) - n_named]]
    return list(zip(genres, colors, shapes, strict=True))


def _looks(frame: pl.DataFrame, palette: Palette) -> dict[str, Any]:
    """Color and shape by genre, in one legend; nothing where no genres are known."""
    looks = genre_looks(frame, palette)
    if len(looks) == 1 and looks[0][0] == OTHER:
        return {"color": alt.value(palette.accent), "shape": alt.value("circle")}
    genres, colors, shapes = (list(column) for column in zip(*looks, strict=True))
    legend = alt.Legend(title=None, orient="bottom", columns=4, symbolOpacity=1.0, columnPadding=24)
    return {
        "color": alt.Color("genre:N", scale=alt.Scale(domain=genres, range=colors), legend=legend),
        "shape": alt.Shape("genre:N", scale=alt.Scale(domain=genres, range=shapes), legend=legend),
    }


def _tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("title:N", title="title"),
        alt.Tooltip("genres:N", title="genres"),
        alt.Tooltip("popularity:Q", title="interactions"),
    ]


def data_of(frame: pl.DataFrame, *columns: str) -> alt.InlineData:
    """What a point needs to be drawn, found and told."""
    return inline(frame.select("title", "genres", "genre", "popularity", *columns))
