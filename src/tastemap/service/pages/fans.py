"""Who has an item: by the features of users where there are any, else by how active they are."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import polars as pl

from tastemap.evaluation.slices import groups
from tastemap.linalg.types import BoolArray, Float32Array, Int32Array
from tastemap.models.recommender import Recommender
from tastemap.service.answers.data import n_active

Fields = dict[str, Any]

MOST_KINDS = 40
"""A feature with more different texts says who somebody is, not what kind."""
FEWEST = 10
"""Users of a kind; of fewer a share says little."""
SHOWN = 6
MOST_NUMBERS = 10
"""Parts that are named by numbers, such as ages, are all shown by rising number, if they are no more."""
MOST_TABLES = 2


def fans(recommender: Recommender, item_index: int) -> list[Fields]:
    """For each way to divide the users: the parts, how many have the item, and how they rate it.

    Returns
    -------
    list of dict
        ``by`` and ``rows``: ``label, n_users, n, share`` (of the part's users who have the item) and
        ``mean_rating`` (null without ratings, or where nobody has it); by rising number where
        labels begin with one, else the largest share first.
    """
    rows = recommender.train.interactions.of_item(item_index)
    found = [_table(recommender, rows, by, parts) for by, parts in _divisions(recommender)]
    return [table for table in found if len(table["rows"]) > 1][:MOST_TABLES]


def _divisions(recommender: Recommender) -> list[tuple[str, list[tuple[str, BoolArray]]]]:
    users = recommender.train.user_features
    found = []
    if users is not None:
        own = recommender.users.ids.to_frame().join(users, on="user_id", how="left", maintain_order="left")
        for column in own.drop("user_id").iter_columns():
            parts = _parts(column)
            if parts:
                found.append((column.name.replace("_", " "), parts))
    # What has most parts tells users apart best.
    found.sort(key=lambda division: -len(division[1]))
    if not found:
        lengths = recommender.train.interactions.by_user.row_lengths.astype(np.float64)
        kind = "interactions" if recommender.train.interactions.is_implicit else "ratings"
        found.append(("activity", [part for part in groups(lengths, kind) if part[0] != "unknown"]))
    return found


def _parts(column: pl.Series) -> list[tuple[str, BoolArray]]:
    """The users of each kind of a text, or of each quarter of a number; none for anything else."""
    if column.dtype == pl.String and column.n_unique() <= MOST_KINDS:
        kinds = column.drop_nulls().unique().sort().to_list()
        return [(kind, (column == kind).fill_null(False).to_numpy()) for kind in kinds]
    if column.dtype.is_numeric() and column.n_unique() > 2:
        amounts = column.cast(pl.Float64).fill_null(0.0).fill_nan(0.0).to_numpy()
        return [
            (label.strip(), mask) for label, mask in groups(np.maximum(amounts, 0.0), "") if label != "unknown"
        ]
    return []


def _table(
    recommender: Recommender,
    of_item: tuple[Int32Array, Float32Array],
    by: str,
    parts: list[tuple[str, BoolArray]],
) -> Fields:
    data = recommender.train.interactions
    users, values = of_item
    rows: list[Fields] = []
    for label, mask in parts:
        n_users, having = int(mask.sum()), mask[users]
        if n_users < min(FEWEST, n_active(data) // len(parts) or 1):
            continue
        n = int(having.sum())
        mean = None if data.is_implicit or not n else float(values[having].mean(dtype=np.float64))
        rows.append({"label": label, "n_users": n_users, "n": n, "share": n / n_users, "mean_rating": mean})
    if by == "activity":
        return {"by": by, "n_parts": len(parts), "rows": rows[:SHOWN]}
    numbers = [int(found[0]) for row in rows if (found := re.match("[0-9]+", row["label"]))]
    if len(numbers) == len(rows) <= MOST_NUMBERS:
        rows = [row for _, row in sorted(zip(numbers, rows, strict=True), key=lambda pair: pair[0])]
        return {"by": by, "n_parts": len(parts), "rows": rows}
    rows.sort(key=lambda row: -row["share"])
    return {"by": by, "n_parts": len(parts), "rows": rows[:SHOWN]}
