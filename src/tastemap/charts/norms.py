"""The length of item vectors against popularity, a panel for each model, with one brush for all."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import polars as pl

from tastemap.charts._altair import alt
from tastemap.charts.frames import inline
from tastemap.charts.palette import LIGHT, Palette
from tastemap.charts.render import WIDTH, Chart, themed

HEIGHT = 300
_SCALE = alt.Scale(type="symlog", nice=False)
_TICKS = [0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000]
_AXIS = alt.Axis(values=_TICKS, labelOverlap=True)
WIDEST = 3
"""Panels beside one another; more stand in two columns."""
GAP = 76  # pixels that an axis and the space between two panels take


def norms_chart(models: Mapping[str, pl.DataFrame], *, palette: Palette = LIGHT) -> Chart:
    """Draw a panel for each model; what is brushed in one is marked in the others.

    Parameters
    ----------
    models : mapping of str to DataFrame
        By a label: ``item_id, title, popularity, norm``, as :func:`tastemap.inspection.item_norms` gives them.
        Items are matched by their ids.
    palette : Palette
    """
    data = inline(_wide(list(models.values())))
    brush = alt.selection_interval(name="brush")
    columns = 2 if len(models) > WIDEST else len(models)
    width = WIDTH if columns == 1 else (WIDTH + GAP) // columns - GAP
    panels = [
        alt.Chart(data)
        .mark_point(filled=True, size=26, strokeWidth=0, opacity=0.7)
        .encode(
            x=alt.X(f"popularity_{place}:Q", title="interactions", scale=_SCALE, axis=_AXIS),
            y=alt.Y(f"norm_{place}:Q", title=None if place % columns else "length of the vector"),
            color=alt.condition(brush, alt.value(palette.accent), alt.value(palette.grid)),
            tooltip=[
                alt.Tooltip("title:N", title="title"),
                alt.Tooltip(f"popularity_{place}:Q", title="interactions"),
                alt.Tooltip(f"norm_{place}:Q", title="length", format=".3f"),
            ],
        )
        .add_params(brush)
        .properties(width=width, height=HEIGHT, title=label)
        for place, label in enumerate(models)
    ]
    with warnings.catch_warnings():
        # One brush for all panels is what is meant; Altair warns that it is one.
        warnings.filterwarnings("ignore", "Automatically deduplicated")
        stacks = [panels[place::columns] for place in range(columns)]
        chart = alt.HConcatChart(
            hconcat=[
                stack[0] if len(stack) == 1 else alt.VConcatChart(vconcat=stack, spacing=24) for stack in stacks
            ],
            spacing=24,
        )
    return themed(chart, palette.muted, palette.grid)


def _wide(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """One row an item: ``title``, and ``popularity_n, norm_n`` for the n-th model."""
    parts = [
        frame.select(
            pl.col("item_id").cast(pl.String),
            "title",
            pl.col("popularity").alias(f"popularity_{place}"),
            pl.col("norm").alias(f"norm_{place}"),
        )
        for place, frame in enumerate(frames)
    ]
    wide = parts[0]
    for part in parts[1:]:
        wide = wide.join(part, on=["item_id", "title"], how="full", coalesce=True, maintain_order="left_right")
    return wide.drop("item_id")
