"""Charts with their words, to be put on a page or written as files."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tastemap.charts import LIGHT, PAGE, Chart, Palette, png, svg
from tastemap.errors import TastemapError
from tastemap.reports.markup import Markup, block, tag
from tastemap.reports.page import chart_block, data_block, slug, spec_block

PictureFormat = Literal["png", "svg"]


@dataclass(frozen=True)
class Picture:
    """A chart before it is drawn.

    Parameters
    ----------
    name : str
        Names its file and its element; unique on a page.
    caption : str
        What it shows, for everybody.
    described : str
        What it says, for those who do not see it.
    draw : callable
        From a palette to the chart.
    canvas : bool
        Thousands of marks: drawn on a canvas by the page's script, and shown as an image until then.
    points : callable or None
        Gives what the page's own script draws, as :func:`tastemap.charts.plot_data.plot_data` makes it: a map,
        of which Vega would draw too few frames a second. The chart is then the image alone.
    controls : bool
        Whether there is something to type, choose or click.
    """

    name: str
    caption: str
    described: str
    draw: Callable[[Palette], Chart]
    canvas: bool = False
    points: Callable[[], Mapping[str, object]] | None = None
    controls: bool = False


def figure(picture: Picture) -> Markup:
    """The picture on a page, with its caption."""
    name = slug(picture.name)
    if picture.points is not None:
        return block("figure", _plot(picture, picture.points(), name), tag("figcaption", picture.caption))
    if picture.canvas:
        drawn = _canvas(picture, name)
    else:
        role = "group" if picture.controls else "img"
        drawn = chart_block(picture.draw(PAGE), name, picture.described, role=role)
    # A chart with controls keeps its width, as pointers would miss in one that is scaled.
    wide = {"class_": "scroll wide", "role": "region", "aria_label": picture.described, "tabindex": "0"}
    holder = tag("div", drawn, **wide) if picture.controls else drawn
    return block("figure", holder, tag("figcaption", picture.caption))


def write_pictures(
    pictures: Sequence[Picture], folder: str | os.PathLike[str], form: PictureFormat
) -> list[Path]:
    """Write each picture into a folder, made where there is none, in light colors.

    Raises
    ------
    TastemapError
        If they cannot be written.
    """
    target = Path(folder)
    written = []
    try:
        target.mkdir(parents=True, exist_ok=True)
        for picture in pictures:
            chart, path = picture.draw(LIGHT), target / f"{slug(picture.name)}.{form}"
            path.write_bytes(png(chart) if form == "png" else svg(chart).encode())
            written.append(path)
    except OSError as error:
        raise TastemapError(
            f"folder {target} cannot be written: {error.strerror}. Choose another place."
        ) from error
    return written


def _canvas(picture: Picture, name: str) -> Markup:
    """A holder for a canvas, and an image that stands in for it without scripts and in print."""
    holder = tag(
        "div",
        _still(picture),
        class_="chart",
        role="group",
        aria_label=picture.described,
        data_spec=f"spec-{name}",
        data_renderer="canvas",
    )
    return Markup(holder + spec_block(picture.draw(PAGE), name))


def _plot(picture: Picture, points: Mapping[str, object], name: str) -> Markup:
    """A holder for a map that the page's script draws, with its points."""
    holder = tag(
        "div",
        _still(picture),
        class_="plot",
        role="group",
        aria_label=picture.described,
        data_spec=f"spec-{name}",
    )
    return Markup(holder + data_block(points, f"spec-{name}"))


def _still(picture: Picture) -> Markup:
    drawn = base64.b64encode(png(picture.draw(LIGHT), scale=1.25, background=LIGHT.paper)).decode()
    return tag("img", src=f"data:image/png;base64,{drawn}", alt=picture.described, width="640", class_="still")
