"""Interactions from blocks of rows, in arrays on disk: what :mod:`tastemap.data.encode` makes in memory.

A distribution sort (Knuth, "The art of computer programming", volume 3, section 5.4): rows go to runs of users,
as many users a run as have a block of rows together; each run is then sorted in memory.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

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
        # An integer reads as the text that it was: only such are taken for one.
        if met.dtype != self._known["id"].dtype:
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


class Spool:
    """Rows that are appended block by block, at most `n_rows`, in arrays on disk."""

    def __init__(self, n_rows: int, placement: OnDisk, *, has_times: bool) -> None:
        self.filled = 0
        self._n_rows, self._placement, self._has_times = n_rows, placement, has_times
        self._users, self._items = GrowingIds("user"), GrowingIds("item")
        self._rows = self._room()

    def append(
        self, users: pl.Series, items: pl.Series, values: Float32Array, times: Int64Array | None
    ) -> None:
        """Add the rows of a block; `times` where the spool has them."""
        rows = Pairs(self._users.codes(users), self._items.codes(items), values, times)
        _put(self._rows, slice(self.filled, self.filled + len(values)), rows)
        self.filled += len(values)

    def interactions(self, scale: RatingScale | None) -> tuple[Interactions, int]:
        """All rows, sorted, and how many went into a repeated pair. The spool is used up.

        O(n) reads and writes, twice; memory for a block of rows, or for the rows of the most active user.
        """
        users, user_of = self._users.sorted()
        items, item_of = self._items.sorted()
        indptr = np.concatenate(([0], np.cumsum(self._per_user(user_of))))
        staged = self._distributed(user_of, item_of, indptr)
        end = 0
        for start, stop in runs(indptr, self._placement.block):
            run = _part(staged, slice(indptr[start], indptr[stop]))
            settled, kept = settle(
                run.user_index - np.int32(start),
                run.item_index,
                run.values,
                run.times,
                (stop - start, len(items)),
                scale,
            )
            settled = replace(settled, user_index=settled.user_index + np.int32(start))
            _put(self._rows, slice(end, end + len(kept)), settled)
            end += len(kept)
        rows = _part(self._rows, slice(0, end))
        made = Interactions(
            users, items, rows.user_index, rows.item_index, rows.values, rows.times, scale,
            placement=self._placement,
        )  # fmt: skip
        return made, self.filled - end

    def _room(self) -> Pairs:
        """Arrays for all rows."""
        kinds = (np.int32, np.int32, np.float32)
        user, item, value = (self._placement.empty(self._n_rows, kind) for kind in kinds)
        time = self._placement.empty(self._n_rows, np.int64) if self._has_times else None
        return Pairs(user, item, value, time)

    def _per_user(self, user_of: Int32Array) -> Int64Array:
        found = np.empty(len(user_of), np.int64)
        found[user_of] = counts(self._rows.user_index[: self.filled], len(user_of))
        return found

    def _distributed(self, user_of: Int32Array, item_of: Int32Array, indptr: Int64Array) -> Pairs:
        """The rows by index, those of a run of users beside each other, in the order in which they came."""
        starts = np.array([start for start, _ in runs(indptr, self._placement.block)])
        ends = indptr[starts].copy()  # where the next row of each run goes
        staged = self._room()
        for span in spans(self.filled, self._placement.block):
            block = _part(self._rows, span)
            user = user_of[block.user_index]
            run = np.searchsorted(starts, user, side="right") - 1
            block = Pairs(user, item_of[block.item_index], block.values, block.times)
            ordered = _part(block, stable_order(run, len(starts)))
            bounds = np.concatenate(([0], np.cumsum(counts(run, len(starts)))))
            for number in np.flatnonzero(np.diff(bounds)):
                piece = _part(ordered, slice(bounds[number], bounds[number + 1]))
                _put(staged, slice(ends[number], ends[number] + len(piece.values)), piece)
            ends += np.diff(bounds)
        return staged


def _part(rows: Pairs, which: slice | Int64Array) -> Pairs:
    """Some of the rows: views where `which` is a slice."""
    times = None if rows.times is None else rows.times[which]
    return Pairs(rows.user_index[which], rows.item_index[which], rows.values[which], times)


def _put(room: Pairs, here: slice, rows: Pairs) -> None:
    """Write rows to a place in the room for them."""
    room.user_index[here], room.item_index[here], room.values[here] = (
        rows.user_index,
        rows.item_index,
        rows.values,
    )
    if room.times is not None and rows.times is not None:
        room.times[here] = rows.times
