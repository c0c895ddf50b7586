"""Weight decay: why large weights make a narrow valley, and what decay does to a model."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from tastemap.charts.curves import line_chart
from tastemap.charts.palette import LIGHT, Palette
from tastemap.charts.render import Chart

STEEPNESSES = (1, 2, 5, 10, 50)


def parabolas_chart(*, palette: Palette = LIGHT) -> Chart:
    """Draw a x² for rising a: the larger the coefficient, the narrower the valley."""
    # Above 5 all of them only rise, and the wide ones could not be seen.
    across = [(a, np.linspace(-1.0, 1.0, 81) * min(2.0, math.sqrt(5.0 / a))) for a in STEEPNESSES]
    parts = [pl.DataFrame({"x": x, "value": a * x**2}).with_columns(line=pl.lit(f"a = {a}")) for a, x in across]
    return line_chart(pl.concat(parts), x="x", title="a x²", palette=palette)


def decay_chart(runs: pl.DataFrame, *, figure: str = "validation_rmse", palette: Palette = LIGHT) -> Chart:
    """Draw one figure of each run, epoch by epoch.

    Parameters
    ----------
    runs : DataFrame
        ``weight_decay, epoch`` and `figure`, as :func:`tastemap.inspection.weight_decay_runs` gives them.
    figure : str
        ``train_rmse``, ``validation_rmse`` or ``item_norm``.
    palette : Palette
    """
    lines = runs.select(
        "epoch", value=figure, line=pl.format("decay {}", pl.col("weight_decay").cast(pl.String))
    )
    title = figure.replace("_", " ").replace("rmse", "RMSE")
    return line_chart(lines, x="epoch", title=title, palette=palette)
