"""Figures as dots with their intervals, one row per model; baselines are hollow diamonds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tastemap.charts._altair import alt
from tastemap.charts.palette import LIGHT, Palette
from tastemap.charts.render import Chart, themed

ROW = 30  # pixels
# A longer name loses its middle in the chart, since names of one family differ at the end; it is whole in
# the tooltip and in the table.
_SHORTENED = (
    "length(datum.label) > 22 ? slice(datum.label, 0, 11) + '…' + slice(datum.label, -10) : datum.label"
)


@dataclass(frozen=True)
class Row:
    """One row of a chart.

    Parameters
    ----------
    name : str
        The label of the row; rows with the same name would lie over each other.
    value, low, high : float
        The figure and its interval; without one, all three are equal.
    label : str
        The figure as the page writes it.
    detail : str
        The figure with its interval in words, for the tooltip.
    hollow : bool
        Draw it hollow and gray: a baseline (a diamond), or a difference that is not clear (a circle).
    folds : tuple of float
        The figures of the folds, for `fold_chart`.
    """

    name: str
    value: float
    low: float
    high: float
    label: str
    detail: str = ""
    hollow: bool = False
    folds: tuple[float, ...] = ()


def interval_chart(rows: Sequence[Row], *, title: str, palette: Palette = LIGHT) -> Chart:
    """Draw each row's figure as a dot on the line of its interval, in the order given.

    Parameters
    ----------
    rows : sequence of Row
        Those whose figure is not finite are left out; an interval that is not finite is drawn as none.
    title : str
        The title of the axis.
    palette : Palette
    """
    return _finish(_dots(rows, title, palette, span(_ends(rows))), len(rows), palette)


def dot_chart(rows: Sequence[Row], *, domain: tuple[float, float], palette: Palette = LIGHT) -> Chart:
    """Draw figures without intervals, for small multiples: `domain` gives charts beside each other one axis."""
    return _finish(_dots(rows, None, palette, domain), len(rows), palette)


def difference_chart(rows: Sequence[Row], *, title: str, palette: Palette = LIGHT) -> Chart:
    """Draw paired differences from one model around a line at zero; hollow rows are those that are not clear.

    Parameters
    ----------
    rows : sequence of Row
        One for each model that is held against the same other one.
    title : str
        The title of the axis; says which side is the better one.
    palette : Palette
    """
    domain = span([0.0, *_ends(rows)])
    zero = (
        alt.Chart(alt.InlineData(values=[{"zero": 0}]))
        .mark_rule(color=palette.ink, strokeWidth=1, strokeDash=[4, 3])
        .encode(x=_x(title, "zero", domain))
    )
    return _finish(
        alt.LayerChart(layer=[zero, _dots(rows, title, palette, domain, hollow="circle")]), len(rows), palette
    )


def fold_chart(rows: Sequence[Row], *, title: str, palette: Palette = LIGHT) -> Chart:
    """Draw every fold's figure as a short stroke, with the mean of the folds as the dot."""
    domain = span([*_ends(rows), *(value for row in rows for value in row.folds)])
    strokes = [
        {"name": row.name, "fold": number, "value": value, "tip": f"fold {number}: {value:.4f}"}
        for row in rows
        for number, value in enumerate(row.folds, start=1)
        if math.isfinite(value)
    ]
    folds = (
        alt.Chart(alt.InlineData(values=strokes))
        .mark_tick(color=palette.ink, thickness=1.5, size=16, opacity=0.75)
        .encode(x=_x(title, "value", domain), y=_y(rows, palette), tooltip=_tooltip())
    )
    means = [Row(row.name, row.value, row.value, row.value, "", row.detail, row.hollow) for row in rows]
    return _finish(alt.LayerChart(layer=[folds, _dots(means, title, palette, domain)]), len(rows), palette)


def span(values: Iterable[float]) -> tuple[float, float]:
    """From the lowest to the highest finite value, widened around a single one; 0 … 1 where there is none."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    if low == high:
        half = 0.05 * abs(low) or 0.5
        return low - half, high + half
    return low, high


def _ends(rows: Sequence[Row]) -> list[float]:
    return [value for row in rows for value in (row.value, row.low, row.high)]


def _dots(
    rows: Sequence[Row],
    title: str | None,
    palette: Palette,
    domain: tuple[float, float],
    *,
    hollow: str = "diamond",
) -> alt.LayerChart:
    """Interval lines, dots and figures, in three layers; `hollow` is the shape of hollow dots."""
    data = alt.InlineData(values=[_value(row, palette, hollow) for row in rows if math.isfinite(row.value)])
    base = alt.Chart(data).encode(y=_y(rows, palette), tooltip=_tooltip())
    stroke = alt.Stroke("stroke:N", scale=None)
    lines = base.mark_rule(strokeWidth=2.5, strokeCap="round").encode(
        x=_x(title, "low", domain), x2=alt.X2("high:Q"), stroke=stroke
    )
    dots = base.mark_point(size=85, strokeWidth=2, opacity=1).encode(
        x=_x(title, "value", domain),
        fill=alt.Fill("fill:N", scale=None),
        stroke=stroke,
        shape=alt.Shape("shape:N", scale=None),
    )
    # Eleven pixels clear the dot where the interval is shorter than it.
    figures = base.mark_text(align="left", dx=11, fontSize=12, color=palette.ink).encode(
        x=_x(title, "high", domain), text=alt.Text("label:N")
    )
    return alt.LayerChart(layer=[lines, dots, figures])


def _value(row: Row, palette: Palette, hollow: str) -> dict[str, Any]:
    return {
        "name": row.name,
        "value": row.value,
        "low": row.low if math.isfinite(row.low) else row.value,
        "high": row.high if math.isfinite(row.high) else row.value,
        "label": row.label,
        "tip": row.detail or row.label,
        "stroke": palette.muted if row.hollow else palette.accent,
        "fill": palette.paper if row.hollow else palette.accent,
        "shape": hollow if row.hollow else "circle",
    }


def _x(title: str | None, field: str, domain: tuple[float, float]) -> alt.X:
    # Padding in pixels leaves room for the figure to the right of the last interval.
    scale = alt.Scale(zero=False, nice=False, padding=50, domain=list(domain))
    return alt.X(
        field,
        type="quantitative",
        title=title,
        scale=scale,
        axis=alt.Axis(tickCount=4, labelFlush=False, labelBound=8),
    )


def _y(rows: Sequence[Row], palette: Palette) -> alt.Y:
    axis = alt.Axis(labelExpr=_SHORTENED, labelLimit=170, labelColor=palette.ink, labelFontSize=13, grid=False)
    return alt.Y("name", type="nominal", title=None, sort=[row.name for row in rows], axis=axis)


def _tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("name", type="nominal", title="model"),
        alt.Tooltip("tip", type="nominal", title="figure"),
    ]


def _finish(chart: Chart, n_rows: int, palette: Palette) -> Chart:
    return themed(chart.properties(height=ROW * max(n_rows, 1)), palette.muted, palette.grid)
