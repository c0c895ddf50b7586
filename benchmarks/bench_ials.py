"""``ials`` beside implicit and irspack on 24.5 million made-up interactions: seconds, NDCG@20, memory.

The three read the same arrays, use two threads and take turns, and their factors are scored by one scorer: full
ranking, training rows masked, a fixed sample of users. The stopping rule: how long until NDCG@20 reaches, less
0.2 %, what a peer has after its ten iterations. Ours is compared with each peer at that peer's own figure; the
smaller of the two ratios is the result.

Run: make peers && python benchmarks/bench_ials.py [--d 64 128] [--seeds 0 1 2] [--only ours]
What the record holds of other widths, seeds and systems stays, if it was measured in the same way; times that
are compared should come from one run, where the systems take turns.
Settings are chosen before. On a tenth of the users: bench_ials.py --choose irspack implicit --test-users 5000
On the whole file, implicit's regularization: bench_ials.py --choose-large [--d 64 128]
A width without a choice of its own takes that of the first width that has one, and the record says so.
"""

from __future__ import annotations

import argparse
import json
import statistics
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from _parts import Bench, prepared, score_lists
from _run import keep, machine, options, our_versions, peer_versions, reached_after, run_ours, run_peer

from tastemap.data.generate import SHAPES, Blueprint

SLACK = 0.998
"""NDCG@20 counts as reached at this share of the peer's."""

N_ITERATIONS = 10

SYSTEMS = ("implicit", "irspack", "ours")

SETTINGS: dict[str, dict[str, float]] = {
    "ours": {"regularization": 0.002, "unobserved_weight": 1.0},
    "irspack": {"reg": 0.002, "alpha0": 1.0},
    "implicit": {"regularization": 50.0, "alpha": 1.0},
}
"""The best of --choose; ours are irspack's, since the loss is the same. --choose-large overrides implicit's
regularization; the other two are not chosen again on the whole file."""

GRIDS: dict[str, dict[float, list[float]]] = {
    "irspack": {
        0.0003: [1.0, 3.0, 10.0],
        0.0005: [0.1],
        0.001: [0.3, 1.0, 3.0, 10.0],
        0.002: [0.3, 1.0],
        0.003: [0.3, 1.0, 3.0, 10.0],
        0.01: [0.3, 1.0, 3.0],
    },
    "implicit": {
        0.01: [0.3, 1.0, 3.0],
        3.0: [0.1, 0.3, 1.0],
        10.0: [0.1, 0.3, 1.0, 3.0],
        30.0: [0.1, 0.3, 1.0],
        50.0: [1.0],
        100.0: [1.0],
        1000.0: [0.3],
    },
}
"""Regularization, and the weights that --choose tries with it: a coarse grid, then values around its best."""

# irspack and ours multiply λ by a row's work, of which there is more with more users; implicit does not.
LARGE: dict[float, list[float]] = {
    value: [SETTINGS["implicit"]["alpha"]] for value in (20.0, 50.0, 100.0, 200.0, 400.0)
}
"""The same for implicit by --choose-large, on the file of the comparison."""

SIZES = {
    "full": Blueprint(SHAPES["ml-25m"].n_rows, 162_541, 59_047, implicit=True),
    # A tenth of the users with as many rows each, and all items.
    "choice": Blueprint(2_500_000, 16_254, 59_047, implicit=True),
    "small": Blueprint(300_000, 5_000, 2_000, implicit=True),
}


def run(
    bench: Bench, python: Path, system: str, d: int, seed: int, settings: dict[str, float], n_epochs: int
) -> dict[str, Any]:
    """One fit in a process of its own; the factors of its iterations lie among the arrays."""
    spec: dict[str, object] = {**bench.place, "out": system, "seed": seed, "n_epochs": n_epochs}
    if system == "ours":
        spec |= {"model": "ials", "keep": "factors", "settings": {**settings, "n_factors": d}}
        answer = run_ours(spec)
    else:
        script = {"implicit": "implicit_als", "irspack": "irspack_ials"}[system]
        answer = run_peer(python, script, {**spec, "n_factors": d, "settings": settings})
    return answer


def scored(bench: Bench, system: str, number: int) -> float:
    """NDCG@20 of one iteration."""
    folder = Path(str(bench.place["folder"]))
    factors = (np.load(folder / f"{system}-{number}-{side}.npy") for side in ("users", "items"))
    return round(score_lists(bench.parts, bench.users, *factors), 5)


def compared(runs: dict[str, list[dict[str, Any]]]) -> dict[str, object]:
    """The stopping rule: ours beside each peer at that peer's own figure, over the seeds that both have."""
    ours = {one["seed"]: one for one in runs.get("ours", ())}
    beside: dict[str, dict[str, Any]] = {}
    for name in ("implicit", "irspack"):
        pairs = [(one, ours[one["seed"]]) for one in runs.get(name, ()) if one["seed"] in ours]
        if not pairs:
            continue
        targets = [SLACK * theirs["ndcg@20"][-1] for theirs, _ in pairs]
        times = [
            [reached_after(one["iteration_s"], one["ndcg@20"], target) for one in pair]
            for pair, target in zip(pairs, targets, strict=True)
        ]
        # A seed of ours that never gets there must not drop out of the median: then there is no ratio.
        ratios = [theirs / own for theirs, own in times if theirs and own]
        beside[name] = {
            "seeds": [theirs["seed"] for theirs, _ in pairs],
            "target_ndcg@20": [round(target, 5) for target in targets],
            "peer_s": [theirs for theirs, _ in times],
            "ours_s": [own for _, own in times],
            "times_faster": round(statistics.median(ratios), 2) if len(ratios) == len(pairs) else None,
        }
    found = [one["times_faster"] for one in beside.values()]
    return {"beside": beside, "times_faster": min(found) if found and None not in found else None}


