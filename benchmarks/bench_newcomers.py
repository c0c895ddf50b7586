"""Intervals of people whom the fit never saw, on ml-100k: held in what they rate next, and what one costs.

A fifth of the users is held out whole. Half of the ratings of each is folded in, the other half is asked. The
clock counts what one thread works for the samples of a person, the least of five times. The fit is saved and
loaded before anybody is asked. Each row of the record is one choice of the people, with intervals calibrated on
parts of the ratings or as wide as the model believes (0 parts).

Run: python benchmarks/bench_newcomers.py [--calibration-parts 4 0] [--seeds 3]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from _run import RESULTS, add_rows, our_versions
from _saved import from_saved

from tastemap.data import Dataset, load
from tastemap.inference.intervals import spread_of
from tastemap.linalg.csr import from_pairs
from tastemap.training import fit

LEVEL = 0.95
SHARE = 0.2
EDGES = (20, 50, 100, 200)
"""Where bins of people begin, by the ratings that were folded in."""


def measure(data: Dataset, calibration_parts: int, seed: int) -> dict[str, object]:
    """Hold out people, fit, save, load, fold in, ask."""
    rows, rng = data.interactions, np.random.default_rng(seed)
    newcomer = rng.permutation(rows.n_users) < SHARE * rows.n_users
    train = data.select(~newcomer[rows.user_index])
    recommender = from_saved(fit(train, "gibbs", settings={"calibration_parts": calibration_parts}, rng=seed))
    model, item_of_row = recommender.model, recommender.items.indices(rows.items.ids)[rows.item_index]
    inside, lengths, widths, seconds = [], [], [], []
    for user in np.flatnonzero(newcomer):
        mine = rng.permutation(np.flatnonzero((rows.user_index == user) & (item_of_row >= 0)))
        given, asked = mine[: len(mine) // 2], mine[len(mine) // 2 :]
        history = from_pairs(
            np.zeros(len(given), np.int32), item_of_row[given], rows.values[given], (1, model.n_items)
        )
        items, ratings = item_of_row[asked][None, :].astype(np.int32), rows.values[asked]
        times = []
        for _ in range(5):
            states = model.fold_in(history)
            start = time.thread_time()
            states.spread(items[:, :10])
            times.append(time.thread_time() - start)
        found = spread_of(recommender, states, items, model.link.apply(states.score(items))[0])
        assert found is not None, "gibbs knows how sure it is"
        lower, upper = found.interval(LEVEL)
        inside.append((lower <= ratings + 1e-6) & (ratings <= upper + 1e-6))
        widths.append(upper - lower)
        lengths.append(np.full(len(asked), len(given)))
        seconds.append(min(times))
    held, entries = np.concatenate(inside), np.concatenate(lengths)
    bins = np.searchsorted(EDGES, entries, side="right")
    return {
        "n_asked": len(held),
        "held": round(float(held.mean()), 4),
        "held_in_bins": [round(float(held[bins == one].mean()), 4) for one in range(len(EDGES) + 1)],
        "width": round(float(np.concatenate(widths).mean()), 3),
        "median_ms": round(1e3 * float(np.median(seconds)), 2),
        "longest_ms": round(1e3 * max(seconds), 2),
    }


def choices(data: Dataset, calibration_parts: list[int], seeds: int) -> Iterator[tuple[str, dict[str, object]]]:
    """Every number of parts with every seed."""
    for parts in calibration_parts:
        for seed in range(seeds):
            yield f"{parts} parts, seed {seed}", measure(data, parts, seed)


def main() -> None:
    """Measure, show and keep each choice of the people."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calibration-parts", type=int, nargs="+", default=[4, 0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS / "newcomers.json")
    given = parser.parse_args()
    kind = "95 % intervals of people whom the fit never saw, ml-100k"
    add_rows(
        given.out, kind, list(our_versions()), choices(load("ml-100k"), given.calibration_parts, given.seeds)
    )


if __name__ == "__main__":
    main()
