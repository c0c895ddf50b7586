"""Charts with their words, to be put on a page or written as files."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tastemap.charts import DARK, LIGHT, PAGE, Chart, Palette, png, svg
from tastemap.errors import TastemapError
from tastemap.reports.markup import Markup, block, tag
from tastemap.reports.page import chart_block, slug, spec_block

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
        Thousands of points: drawn on a canvas by the page's script, and shown as an image until then.
    controls : bool
        Whether there is something to type, choose or click.
    """

    name: str
    caption: str
    described: str
    draw: Callable[[Palette], Chart]
    canvas: bool = False
    controls: bool = False


def figure(picture: Picture) -> Markup:
    """The picture on a page, with its caption."""
    name = slug(picture.name)
    if picture.canvas:
        drawn = _canvas(picture, name)
    else:
        role = "group" if picture.controls else "img"
        drawn = chart_block(picture.draw(PAGE), name, picture.described, role=role)
    # A chart with controls keeps its width, as pointers would miss in one that is scaled.
    holder = tag("div", drawn, class_="scroll wide") if picture.controls else drawn
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
    """A holder for a canvas, and images for light and dark that stand in for it, in print too."""
    dark = tag(
        "source", media="screen and (prefers-color-scheme: dark)", srcset=_image(picture.draw(DARK), DARK)
    )
    light = tag("img", src=_image(picture.draw(LIGHT), LIGHT), alt=picture.described, width="640")
    holder = tag(
        "div",
        tag("picture", dark, light),
        class_="chart",
        role="group",
        aria_label=picture.described,
        data_spec=f"spec-{name}",
        data_renderer="canvas",
    )
    return Markup(holder + spec_block(picture.draw(PAGE), name))


def _image(chart: Chart, palette: Palette) -> str:
    drawn = png(chart, scale=1.25, background=palette.paper)
    return f"data:image/png;base64,{base64.b64encode(drawn).decode()}"
