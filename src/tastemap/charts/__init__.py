"""Charts from records: the only folder that imports Altair, drawing for light, dark and paper alike."""

from __future__ import annotations

from tastemap.charts.intervals import Row, difference_chart, dot_chart, fold_chart, interval_chart, span
from tastemap.charts.palette import DARK, LIGHT, PAGE, Palette
from tastemap.charts.render import Chart, javascript_bundle, page_spec, png, svg

__all__ = [
    "DARK",
    "LIGHT",
    "PAGE",
    "Chart",
    "Palette",
    "Row",
    "difference_chart",
    "dot_chart",
    "fold_chart",
    "interval_chart",
    "javascript_bundle",
    "page_spec",
    "png",
    "span",
    "svg",
]
