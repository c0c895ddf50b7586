"""How figures are spread over users or items, and how a chosen group differs from all."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from tastemap.charts._altair import alt
from tastemap.charts.frames import inline
from tastemap.charts.palette import LIGHT, Palette
from tastemap.charts.render import Chart, themed

ALL = "all"
ROW = 15  # pixels
WIDTH = 215  # pixels of each histogram


def histogram_chart(figures: Mapping[str, pl.DataFrame], *, by: str, palette: Palette = LIGHT) -> Chart:
    """Draw histograms of all rows in gray, those of the chosen group over them, and the groups to choose from.

    Parameters
    ----------
    figures : mapping of str to DataFrame
        By the title of its axis: ``group, low, high, n, share``, as :func:`tastemap.inspection.histogram` gives
        it, with the same groups in each.
    by : str
        What the groups are, such as ``occupation``.
    palette : Palette
    """
    counts = next(iter(figures.values())).group_by("group").agg(pl.col("n").sum())
    groups = counts.filter(pl.col("group") != ALL).sort(["n", "group"], descending=[True, False])
    names = groups["group"].to_list()
    box = alt.binding_select(options=[None, *names], labels=["–", *names], name=by.capitalize())
    picked = alt.selection_point(name="picked", fields=["group"], bind=box, on="click", empty=False)
    height = max(ROW * len(names), 160)
    panels: list[alt.Chart | alt.LayerChart] = [
        _panel(frame, title, picked, height, palette) for title, frame in figures.items()
    ]
    if names:
        panels.append(_groups(groups, by, picked, height, palette))
    chart = alt.HConcatChart(hconcat=panels, spacing=20)
    return themed(chart, palette.muted, palette.grid)


def _panel(
    frame: pl.DataFrame, title: str, picked: alt.Parameter, height: int, palette: Palette
) -> alt.LayerChart:
    x = alt.X(
        "bin:O",
        sort=None,
        title=f"{title}, from",
        axis=alt.Axis(labelAngle=0, labelOverlap="greedy", labelSeparation=6),
    )
    named = frame.select("group", "n", "share", "high", bin=pl.col("low").map_elements(_short, pl.String))
    base = alt.Chart(inline(named)).encode(
        x=x,
        y=alt.Y("share:Q", title="share", axis=alt.Axis(format="%", tickCount=4)),
        tooltip=[
            alt.Tooltip("group:N", title="of"),
            alt.Tooltip("bin:N", title=f"{title}, from"),
            alt.Tooltip("high:Q", title="to below", format=".4~g"),
            alt.Tooltip("n:Q", title="how many"),
            alt.Tooltip("share:Q", title="share", format=".1%"),
        ],
    )
    layers = [base.transform_filter(f"datum.group === '{ALL}'").mark_bar(color=palette.muted, opacity=0.45)]
    if frame["group"].n_unique() > 1:
        layers.append(base.transform_filter(picked).mark_bar(color=palette.accent, width={"band": 0.45}))
    return alt.LayerChart(layer=layers).properties(width=WIDTH, height=height)


def _groups(groups: pl.DataFrame, by: str, picked: alt.Parameter, height: int, palette: Palette) -> alt.Chart:
    bars: alt.Chart = (
        alt.Chart(inline(groups))
        .mark_bar(cursor="pointer")
        .encode(
            x=alt.X("n:Q", title="how many", axis=alt.Axis(tickCount=3)),
            y=alt.Y("group:N", sort=None, title=None, axis=alt.Axis(labelLimit=120, grid=False)),
            color=alt.condition(picked, alt.value(palette.accent), alt.value(palette.muted)),
            opacity=alt.condition(picked, alt.value(1.0), alt.value(0.45)),
            tooltip=[alt.Tooltip("group:N", title=by), alt.Tooltip("n:Q", title="how many")],
        )
        .add_params(picked)
        .properties(width=110, height=height)
    )
    return bars


def _short(edge: float) -> str:
    return f"{edge:.4g}"
