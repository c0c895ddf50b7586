"""Features of items and users as small whole numbers: what a model can give embeddings to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from tastemap.errors import ColumnError, did_you_mean
from tastemap.linalg.csr import CSR, from_pairs
from tastemap.linalg.types import Int64Array

N_BINS = 10
"""Groups, of about equal size, into which a column of numbers is cut."""


@dataclass(frozen=True, eq=False)
class FeatureColumn:
    """One feature of n rows; a row has no value, one, or several (such as genres).

    Parameters
    ----------
    name : str
    values : CSR of shape (n, V)
        Which of the V values each row has.
    """

    name: str
    values: CSR

    @property
    def n_values(self) -> int:
        """Distinct values V."""
        return self.values.n_columns

    def padded(self) -> Int64Array:
        """The values of each row side by side, shape (n, m), filled up with V."""
        lengths = self.values.row_lengths
        table = np.full((len(lengths), max(1, int(lengths.max(initial=0)))), self.n_values, np.int64)
        places = np.arange(table.shape[1])[None] < lengths[:, None]
        table[places] = self.values.indices
        return table


def encode_features(frame: pl.DataFrame, names: Sequence[str], *, owner: str) -> list[FeatureColumn]:
    """The named columns of `frame`, encoded; values in sorted order, numbers in groups of equal size.

    Raises
    ------
    ColumnError
        If a column is missing, those found are listed; or if it has no value for any row.
    """
    found = [name for name in frame.columns if name not in ("item_id", "user_id")]
    option = "--item-features" if "item_id" in frame.columns else "--user-features"
    for name in names:
        if name not in found:
            raise ColumnError(
                f"The {owner} has no column {name!r}.{did_you_mean(name, found)} "
                f"Columns found: {', '.join(found) or f'none; bring a table by {option}'}.",
                columns=found,
            )
    encoded = [_encode(frame[name], name) for name in names]
    for column in encoded:
        if not column.n_values:
            raise ColumnError(
                f"The column {column.name!r} of the {owner} has no value for any id of the data; "
                "check that its ids are those of the data, or leave the feature out.",
                columns=found,
            )
    return encoded


def _encode(column: pl.Series, name: str) -> FeatureColumn:
    if column.dtype.is_float():
        column = column.set(~column.is_finite(), None)
    if column.dtype.is_numeric() and column.n_unique() > N_BINS:
        edges = np.unique(np.quantile(column.drop_nulls().to_numpy(), np.linspace(0.0, 1.0, N_BINS + 1)[1:-1]))
        groups = pl.Series(name, np.searchsorted(edges, column.to_numpy(), side="right"))
        column = groups.set(column.is_null(), None)
    rows = pl.DataFrame({"row": np.arange(len(column)), "value": column})
    if isinstance(column.dtype, pl.List):
        rows = rows.explode("value")
    rows = rows.drop_nulls().with_columns(pl.col("value").cast(pl.String)).unique().sort("row", "value")
    values = rows["value"].unique().sort()
    place = values.search_sorted(rows["value"]).to_numpy() if len(values) else np.zeros(0, np.int64)
    pairs = from_pairs(
        rows["row"].to_numpy(),
        place.astype(np.int32),
        np.ones(len(rows), np.float32),
        (len(column), len(values)),
    )
    return FeatureColumn(name, pairs)
