"""Charts from records and frames, for light, dark and paper alike: the only folder that imports Altair."""

from __future__ import annotations

from tastemap.charts.bias import bias_chart
from tastemap.charts.components import components_chart
from tastemap.charts.curves import curves_chart, line_chart
from tastemap.charts.decay import decay_chart, parabolas_chart
from tastemap.charts.histograms import histogram_chart
from tastemap.charts.intervals import Row, difference_chart, dot_chart, fold_chart, interval_chart, span
from tastemap.charts.item_map import item_map_chart
from tastemap.charts.norms import norms_chart
from tastemap.charts.palette import DARK, LIGHT, PAGE, Palette
from tastemap.charts.predictions import predictions_chart
from tastemap.charts.render import Chart, javascript_bundle, page_spec, png, svg

__all__ = [
    "DARK",
    "LIGHT",
    "PAGE",
    "Chart",
    "Palette",
    "Row",
    "bias_chart",
    "components_chart",
    "curves_chart",
    "decay_chart",
    "difference_chart",
    "dot_chart",
    "fold_chart",
    "histogram_chart",
    "interval_chart",
    "item_map_chart",
    "javascript_bundle",
    "line_chart",
    "norms_chart",
    "page_spec",
    "parabolas_chart",
    "png",
    "predictions_chart",
    "span",
    "svg",
]
