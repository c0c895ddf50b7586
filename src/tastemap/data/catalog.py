"""What is known of items: a title and any features; ids that have no row have no title."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from tastemap.data.id_map import IdMap


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

    @classmethod
    def empty(cls) -> Catalog:
        """A catalog that knows nothing."""
        return cls(pl.DataFrame({"item_id": pl.Series([], dtype=pl.Int64)}))

    @property
    def has_titles(self) -> bool:
        """Whether there is a column ``title``."""
        return "title" in self.frame.columns

    def aligned(self, items: IdMap) -> pl.DataFrame:
        """One row per item of `items`, in index order; nulls where the catalog knows nothing."""
        left = items.ids.to_frame()
        frame = self.frame
        if frame["item_id"].dtype != items.ids.dtype:
            frame = frame.with_columns(pl.col("item_id").cast(items.ids.dtype, strict=False))
        return left.join(frame, on="item_id", how="left", maintain_order="left")

    @cached_property
    def titles(self) -> dict[object, str]:
        """Titles by item id, for the items that have one."""
        if not self.has_titles:
            return {}
        rows = self.frame.select("item_id", "title").drop_nulls()
        return dict(zip(rows["item_id"].to_list(), rows["title"].to_list(), strict=True))
