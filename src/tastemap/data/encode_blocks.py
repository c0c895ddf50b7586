"""Interactions from blocks of rows, in arrays on disk: what :mod:`tastemap.data.encode` makes in memory.

A distribution sort (Knuth, "The art of computer programming", volume 3, section 5.4): rows go to runs of users,
as many users a run as have a block of rows together; each run is then sorted in memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tastemap.data.encode import Pairs, settle
from tastemap.data.id_map import IdMap
from tastemap.data.interactions import Interactions, RatingScale
from tastemap.linalg.csr import counts, runs, stable_order
from tastemap.linalg.placement import OnDisk, spans
from tastemap.linalg.types import Float32Array, Int32Array, Int64Array


class GrowingIds:
    """Codes for ids in the order in which they are first met; O(distinct ids) of memory."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._known = pl.DataFrame({"id": pl.Series([], dtype=pl.Int64), "code": pl.Series([], dtype=pl.Int32)})

    def codes(self, ids: pl.Series) -> Int32Array:
        """The code of each id, shape (n,), int32. Ids are integers until the first text."""
        here = IdMap(ids, kind=self._kind)
        met = here.ids.rename("id")
        if (
            met.dtype != self._known["id"].dtype
        ):  # an integer reads as the text that it was: only such are taken
            self._known, met = self._known.cast({"id": pl.String}), met.cast(pl.String)
        found = met.to_frame().join(self._known, on="id", how="left", maintain_order="left")["code"]
        is_new = found.is_null()
        n_known, n_new = len(self._known), int(is_new.sum())
        code = found.fill_null(-1).to_numpy().copy()
        code[is_new.to_numpy()] = np.arange(n_known, n_known + n_new)
        new = pl.DataFrame({"id": met.filter(is_new), "code": code[is_new.to_numpy()]})
        self._known = self._known.vstack(new).rechunk()
        return code[here.indices(ids)]

    def sorted(self) -> tuple[IdMap, Int32Array]:
        """The map of all ids, and the index of each code."""
        order = self._known.sort("id")
        index = np.empty(len(order), np.int32)
        index[order["code"].to_numpy()] = np.arange(len(order), dtype=np.int32)
        return IdMap.from_sorted(order["id"], kind=self._kind), index


@dataclass
class Spool:
    """Rows that are appended block by block, at most `n_rows`, in arrays on disk."""

    n_rows: int
    placement: OnDisk
    users: GrowingIds = field(default_factory=lambda: GrowingIds("user"))
    items: GrowingIds = field(default_factory=lambda: GrowingIds("item"))
    filled: int = 0

    def __post_init__(self) -> None:
        self._rows = self._room()
        self._has_times = True

    def append(
        self, users: pl.Series, items: pl.Series, values: Float32Array, times: Int64Array | None
    ) -> None:
        """Add the rows of a block."""
        here = slice(self.filled, self.filled + len(values))
        rows = self._rows
        rows.user_index[here], rows.item_index[here] = self.users.codes(users), self.items.codes(items)
        rows.values[here] = values
        assert rows.times is not None, "made with room for times"
        if times is None:
            self._has_times = False
        else:
            rows.times[here] = times
        self.filled += len(values)

    def interactions(self, scale: RatingScale | None) -> tuple[Interactions, int]:
        """All rows, sorted, and how many went into a repeated pair. The spool is used up.

        O(n) reads and writes, twice; memory for a block of rows, or for the rows of the most active user.
        """
        users, user_of = self.users.sorted()
        items, item_of = self.items.sorted()
        indptr = np.concatenate(([0], np.cumsum(self._per_user(user_of))))
        staged = self._distributed(user_of, item_of, indptr)
        rows, end = self._rows, 0
        for start, stop in runs(indptr, self.placement.block):
            run = slice(indptr[start], indptr[stop])
            times = None if staged.times is None else staged.times[run]
            settled, kept = settle(
                staged.user_index[run] - np.int32(start),
                staged.item_index[run],
                staged.values[run],
                times,
                (stop - start, len(items)),
                scale,
            )
            here = slice(end, end + len(kept))
            rows.user_index[here], rows.item_index[here] = settled.user_index + start, settled.item_index
            rows.values[here] = settled.values
            if rows.times is not None and settled.times is not None:
                rows.times[here] = settled.times
            end += len(kept)
        made = Interactions(
            users, items, rows.user_index[:end], rows.item_index[:end], rows.values[:end],
            rows.times[:end] if self._has_times and rows.times is not None else None, scale,
            placement=self.placement,
        )  # fmt: skip
        return made, self.filled - end

    def _room(self) -> Pairs:
        """Arrays for all rows."""
        kinds = (np.int32, np.int32, np.float32, np.int64)
        return Pairs(*(self.placement.empty(self.n_rows, kind) for kind in kinds))

    def _blocks(self) -> Iterable[slice]:
        return spans(self.filled, self.placement.block)

    def _per_user(self, user_of: Int32Array) -> Int64Array:
        found = np.empty(len(user_of), np.int64)
        found[user_of] = counts(self._rows.user_index[: self.filled], len(user_of))
        return found

    def _distributed(self, user_of: Int32Array, item_of: Int32Array, indptr: Int64Array) -> Pairs:
        """The rows by index, those of a run of users beside each other, in the order in which they came."""
        starts = np.array([start for start, _ in runs(indptr, self.placement.block)])
        ends = indptr[starts].copy()  # where the next row of each run goes
        staged, rows = self._room(), self._rows
        for block in self._blocks():
            user = user_of[rows.user_index[block]]
            run = np.searchsorted(starts, user, side="right") - 1
            order = stable_order(run, len(starts))
            columns: list[tuple[NDArray[Any], NDArray[Any]]] = [
                (staged.user_index, user),
                (staged.item_index, item_of[rows.item_index[block]]),
                (staged.values, rows.values[block]),
            ]
            if self._has_times and staged.times is not None and rows.times is not None:
                columns.append((staged.times, rows.times[block]))
            bounds = np.concatenate(([0], np.cumsum(counts(run, len(starts)))))
            for target, source in columns:
                ordered = source[order]
                for number in np.flatnonzero(np.diff(bounds)):
                    piece = ordered[bounds[number] : bounds[number + 1]]
                    target[ends[number] : ends[number] + len(piece)] = piece
            ends += np.diff(bounds)
        return staged if self._has_times else Pairs(staged.user_index, staged.item_index, staged.values, None)
