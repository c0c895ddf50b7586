"""The two ends of a leaderboard as bars."""

from __future__ import annotations

import polars as pl

from tastemap.charts._altair import alt
from tastemap.charts.frames import inline
from tastemap.charts.palette import LIGHT, SERIES, Palette
from tastemap.charts.render import Chart, themed

ROW = 22  # pixels


def bias_chart(frame: pl.DataFrame, *, k: int = 10, palette: Palette = LIGHT) -> Chart:
    """Draw the `k` highest and the `k` lowest biases.

    Parameters
    ----------
    frame : DataFrame
        ``title, bias, popularity``, the highest first, as :func:`tastemap.inspection.bias_leaderboard` gives
        it.
    k : int
        Items of each end, >= 1.
    palette : Palette
    """
    ends = frame if len(frame) <= 2 * k else pl.concat([frame.head(k), frame.tail(k)])
    rows = ends.select("title", "bias", "popularity").with_row_index("place")
    data = inline(rows.with_columns(pl.col("place").cast(pl.Int64)))
    base = alt.Chart(data).encode(
        y=alt.Y("place:O", axis=None),
        tooltip=[
            alt.Tooltip("title:N", title="title"),
            alt.Tooltip("bias:Q", title="bias", format="+.3f"),
            alt.Tooltip("popularity:Q", title="interactions"),
        ],
    )
    color = alt.condition("datum.bias < 0", alt.value(SERIES[5]), alt.value(palette.accent))
    bars = base.mark_bar(height=ROW - 8).encode(
        x=alt.X("bias:Q", title="bias", axis=alt.Axis(tickCount=6, labelFlush=False)), color=color
    )
    # Titles stand on the empty side of zero, so that a long one covers no bar.
    # There it is cut where a narrow screen leaves no more room; the tooltip has all of it.
    left, right = alt.ExprRef("scale('x', 0) - 8"), alt.ExprRef("width - scale('x', 0) - 8")
    above = base.transform_filter("datum.bias >= 0").mark_text(align="right", dx=-6, limit=left)
    below = base.transform_filter("datum.bias < 0").mark_text(align="left", dx=6, limit=right)
    ink = alt.value(palette.ink)
    titles = [text.encode(x=alt.datum(0), text=alt.Text("title:N"), color=ink) for text in (above, below)]
    chart = alt.LayerChart(layer=[bars, *titles]).properties(height=ROW * max(len(rows), 1))
    return themed(chart, palette.muted, palette.grid)