def choose(bench: Bench, given: argparse.Namespace, out: Path, record: dict[str, Any]) -> None:
    """NDCG@20 of each setting of the grids after ten iterations, the best first; kept after each."""
    grids = {"implicit": LARGE} if given.choose_large else {name: GRIDS[name] for name in given.choose}
    for (system, grid), d in product(grids.items(), given.d):
        tried: list[dict[str, float]] = []
        for values in ((first, second) for first, seconds in grid.items() for second in seconds):
            settings = dict(zip(SETTINGS[system], values, strict=True))
            run(bench, given.peers_python, system, d, 0, settings, N_ITERATIONS)
            tried.append({**settings, "ndcg@20": scored(bench, system, N_ITERATIONS - 1)})
            print(system, d, tried[-1], flush=True)
            record[f"d={d}" if given.choose_large else system] = sorted(tried, key=lambda one: -one["ndcg@20"])
            keep(out, record)


def settings_for(d: int, large: dict[str, Any]) -> dict[str, Any]:
    """Settings of each system, implicit's the best of --choose-large at this width, else at the first tried."""
    width = f"d={d}" if f"d={d}" in large else next((name for name in large if name.startswith("d=")), None)
    if width is None:
        return {**SETTINGS, "implicit_chosen_on": "a tenth of the users"}
    best = {name: large[width][0][name] for name in SETTINGS["implicit"]}
    return {**SETTINGS, "implicit": best, "implicit_chosen_on": f"this file at {width}"}


def compare(bench: Bench, given: argparse.Namespace, record: dict[str, Any], large: dict[str, Any]) -> None:
    """Every width, seed and system in turn; the record is kept after each."""
    for d in given.d:
        entry = record.setdefault(f"d={d}", {"settings": {}, "runs": {}})
        runs: dict[str, list[dict[str, Any]]] = entry["runs"]
        settings = settings_for(d, large)
        for system in SYSTEMS:
            if entry["settings"].get(system) != settings[system]:
                runs.pop(system, None)
        entry |= {"settings": settings, "load_before": record["machine"]["load_before"]}
        for seed, system in product(given.seeds, given.only):
            answer = run(bench, given.peers_python, system, d, seed, settings[system], given.iterations)
            answer["ndcg@20"] = [scored(bench, system, number) for number in range(given.iterations)]
            others = [one for one in runs.get(system, ()) if one["seed"] != seed]
            runs[system] = sorted([*others, {"seed": seed, **answer}], key=lambda one: one["seed"])
            print(d, system, runs[system][-1], flush=True)
            entry |= compared(runs)
            keep(given.out, record)


def kept(path: Path, measured: dict[str, Any]) -> dict[str, Any]:
    """The record at `path` if it was measured in the same way, else an empty one."""
    record: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return record if all(record.get(name) == value for name, value in measured.items()) else {}


def main() -> None:
    """Measure what is asked for, keep it."""
    parser = options(__doc__, "ials.json")
    parser.add_argument("--size", choices=sorted(SIZES), default="full")
    parser.add_argument("--data", type=Path, help="a file of that size made before")
    parser.add_argument("--d", type=int, nargs="+", default=[64])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="+", choices=SYSTEMS, default=SYSTEMS, help="keeps the others' runs")
    parser.add_argument("--iterations", type=int, default=N_ITERATIONS)
    parser.add_argument("--test-users", type=int, default=10_000)
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--choose", nargs="+", choices=sorted(GRIDS), help="on a tenth of the users")
    chosen.add_argument("--choose-large", action="store_true", help="implicit's regularization, on the file")
    given = parser.parse_args()
    if given.choose and len(given.d) > 1:
        parser.error("--choose tries the settings at one width; give one value to --d.")
    size = "choice" if given.choose and given.size == "full" else given.size
    about = {
        "machine": machine(),
        "versions": our_versions(),
        "peer_versions": peer_versions(given.peers_python, "implicit", "irspack", "numpy"),
    }
    with prepared(SIZES[size], given.data, given.test_users) as bench:
        measured = {"size": size, "n_iterations": given.iterations, "test_users": given.test_users}
        measured["n_train"] = len(bench.parts.train)
        large_path = given.out.with_name("ials_choice_large.json")
        if given.choose or given.choose_large:
            out = large_path if given.choose_large else given.out.with_name("ials_choice.json")
            choose(bench, given, out, kept(out, measured) | measured | about)
        else:
            large = kept(large_path, {"size": size})
            compare(bench, given, kept(given.out, measured) | measured | about, large)


if __name__ == "__main__":
    main()
