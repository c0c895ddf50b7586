"""From an Altair chart to what a page or a file holds: a specification, SVG, PNG, and the script that draws."""

from __future__ import annotations

import functools
from typing import Any

from tastemap.charts._altair import alt, vl_convert

Chart = alt.Chart | alt.LayerChart | alt.HConcatChart
WIDTH = 640


def themed(chart: Chart, muted: str, grid: str) -> Chart:
    """The chart in the quiet look that all charts share: `WIDTH` pixels wide unless it is made of several."""
    font = "system-ui, sans-serif"
    if not isinstance(chart, alt.HConcatChart):
        chart = chart.properties(width=WIDTH, autosize=alt.AutoSizeParams(type="fit-x", contains="padding"))
    look: Chart = (
        # The page's figure carries the text alternative; Vega's own would be read a second time.
        chart.configure(aria=False, background="transparent", font=font, padding=2)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=muted,
            titleColor=muted,
            gridColor=grid,
            domain=False,
            ticks=False,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            labelPadding=8,
            titlePadding=10,
        )
        .configure_legend(
            labelColor=muted,
            titleColor=muted,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            symbolSize=70,
            labelLimit=220,
        )
        .configure_title(color=muted, fontSize=12, fontWeight="normal", anchor="start")
    )
    return look


def _spec(chart: Chart) -> dict[str, Any]:
    # Checking every chart against the schema takes longer than drawing it; tests check each kind of chart.
    spec: dict[str, Any] = chart.to_dict(validate=False)
    del spec["$schema"]
    return spec


def page_spec(chart: Chart) -> dict[str, Any]:
    """The chart's Vega-Lite specification for a page, naming no address.

    It is as wide as its container; a chart of several keeps its size, as Vega-Lite knows no other way.
    """
    spec = _spec(chart)
    return spec if isinstance(chart, alt.HConcatChart) else {**spec, "width": "container"}


def svg(chart: Chart, *, background: str = "transparent") -> str:
    """The chart as SVG text: what a reader without scripts sees, and what is there before they run.

    A file that may be shown on any paper needs a `background` that goes with its palette.
    """
    drawn: str = vl_convert.vegalite_to_svg({**_spec(chart), "background": background})
    return drawn


def png(chart: Chart, *, scale: float = 2.0, background: str = "white") -> bytes:
    """The chart as a PNG image. Its palette must name real colors: `LIGHT` or `DARK`, not `PAGE`."""
    drawn: bytes = vl_convert.vegalite_to_png({**_spec(chart), "background": background}, scale=scale)
    return drawn


@functools.cache
def javascript_bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script without addresses to load; some seconds the first time.

    It lies inside a ``<script>`` element, so it must not hold what would end or comment out that element.
    """
    bundle: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # the stub knows no default
    return bundle.replace("</script", r"<\/script").replace("<!--", r"\x3c!--")
