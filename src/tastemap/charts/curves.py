"""Losses, their components and the learning rate, epoch by epoch."""

from __future__ import annotations

import polars as pl

from tastemap.charts._altair import alt
from tastemap.charts.frames import inline
from tastemap.charts.palette import LIGHT, SERIES, Palette
from tastemap.charts.render import Chart, themed

HEIGHT = 240
N_TICKS = 10  # about so many: more numbers run into each other
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [12, 4], [1, 3], [4, 2, 1, 2])

# As many as fit: a narrow screen has room for one or two.
_COLUMNS = alt.ExprRef("max(1, min(5, floor(width / 160)))")


def curves_chart(
    frame: pl.DataFrame, *, title: str, chosen: int | None = None, palette: Palette = LIGHT
) -> Chart:
    """Draw a line for each name and phase.

    Parameters
    ----------
    frame : DataFrame
        ``phase, epoch, name, value``: rows of one kind, as :func:`tastemap.inspection.training_curves` gives
        them. The phase is named where there are two.
    title : str
        The title of the vertical axis.
    chosen : int or None
        The epoch to mark by a dashed line.
    palette : Palette
    """
    line = pl.col("name") if frame["phase"].n_unique() < 2 else pl.format("{}, {}", "name", "phase")
    named = frame.with_columns(
        line.str.replace_all("_", " ").str.replace("rmse", "RMSE").str.replace("ndcg", "NDCG").alias("line")
    ).select("line", "epoch", "value")
    return line_chart(named, x="epoch", title=title, mark=chosen, palette=palette)


def line_chart(
    frame: pl.DataFrame, *, x: str, title: str, mark: int | None = None, palette: Palette = LIGHT
) -> Chart:
    """Draw lines, told apart by color and by dashes; up to 40 points of a line are marked.

    Parameters
    ----------
    frame : DataFrame
        ``line`` (its name), ``value`` and the column `x`, of numbers.
    x : str
        The column across, and the title of its axis.
    title : str
        The title of the vertical axis.
    mark : int or None
        Where across to draw a dashed line from top to bottom.
    palette : Palette
    """
    names = frame["line"].unique(maintain_order=True).to_list()
    colors = [[*SERIES, palette.ink][place % 7] for place in range(len(names))]
    dashes = [DASHES[place % 7] for place in range(len(names))]
    legend = (
        None
        if len(names) < 2
        else alt.Legend(title=None, orient="bottom", columns=_COLUMNS, symbolType="stroke", symbolSize=300)
    )
    whole = frame.schema[x].is_integer()
    axis = alt.Axis(grid=False, tickCount=N_TICKS)
    if whole:
        axis = alt.Axis(grid=False, tickCount=N_TICKS, tickMinStep=1, format="d")
    chart = (
        alt.Chart(inline(frame))
        .mark_line(strokeWidth=2, point={"size": 28, "filled": True} if frame[x].n_unique() <= 40 else False)
        .encode(
            x=alt.X(
                x, type="quantitative", title=x, scale=alt.Scale(zero=False, nice=False, padding=12), axis=axis
            ),
            y=alt.Y("value:Q", title=title, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5)),
            color=alt.Color("line:N", scale=alt.Scale(domain=names, range=colors), legend=legend),
            strokeDash=alt.StrokeDash("line:N", scale=alt.Scale(domain=names, range=dashes), legend=legend),
            tooltip=[
                alt.Tooltip("line:N", title="line"),
                alt.Tooltip(x, type="quantitative", title=x),
                alt.Tooltip("value:Q", title=title, format=".4~g"),
            ],
        )
    )
    if mark is None:
        return themed(chart.properties(height=HEIGHT), palette.muted, palette.grid)
    rule = alt.Chart(alt.InlineData(values=[{"at": mark}])).mark_rule(color=palette.muted, strokeDash=[3, 3])
    layers = alt.LayerChart(layer=[rule.encode(x="at:Q"), chart])
    return themed(layers.properties(height=HEIGHT), palette.muted, palette.grid)
