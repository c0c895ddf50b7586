"""Rows as Spark hands them over, to ids, values and seconds: by the rules of a local load, batch by batch.

Nothing here knows Spark: an executor calls it with the batches of a partition.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tastemap.data import ids
from tastemap.data.times import TimeForm

if TYPE_CHECKING:
    import pyarrow as pa

KEPT, EMPTY, NO_USER, NO_ITEM, NO_TIME, NOT_POSITIVE, BAD_VALUE, BAD_TIME = range(8)
DROPPED = {
    EMPTY: "empty line",
    NO_USER: "no user id",
    NO_ITEM: "no item id",
    NO_TIME: "no time",
    NOT_POSITIVE: "count not above zero",
}
"""Why a row is left out, as a local load says it. Bad values and times are errors."""


@dataclass(frozen=True)
class Cleaning:
    """How the columns ``user, item, value, time`` of a table are read; the last two may be missing.

    Parameters
    ----------
    integer_users, integer_items : bool
        Whether ids are integers, else they are text.
    is_text : bool
        Whether all columns are text, blanks around ids then go.
    is_count : bool
        Whether values are counts, which must be above zero.
    has_value : bool
    times : TimeForm or None
    """

    integer_users: bool
    integer_items: bool
    is_text: bool
    is_count: bool
    has_value: bool
    times: TimeForm | None

    @property
    def schema(self) -> str:
        """The columns of what :meth:`clean` gives, as Spark writes types."""
        user, item = ("long" if whole else "string" for whole in (self.integer_users, self.integer_items))
        return f"user {user}, item {item}, value float, time long, row long, reason byte"

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Each batch cleaned; rows that cannot be used say why in ``reason``."""
        for batch in batches:
            frame = pl.DataFrame(pl.from_arrow(batch))
            if len(frame):
                yield from self.clean(frame).to_arrow(compat_level=pl.CompatLevel.oldest()).to_batches()

    def clean(self, raw: pl.DataFrame) -> pl.DataFrame:
        """Columns ``user, item, value, time, row, reason`` of (n,) rows."""
        users = self._ids(raw["user"], whole=self.integer_users)
        items = self._ids(raw["item"], whole=self.integer_items)
        reason = np.zeros(len(raw), np.int8)
        no_user, no_item = users.is_null().to_numpy(), items.is_null().to_numpy()
        values, seconds = np.ones(len(raw), np.float32), pl.Series([None] * len(raw), dtype=pl.Int64)
        if self.has_value:
            text = raw["value"].str.strip_chars() if raw["value"].dtype == pl.String else raw["value"]
            values = text.cast(pl.Float32, strict=False).fill_null(np.nan).to_numpy()
            reason[~np.isfinite(values)] = BAD_VALUE
            reason[(values <= 0) & (reason == 0)] = NOT_POSITIVE if self.is_count else KEPT
        if self.times is not None:
            given = raw["time"]
            given = given.set(given.str.strip_chars() == "", None) if given.dtype == pl.String else given
            seconds = self.times.seconds(given)
            reason[seconds.is_null().to_numpy()] = BAD_TIME
            reason[given.is_null().to_numpy()] = NO_TIME
        reason[no_item], reason[no_user] = NO_ITEM, NO_USER
        if self.is_text:
            reason[raw.select(pl.all_horizontal(pl.exclude("row").is_null())).to_series().to_numpy()] = EMPTY
        return pl.DataFrame(
            {
                "user": users,
                "item": items,
                "value": pl.Series(values, nan_to_null=False),
                "time": seconds,
                "row": raw["row"],
                "reason": reason,
            }
        )

    def _ids(self, raw: pl.Series, *, whole: bool) -> pl.Series:
        if raw.dtype == pl.String:
            stripped = raw.str.strip_chars() if self.is_text else raw
            cleaned = stripped.set(stripped == "", None)
            return cleaned.cast(pl.Int64) if whole else cleaned
        return raw.cast(pl.Int64)


CANONICAL = ids.INTEGER
"""Text that is the only way to write its integer, as a regular expression."""
