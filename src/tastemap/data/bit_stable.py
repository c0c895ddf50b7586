"""Random numbers from integer arithmetic alone: the same on every machine, in any order of asking.

The hash is SplitMix64 [1]_ on a counter, so entry 10 of a stream needs no entry before it.

References
----------
.. [1] Steele, Lea, Flood. Fast Splittable Pseudorandom Number Generators. OOPSLA 2014, figure 16.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from tastemap.linalg.jit import kernel
from tastemap.linalg.types import Int32Array, Int64Array

UInt64Array = NDArray[np.uint64]

GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)

BELL_SD = 209
"""Standard deviation of :func:`bell`: sqrt(8 (256^2 - 1) / 12) = 209.0."""

REJECTIONS = 32
"""Draws of an item that a user already has, before the next free one by popularity is taken."""


def key_of(seed: int, purpose: str) -> np.uint64:
    """The start of an independent stream of hashes; seeds count modulo 2^64."""
    start = (seed ^ (zlib.crc32(purpose.encode()) << 32)) % 2**64
    return np.uint64(_mix(np.array([start], np.uint64))[0])


def _mix(state: UInt64Array) -> UInt64Array:
    """The output function of SplitMix64."""
    state = (state ^ (state >> np.uint64(30))) * MIX_1
    state = (state ^ (state >> np.uint64(27))) * MIX_2
    return state ^ (state >> np.uint64(31))


def hashes(key: np.uint64, start: int, stop: int) -> UInt64Array:
    """Hashes number `start` to `stop` of a stream, shape (stop - start,)."""
    counters = np.arange(start + 1, stop + 1, dtype=np.uint64)
    return _mix(counters * GOLDEN_GAMMA + key)


def bell(key: np.uint64, stop: int, start: int = 0) -> Int64Array:
    """Sums of eight bytes about zero, standard deviation :data:`BELL_SD`, shape (stop - start,), int64."""
    drawn = hashes(key, start, stop).view(np.uint8).reshape(stop - start, 8)
    sums: Int64Array = drawn.sum(axis=1, dtype=np.int64)
    return sums - 8 * 255 // 2


def shuffled(key: np.uint64, n: int) -> Int64Array:
    """A permutation of 0 … n - 1."""
    order: Int64Array = np.argsort(hashes(key, 0, n), kind="stable")
    return order


@kernel
def draw_ranks(
    row_starts: Int64Array,
    states: UInt64Array,
    stride: int,
    cumulative: Int64Array,
    user_factors: Int64Array,
    rank_factors: Int64Array,
    n_candidates: int,
    taken_by: Int32Array,
    found: Int32Array,
) -> None:
    """Distinct popularity ranks for each user; row ``j * stride`` of the whole table gets rank ``j``.

    Parameters
    ----------
    row_starts : array of shape (users + 1,), int64
        First rows, counted over the whole table, of consecutive users, and the end.
    states : array of shape (users,), uint64
        Each user's stream.
    stride : int
        See above: it makes every item occur.
    cumulative : array of shape (I,), int64
        Cumulated weights of the ranks.
    user_factors, rank_factors : arrays of shape (users, d) and (I, d), int64
        Of `n_candidates` draws the one with the largest product is chosen; unused for 1.
    taken_by : array of shape (I,), int32
        Room to work in; -1 everywhere.
    found : array of shape (row_starts[-1] - row_starts[0],), int32
        Is filled with ranks.
    """
    n_items = len(cumulative)
    for user in range(len(states)):
        state = states[user]
        first, last = row_starts[user], row_starts[user + 1]
        for row in range(first, last):
            if row % stride == 0 and row // stride < n_items:
                taken_by[row // stride] = user
        for row in range(first, last):
            if row % stride == 0 and row // stride < n_items:
                found[row - row_starts[0]] = row // stride
                continue
            best, best_taste = -1, np.int64(0)
            for _ in range(n_candidates):
                rank, state = _free_rank(state, cumulative, taken_by, user)
                taste = np.int64(0)
                if n_candidates > 1:
                    for factor in range(user_factors.shape[1]):
                        taste += user_factors[user, factor] * rank_factors[rank, factor]
                if best < 0 or taste > best_taste:
                    best, best_taste = rank, taste
            taken_by[best] = user
            found[row - row_starts[0]] = best


@kernel
def _free_rank(
    state: np.uint64, cumulative: Int64Array, taken_by: Int32Array, user: int
) -> tuple[int, np.uint64]:
    """A rank that `user` has not taken, by popularity, and the next state of the stream."""
    rank = 0
    for _ in range(REJECTIONS):
        state += GOLDEN_GAMMA
        mixed = (state ^ (state >> np.uint64(30))) * MIX_1
        mixed = (mixed ^ (mixed >> np.uint64(27))) * MIX_2
        mixed = mixed ^ (mixed >> np.uint64(31))
        target = np.int64(mixed >> np.uint64(1)) % cumulative[-1]
        rank = np.searchsorted(cumulative, target, side="right")
        if taken_by[rank] != user:
            return rank, state
    while taken_by[rank] == user:  # a user who has taken most of the popular items: the next free one
        rank = (rank + 1) % len(cumulative)
    return rank, state
