"""How a figure is spread over users or items, for all of them and for each group."""

from __future__ import annotations

import numpy as np
import polars as pl

from tastemap.errors import InvalidValueError, unknown_name
from tastemap.linalg.types import Float64Array

_ROUND = np.array([1.0, 2.0, 2.5, 5.0])

ALL = "all"
"""The group of everybody."""

MOST_GROUPS = 30


def histogram(statistics: pl.DataFrame, column: str, *, by: str | None = None, bins: int = 16) -> pl.DataFrame:
    """Count rows in bins of `column`: all of them, and those of each group.

    *Stability: experimental.*

    Parameters
    ----------
    statistics : DataFrame
        As :func:`item_statistics` and :func:`user_statistics` make it.
    column : str
        A column of numbers. Whole numbers get bins from 1, 2, 5, 10, 20, 50 … on; others equal bins of a
        round width.
    by : str or None
        A column of groups; where it holds lists, a row counts for each group of its list.
    bins : int
        About how many bins a column gets that is not of whole numbers, >= 1.

    Returns
    -------
    DataFrame
        ``group, low, high, n, share``: how many rows of the group lie from `low` to below `high` (the last bin
        holds its upper end too), and their share of the group. The group of all rows, ``all``, comes first.

    Raises
    ------
    UnknownNameError
        If a column is not there.
    InvalidValueError
        If `bins` < 1.
    """
    for name in (column, by):
        if name is not None and name not in statistics.columns:
            raise unknown_name("column", name, statistics.columns)
    if bins < 1:
        raise InvalidValueError(f"bins must be >= 1. Got {bins}.")
    rows = statistics.filter(pl.col(column).is_not_null())
    if not len(rows):
        return pl.DataFrame(
            schema={
                "group": pl.String,
                "low": pl.Float64,
                "high": pl.Float64,
                "n": pl.Int64,
                "share": pl.Float64,
            }
        )
    edges = _edges(rows[column], bins)
    frames = [_counted(rows[column], edges, ALL)]
    if by is not None:
        groups = rows.select(column, pl.col(by).alias("group"))
        if isinstance(rows.schema[by], pl.List):
            groups = groups.explode("group")
        groups = groups.drop_nulls().with_columns(pl.col("group").cast(pl.String))
        for (group,), part in groups.sort("group").group_by("group", maintain_order=True):
            frames.append(_counted(part[column], edges, str(group)))
    return pl.concat(frames)


def group_column(statistics: pl.DataFrame) -> str | None:
    """A column that parts users into a few groups: ``occupation``, else the first text one that does."""
    names = [name for name, dtype in statistics.schema.items() if dtype == pl.String and name != "user_id"]
    fitting = [name for name in names if 2 <= statistics[name].drop_nulls().n_unique() <= MOST_GROUPS]
    return "occupation" if "occupation" in fitting else next(iter(fitting), None)


def _edges(values: pl.Series, bins: int) -> Float64Array:
    low, high = float(values.min()), float(values.max())  # type: ignore[arg-type]  # numbers
    if values.dtype.is_integer():
        steps = [step * 10.0**power for power in range(19) for step in (1, 2, 5)]
        above = next(place for place, step in enumerate(steps) if step > high)
        below = max(place for place, step in enumerate(steps) if step <= max(low, 1.0))
        return np.array(steps[below : above + 1])
    # the least round step that needs no more than about `bins` of them
    wanted = ((high - low) or 1.0) / bins
    step = next(step for power in range(-9, 19) for step in _ROUND * 10.0**power if step >= wanted * 0.999)
    first, last = np.floor(low / step), np.ceil(high / step)
    edges: Float64Array = np.arange(first, max(last, first + 1) + 1) * step
    return edges


def _counted(values: pl.Series, edges: Float64Array, group: str) -> pl.DataFrame:
    counts, _ = np.histogram(values.to_numpy(), edges)
    share = counts / max(len(values), 1)
    return pl.DataFrame(
        {"group": [group] * len(counts), "low": edges[:-1], "high": edges[1:], "n": counts, "share": share}
    )
