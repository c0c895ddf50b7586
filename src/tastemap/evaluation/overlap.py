"""How alike the lists of two recommenders are, and which items gain or lose places in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tastemap.data import UNKNOWN
from tastemap.evaluation.comparison import ExposureChange, Overlap, SegmentOverlap
from tastemap.evaluation.slices import groups
from tastemap.inference.items import item_titles
from tastemap.inference.lists import lists_of
from tastemap.linalg.types import BoolArray, Float64Array, Int32Array, Int64Array, IntArray
from tastemap.metrics.beyond import exposure
from tastemap.models.recommender import Recommender

LARGEST_SAMPLE = 10_000
"""Users whose lists are compared; a share over so many is known to one percent."""

N_ITEMS_SHOWN = 10


@dataclass(frozen=True, eq=False)
class ListPairs:
    """Lists of the same B users by both recommenders, in one numbering of items.

    Parameters
    ----------
    users : array of shape (B,), int
        Indices in a's training data.
    a, b : arrays of shape (B, m), int32
        Numbers of a's items are a's indices; b's other items follow. -1 pads.
    n_items : int
        Items of either.
    n_shared_users : int
    """

    users: IntArray
    a: Int32Array
    b: Int32Array
    n_items: int
    n_shared_users: int


def list_pairs(a: Recommender, b: Recommender, k: int, rng: np.random.Generator) -> ListPairs | None:
    """Lists of all users that both know, or of a sample of 10,000; None if there is no such user."""
    in_b = b.users.indices(a.users.ids)  # (U_a,)
    shared = np.flatnonzero(in_b != UNKNOWN)
    if not len(shared):
        return None
    users = shared
    if len(shared) > LARGEST_SAMPLE:
        users = np.sort(rng.choice(shared, LARGEST_SAMPLE, replace=False))
    number, n_items = _numbers(a, b)
    lists_a, lists_b = (
        lists_of(side.model, index, k, seen=side.train.interactions.by_user)
        for side, index in ((a, users), (b, in_b[users]))
    )
    renumbered = np.where(lists_b >= 0, number[lists_b], -1).astype(np.int32)
    return ListPairs(users, lists_a, renumbered, n_items, len(shared))


def _numbers(a: Recommender, b: Recommender) -> tuple[Int64Array, int]:
    """For each of b's items its number in the common numbering, and how many numbers there are."""
    in_a = a.items.indices(b.items.ids).astype(np.int64)  # (I_b,)
    new = in_a == UNKNOWN
    number = np.where(new, len(a.items) + np.cumsum(new) - 1, in_a)
    return number, len(a.items) + int(new.sum())


def overlap_of(pairs: ListPairs, activity: Float64Array) -> Overlap:
    """How alike the lists are; `activity` is each user's training interactions in a, shape (B,)."""
    common = _common(pairs)  # (B,)
    longer, shorter = _longer_and_shorter(pairs)
    # Two empty lists are the same list.
    overlap = np.where(longer > 0, common / np.maximum(longer, 1), 1.0)
    jaccard = np.where(longer > 0, common / np.maximum(longer + shorter - common, 1), 1.0)
    return Overlap(
        n_shared_users=pairs.n_shared_users,
        n_users=len(pairs.users),
        overlap=float(overlap.mean()),
        jaccard=float(jaccard.mean()),
        identical=float(_identical(pairs).mean()),
        by_activity=tuple(
            SegmentOverlap(label, int(mask.sum()), float(overlap[mask].mean()))
            for label, mask in groups(activity, "in training")
        ),
    )


def _common(pairs: ListPairs) -> Int64Array:
    """Items in both lists of each user, shape (B,)."""
    row = np.arange(len(pairs.users), dtype=np.int64)[:, None] * pairs.n_items
    both = np.isin(row + pairs.a, (row + pairs.b)[pairs.b >= 0]) & (pairs.a >= 0)  # (B, m)
    common: Int64Array = np.count_nonzero(both, axis=1)
    return common


def _longer_and_shorter(pairs: ListPairs) -> tuple[Int64Array, Int64Array]:
    of_a, of_b = (pairs.a >= 0).sum(axis=1), (pairs.b >= 0).sum(axis=1)
    return np.maximum(of_a, of_b), np.minimum(of_a, of_b)


def _identical(pairs: ListPairs) -> BoolArray:
    width = max(pairs.a.shape[1], pairs.b.shape[1])
    a, b = (
        np.pad(lists, ((0, 0), (0, width - lists.shape[1])), constant_values=-1) for lists in (pairs.a, pairs.b)
    )
    same: BoolArray = (a == b).all(axis=1)
    return same


def exposure_changes(
    a: Recommender, b: Recommender, pairs: ListPairs
) -> tuple[tuple[ExposureChange, ...], tuple[ExposureChange, ...]]:
    """The ten items that gain the most places in the lists, and the ten that lose the most."""
    of_a, of_b = (exposure(lists, pairs.n_items) for lists in (pairs.a, pairs.b))
    change = of_b - of_a  # in lists: whole numbers, so that ties stay ties
    number, _ = _numbers(a, b)
    added = np.flatnonzero(number >= len(a.items))  # b's own items, in the order of their numbers

    def row(item: int) -> ExposureChange:
        known = item < len(a.items)
        source, index = (a, item) if known else (b, int(added[item - len(a.items)]))
        item_id, title = source.items.to_id(index), item_titles(source)[index]
        share_a, share_b, share = (float(count[item]) / len(pairs.users) for count in (of_a, of_b, change))
        return ExposureChange(item_id, title, share_a, share_b, share)

    rising, falling = np.argsort(change, kind="stable"), np.argsort(-change, kind="stable")
    gain = [row(int(item)) for item in falling[:N_ITEMS_SHOWN] if change[item] > 0]
    lose = [row(int(item)) for item in rising[:N_ITEMS_SHOWN] if change[item] < 0]
    return tuple(gain), tuple(lose)
