"""``ials`` beside implicit and irspack on 24.5 million made-up interactions: seconds, NDCG@20, memory.

The three read the same arrays, use two threads, start from several seeds turn by turn, and their factors are
scored by one scorer: full ranking, training rows masked, a fixed sample of users. The stopping rule: how long
until NDCG@20 reaches, less 0.2 %, what the faster peer has after its ten iterations.

Run: make peers && python benchmarks/bench_ials.py
Settings are chosen before by: python benchmarks/bench_ials.py --choose irspack implicit
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
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

SETTINGS: dict[str, dict[str, float]] = {
    "ours": {"regularization": 0.002, "unobserved_weight": 1.0},
    "irspack": {"reg": 0.002, "alpha0": 1.0},
    "implicit": {"regularization": 50.0, "alpha": 1.0},
}
"""The best of --choose; ours are irspack's, since the loss is the same."""

GRIDS: dict[str, dict[str, list[float]]] = {
    "irspack": {"reg": [0.001, 0.002, 0.003], "alpha0": [0.3, 1.0, 3.0]},
    "implicit": {"regularization": [30.0, 50.0, 100.0], "alpha": [0.3, 1.0, 3.0]},
}

SIZES = {
    "full": Blueprint(SHAPES["ml-25m"].n_rows, 162_541, 59_047, implicit=True),
    # As many rows a user, and as many users to an item's rows, as in the full file: the settings carry over.
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
    """The stopping rule over all seeds, which stand in the same order for each system."""
    peers = {
        name: statistics.median(sum(one["iteration_s"]) for one in runs[name])
        for name in ("implicit", "irspack")
        if runs.get(name)
    }
    if not peers or not runs.get("ours"):
        return {}
    fastest = min(peers, key=lambda name: peers[name])
    targets = [SLACK * one["ndcg@20"][-1] for one in runs[fastest]]
    times = {
        name: [
            reached_after(one["iteration_s"], one["ndcg@20"], target)
            for one, target in zip(found, targets, strict=False)
        ]
        for name, found in runs.items()
        if found
    }
    known = [
        (theirs, ours) for theirs, ours in zip(times[fastest], times["ours"], strict=False) if ours and theirs
    ]
    ratio = statistics.median(theirs / ours for theirs, ours in known) if known else None
    return {
        "faster_peer": fastest,
        "target_ndcg@20": [round(target, 5) for target in targets],
        "seconds_to_target": times,
        "times_faster": None if ratio is None else round(ratio, 2),
    }


def choose(bench: Bench, python: Path, system: str, d: int) -> list[dict[str, float]]:
    """NDCG@20 of each setting of the grid after ten iterations, the best first."""
    tried: list[dict[str, float]] = []
    for values in product(*GRIDS[system].values()):
        settings = dict(zip(GRIDS[system], values, strict=True))
        run(bench, python, system, d, 0, settings, N_ITERATIONS)
        tried.append({**settings, "ndcg@20": scored(bench, system, N_ITERATIONS - 1)})
        print(system, tried[-1], flush=True)
    return sorted(tried, key=lambda one: -one["ndcg@20"])


def compare(bench: Bench, given: argparse.Namespace, record: dict[str, Any], save: Callable[[], None]) -> None:
    """Every width, seed and system in turn; the record is kept after each."""
    systems: dict[str, list[str]] = {
        "ours": ["ours"],
        "peers": ["implicit", "irspack"],
        "all": ["implicit", "irspack", "ours"],
    }
    for d in given.d:
        entry = record.setdefault(f"d={d}", {})
        runs: dict[str, list[dict[str, Any]]] = entry.setdefault("runs", {})
        for system in systems[given.only]:
            runs[system] = []
        for seed in range(given.seeds):
            for system in systems[given.only]:
                answer = run(bench, given.peers_python, system, d, seed, SETTINGS[system], given.iterations)
                answer["ndcg@20"] = [scored(bench, system, number) for number in range(given.iterations)]
                runs[system].append({"seed": seed, **answer})
                print(d, system, answer, flush=True)
                entry |= compared(runs)
                save()


def main() -> None:
    """Measure what is asked for, keep it."""
    parser = options(__doc__, "ials.json")
    parser.add_argument("--size", choices=sorted(SIZES), default="full")
    parser.add_argument("--data", type=Path, help="a file of that size made before")
    parser.add_argument("--d", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--only", choices=["ours", "peers", "all"], default="all", help="keeps the others' runs"
    )
    parser.add_argument("--iterations", type=int, default=N_ITERATIONS)
    parser.add_argument("--test-users", type=int, default=10_000)
    parser.add_argument("--choose", nargs="+", choices=sorted(GRIDS), help="try settings on a smaller file")
    given = parser.parse_args()
    size = "choice" if given.choose and given.size == "full" else given.size
    out = given.out.with_name("ials_choice.json") if given.choose else given.out
    goes_on = out.exists() and (given.choose or given.only != "all")
    record: dict[str, Any] = json.loads(out.read_text()) if goes_on else {}
    record |= {
        "size": size,
        "n_iterations": given.iterations,
        "test_users": given.test_users,
        "machine": machine(),
        "versions": our_versions(),
        "peer_versions": peer_versions(given.peers_python, "implicit", "irspack", "numpy"),
    }
    with prepared(SIZES[size], given.data, given.test_users) as bench:
        record["n_train"] = len(bench.parts.train)
        for system in given.choose or ():
            record[system] = choose(bench, given.peers_python, system, given.d[0])
            keep(out, record)
        if not given.choose:
            record["settings"] = SETTINGS
            compare(bench, given, record, lambda: keep(out, record))


if __name__ == "__main__":
    main()
