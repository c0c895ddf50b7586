"""Predicted ratings against those given, counted in cells: thousands of points would hide each other."""

from __future__ import annotations

import numpy as np
import polars as pl

from tastemap.charts._altair import alt
from tastemap.charts.frames import inline
from tastemap.charts.palette import LIGHT, Palette
from tastemap.charts.render import Chart, themed

HEIGHT = 360


def predictions_chart(rows: pl.DataFrame, grid: pl.DataFrame, *, palette: Palette = LIGHT) -> Chart:
    """Draw cells, darker where more of the rows with this rating lie; mean predictions; the line of no error.

    Parameters
    ----------
    rows : DataFrame
        ``rating, prediction``, as :func:`tastemap.inspection.predicted_against_actual` gives them.
    grid : DataFrame
        The same rows counted, as :func:`tastemap.inspection.prediction_grid` gives them.
    palette : Palette
    """
    low, high = float(grid["rating_low"].min()), float(grid["rating_high"].max())  # type: ignore[arg-type]
    cells = _cells(grid, (low, high), palette)
    ends = alt.InlineData(values=[{"at": low}, {"at": high}])
    perfect = (
        alt.Chart(ends)
        .mark_line(color=palette.ink, strokeWidth=1, strokeDash=[4, 3])
        .encode(x="at:Q", y="at:Q")
    )
    means = _means(rows, grid)
    dots = (
        alt.Chart(inline(means))
        .mark_point(size=80, filled=True, opacity=1, color=palette.ink, stroke=palette.paper, strokeWidth=1.5)
        .encode(
            x="center:Q",
            y="mean:Q",
            tooltip=[
                alt.Tooltip("center:Q", title="given", format=".3~g"),
                alt.Tooltip("mean:Q", title="mean predicted", format=".3f"),
            ],
        )
    )
    chart = alt.LayerChart(layer=[cells, perfect, dots]).properties(height=HEIGHT)
    return themed(chart, palette.muted, palette.grid)


def _cells(grid: pl.DataFrame, domain: tuple[float, float], palette: Palette) -> alt.Chart:
    x = alt.X(
        "rating_low:Q",
        title="rating given",
        scale=alt.Scale(domain=list(domain), nice=False),
        axis=alt.Axis(grid=False, values=_ratings(grid), labelOverlap=True),
    )
    drawn: alt.Chart = (
        alt.Chart(inline(grid))
        .mark_rect(color=palette.accent)
        .encode(
            x=x,
            x2="rating_high:Q",
            y=alt.Y("low:Q", title="rating predicted", scale=alt.Scale(zero=False)),
            y2="high:Q",
            # Opacity and not a scale of colors: it fits any paper.
            opacity=alt.Opacity(
                "share:Q",
                scale=alt.Scale(range=[0.08, 1.0]),
                legend=alt.Legend(
                    title="share of the rows with this rating",
                    titleLimit=400,
                    format="%",
                    orient="bottom",
                    symbolType="square",
                    symbolSize=160,
                    symbolFillColor=palette.accent,
                    symbolStrokeWidth=0,
                ),
            ),
            tooltip=[
                alt.Tooltip("rating_low:Q", title="given from", format=".3~g"),
                alt.Tooltip("low:Q", title="predicted from", format=".3~g"),
                alt.Tooltip("high:Q", title="to", format=".3~g"),
                alt.Tooltip("n:Q", title="rows"),
            ],
        )
    )
    return drawn


def _ratings(grid: pl.DataFrame) -> list[float]:
    """The middles of the columns: the ratings themselves where each has a column."""
    middles: list[float] = ((grid["rating_low"] + grid["rating_high"]) / 2).unique().sort().round(3).to_list()
    return middles


def _means(rows: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """The mean prediction of each column of the grid, at its middle."""
    columns = grid.select("rating_low", "rating_high").unique().sort("rating_low")
    low, high = columns["rating_low"].to_numpy(), columns["rating_high"].to_numpy()
    place = np.searchsorted(low, rows["rating"].to_numpy(), side="right") - 1
    # Sums in the order of the rows: those of a group-by have other last bits in each run.
    sums = np.bincount(place, weights=rows["prediction"].to_numpy(), minlength=len(low))
    means = sums / np.bincount(place, minlength=len(low))
    return pl.DataFrame({"center": (low + high) / 2, "mean": means})
