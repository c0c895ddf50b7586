"""Milliseconds of one list of ten by the number of items, exactly, up to a million; d=64.

Two kinds of factors. Random ones are all about as long: every item is scored. Falling ones get shorter with the
rank of an item, as those of ``ials`` do: a list ends when no item left is long enough to enter it. Who asks has
150 items that may not be listed. One user at a time, one thread, the factors in memory.

Run: python benchmarks/bench_query.py [--items 10000 100000 1000000]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from _run import add_rows

from tastemap.inference.lists import top_lists
from tastemap.linalg.csr import CSR
from tastemap.linalg.threads import use_threads
from tastemap.models.base import Link
from tastemap.models.factor import FactorModel

N_FACTORS, N_USERS, N_SEEN, K = 64, 200, 150, 10
POWER = 0.5
"""By which falling lengths fall with the rank. Those of ``ials``, fitted to 100 million made-up ratings, stay
level for a hundred items and then fall faster: 0.6 up to rank 10,000, 1.6 beyond."""


def model(n_items: int, *, falling: bool, rng: np.random.Generator) -> FactorModel:
    """A model of random directions, whose items have one length or falling ones."""
    items = rng.standard_normal((n_items, N_FACTORS), np.float32)
    if falling:
        items *= (1.0 + rng.permutation(n_items))[:, None].astype(np.float32) ** -POWER
    users = rng.standard_normal((N_USERS, N_FACTORS), np.float32)
    nothing = np.zeros(N_USERS, np.float32), np.zeros(n_items, np.float32)
    return FactorModel(users, items, *nothing, 0.0, Link(), None)


def asked(n_items: int, *, falling: bool) -> dict[str, object]:
    """Lists of users one after the other; and that they are those of all scores in float64."""
    rng = np.random.default_rng(0)
    found = model(n_items, falling=falling, rng=rng)
    seen = np.sort(rng.choice(n_items, N_SEEN, replace=False)).astype(np.int32)
    history = CSR(np.array([0, N_SEEN]), seen, np.ones(N_SEEN, np.float32), n_items)
    milliseconds, exact = [], 0
    for user in range(N_USERS):
        states = found.users(np.array([user]))
        start = time.perf_counter()
        lists, _ = top_lists(states, K, seen=history)
        milliseconds.append(1e3 * (time.perf_counter() - start))
        if user % 20 == 0:
            scores = found.item_factors.astype(np.float64) @ found.user_factors[user].astype(np.float64)
            scores[seen] = -np.inf
            exact += bool(np.array_equal(lists[0], np.argsort(-scores, kind="stable")[:K]))
    middle = sorted(milliseconds[1:])
    return {
        "items": n_items,
        "factors": N_FACTORS,
        "median_ms": round(statistics.median(middle), 3),
        "p99_ms": round(middle[int(0.99 * len(middle))], 3),
        "bytes_read": 4 * N_FACTORS * n_items,
        "lists_checked": N_USERS // 20,
        "exact": exact,
    }


def rows(sizes: list[int]) -> Iterator[tuple[str, dict[str, object]]]:
    """Both kinds at each size."""
    with use_threads(1):
        for n_items in sizes:
            for falling in (False, True):
                yield f"{'falling' if falling else 'random'} {n_items}", asked(n_items, falling=falling)


def main() -> None:
    """Measure, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[1_000, 10_000, 100_000, 300_000, 1_000_000])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "query.json")
    given = parser.parse_args()
    add_rows(given.out, "one list by the number of items", ("tastemap", "numpy"), rows(given.items))


if __name__ == "__main__":
    main()
