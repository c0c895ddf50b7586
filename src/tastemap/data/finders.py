"""Look through a raw table for everything that the data check can find."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from tastemap.data.findings import CONSTANT_FROM, KINDS, Example, Finding, make_finding
from tastemap.data.raw_table import VERDICTS, Kept, RawTable
from tastemap.linalg.types import BoolArray, IntArray

SHOWN = 5
"""Rows that a finding shows."""

SPARSE_BELOW = 0.0001
LONG_TAIL_ABOVE = 0.5
FEWEST_FOR_SHAPE = 1_000
"""Below this many rows a long tail or a sparse table is chance."""


def find_all(raw: RawTable) -> tuple[Finding, ...]:
    """All findings about a table, in the order of :data:`KINDS`."""
    found = {finding.kind: finding for finder in FINDERS for finding in finder(raw)}
    return tuple(found[kind] for kind in KINDS if kind in found)


def top_share(kept: Kept) -> float:
    """The share of the interactions that the most popular tenth of the items (at least one) has."""
    popularity = np.sort(np.bincount(kept.item_index, minlength=kept.n_items))[::-1]
    return float(popularity[: max(1, kept.n_items // 10)].sum() / max(1, len(kept.row)))


def singles(index: IntArray, n: int) -> IntArray:
    """The users or items with one interaction."""
    found: IntArray = np.flatnonzero(np.bincount(index, minlength=n) == 1)
    return found


def _about_rows(raw: RawTable) -> Iterator[Finding]:
    yield from _where(raw, {name: raw.rows_of(name) for name in VERDICTS[1:]})
    odd_ids = {
        "padded_ids": raw.users.padded | raw.items.padded,
        "respelled_ids": raw.users.respelled | raw.items.respelled,
        "mixed_ids": raw.users.minority | raw.items.minority,
    }
    yield from _where(raw, odd_ids)
    if raw.values is not None:
        yield from _where(raw, {"decimal_commas": raw.values.has_comma})
    if raw.columns.is_implicit:
        kept = raw.kept
        is_repeat = (np.diff(kept.user_index) == 0) & (np.diff(kept.item_index) == 0)
        rows = np.zeros(len(raw.verdict), bool)
        rows[kept.row[1:][is_repeat]] = True
        yield from _where(raw, {"repeated_pairs": rows})


def _about_times(raw: RawTable) -> Iterator[Finding]:
    if raw.times is None:
        if raw.columns.time is not None:
            yield make_finding("unused_times", len(raw.verdict), _examples(raw, np.arange(SHOWN)))
        return
    is_time = ~(raw.times.missing | raw.times.unread)
    n_of_unit = np.bincount(raw.times.unit[is_time], minlength=4)
    usual = int(n_of_unit.argmax())
    if (n_of_unit > 0).sum() > 1:
        yield from _where(raw, {"mixed_time_units": is_time & (raw.times.unit != usual)})
    elif usual > 0:
        yield from _where(raw, {"fine_times": is_time})
    seconds = raw.times.seconds[raw.kept.row]
    if len(seconds) > 1 and seconds.min() == seconds.max():
        yield make_finding("constant_times", len(seconds), _examples(raw, raw.kept.row))


def _about_users_and_items(raw: RawTable) -> Iterator[Finding]:
    kept = raw.kept
    if not len(kept.row):
        return
    starts = kept.user_starts
    if not raw.columns.is_implicit:
        lengths, first = np.diff(starts), starts[:-1]
        highest = np.maximum.reduceat(kept.values, first)
        lowest = np.minimum.reduceat(kept.values, first)
        constant = np.flatnonzero((lengths >= CONSTANT_FROM) & (highest == lowest))
        yield from _of_side(raw, "constant_raters", constant, kept.row[first[constant]], "users")
    by_item = np.full(kept.n_items, -1)
    by_item[kept.item_index] = kept.row
    users, items = singles(kept.user_index, kept.n_users), singles(kept.item_index, kept.n_items)
    yield from _of_side(raw, "single_users", users, kept.row[starts[users]], "users")
    yield from _of_side(raw, "single_items", items, by_item[items], "items")


def _about_shape(raw: RawTable) -> Iterator[Finding]:
    kept = raw.kept
    if len(kept.row) < FEWEST_FOR_SHAPE:
        return
    if top_share(kept) > LONG_TAIL_ABOVE:
        yield make_finding("long_tail", max(1, kept.n_items // 10), unit="items")
    if len(kept.row) < SPARSE_BELOW * kept.n_users * kept.n_items:
        yield make_finding("sparse", len(kept.row))


FINDERS = (_about_rows, _about_times, _about_users_and_items, _about_shape)


def _where(raw: RawTable, masks: dict[str, BoolArray]) -> Iterator[Finding]:
    for kind, mask in masks.items():
        rows = np.flatnonzero(mask)
        n_skipped = raw.table.n_skipped if kind == "empty_rows" else 0
        if len(rows) + n_skipped:
            yield make_finding(kind, len(rows) + n_skipped, _examples(raw, rows))


def _of_side(raw: RawTable, kind: str, found: IntArray, rows: IntArray, unit: str) -> Iterator[Finding]:
    if len(found):
        yield make_finding(kind, len(found), _examples(raw, rows), unit=unit)


def _examples(raw: RawTable, rows: IntArray) -> tuple[Example, ...]:
    """The first few rows; values that JSON cannot hold become text."""
    shown = [int(row) for row in np.sort(rows)[:SHOWN] if row < len(raw.raw)]
    return tuple(
        Example(
            raw.table.place(row),
            {role: _plain(value) for role, value in raw.raw.row(row, named=True).items()},
        )
        for row in shown
    )


def _plain(value: object) -> str | int | float | None:
    is_plain = isinstance(value, str | int | None) or (isinstance(value, float) and math.isfinite(value))
    return value if is_plain else str(value)  # type: ignore[return-value]  # narrowed by is_plain
