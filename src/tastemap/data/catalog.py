"""What is known of items: a title and any features; ids that have no row have no title."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tastemap.data import ids as id_columns
from tastemap.data.id_map import IdMap
from tastemap.errors import DataError


@dataclass(frozen=True, eq=False)
class Catalog:
    """Item features by id.

    Parameters
    ----------
    frame : DataFrame
        A column ``item_id`` (distinct, int or str) and any of ``title`` (str), ``year`` (int),
        ``genres`` (list of str) and further columns.
    """

    frame: pl.DataFrame

    def __post_init__(self) -> None:
        """Raise if an id has two rows: every later title would be off by one."""
        ids = self.frame["item_id"]
        if ids.n_unique() != len(ids):
            raise DataError(
                f"item_id must be distinct in the catalog. Got {ids.filter(ids.is_duplicated())[0]!r} twice."
            )

    @classmethod
    def empty(cls) -> Catalog:
        """A catalog that knows nothing."""
        return cls(pl.DataFrame({"item_id": pl.Series([], dtype=pl.Int64)}))

    def aligned(self, items: IdMap) -> pl.DataFrame:
        """One row per item of `items`, in index order; nulls where the catalog knows nothing."""
        left = items.ids.to_frame()
        frame = self.frame
        if frame["item_id"].dtype != items.ids.dtype:
            same = id_columns.conform(frame["item_id"], items.ids.dtype)
            frame = frame.with_columns(same.alias("item_id")).filter(pl.col("item_id").is_not_null())
        return left.join(frame, on="item_id", how="left", maintain_order="left")
