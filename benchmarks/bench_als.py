"""``als`` beside Surprise's SVD and LensKit's ALS on 24.5 million made-up ratings, all with 32 factors.

The same arrays and two threads (SVD uses one), each system with its own recommended settings, one scorer of
predictions. The stopping rule: seconds of fitting until the RMSE of the test part is within 0.5 % of the
lowest of the system's run; and, for ours, until it is as low as the peer's figure at that point.

Run: make peers && python benchmarks/bench_als.py
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from _parts import Bench, prepared, score_ratings
from _run import keep, machine, options, our_versions, peer_versions, reached_after, run_ours, run_peer

from tastemap.data.generate import SHAPES, Blueprint

MARGIN = 1.005
"""RMSE counts as converged at this share above the lowest of the run."""

N_FACTORS = 32
SYSTEMS: dict[str, dict[str, Any]] = {
    "surprise": {"script": "surprise_svd", "checkpoints": [1, 2, 3, 4, 6, 8, 10, 12, 15, 20], "settings": {}},
    "lenskit": {"script": "lenskit_als", "n_epochs": 10, "settings": {}},
    "ours": {"model": "als", "n_epochs": 15, "settings": {"n_factors": N_FACTORS}, "keep": "predictions"},
}
"""The peers' settings are their defaults, which their documentation recommends."""

SIZES = {"full": SHAPES["ml-25m"], "small": Blueprint(300_000, 5_000, 2_000)}


def run(bench: Bench, python: Path, system: str, seed: int) -> dict[str, Any]:
    """One fit in a process of its own, and the RMSE of the test part after each of its iterations."""
    spec: dict[str, Any] = {
        **bench.place,
        **SYSTEMS[system],
        "out": system,
        "seed": seed,
        "n_factors": N_FACTORS,
    }
    answer = run_ours(spec) if system == "ours" else run_peer(python, spec["script"], spec)
    answer["rmse"] = [round(figure, 5) for figure in scored(bench, system, len(answer["iteration_s"]))]
    return answer


def scored(bench: Bench, system: str, n_iterations: int) -> Iterator[float]:
    """RMSE of each iteration; its array is removed."""
    for number in range(n_iterations):
        path = Path(str(bench.place["folder"])) / f"{system}-{number}.npy"
        yield score_ratings(bench.parts, np.load(path))
        path.unlink()


def converged_after(answer: dict[str, Any], target: float | None = None) -> float | None:
    """Seconds until the RMSE is at `target`, by default within the margin of the run's lowest."""
    target = MARGIN * min(answer["rmse"]) if target is None else target
    return reached_after(answer["iteration_s"], answer["rmse"], target, falls=True)


def compared(runs: dict[str, list[dict[str, Any]]]) -> dict[str, object]:
    """The stopping rule over all seeds."""
    found: dict[str, object] = {
        "seconds_to_converged": {n: [converged_after(o) for o in r] for n, r in runs.items()}
    }
    for peer in ("surprise", "lenskit"):
        pairs = list(zip(runs.get(peer, []), runs.get("ours", []), strict=False))
        times = [(converged_after(theirs), converged_after(ours)) for theirs, ours in pairs]
        ratios = [theirs / ours for theirs, ours in times if theirs and ours]
        if not ratios:
            continue
        found[f"times_faster_than_{peer}"] = round(statistics.median(ratios), 2)
        found[f"seconds_of_ours_to_{peer}'s_rmse"] = [
            converged_after(ours, MARGIN * min(theirs["rmse"])) for theirs, ours in pairs
        ]
    return found


def main() -> None:
    """Measure every seed and system in turn; the record is kept after each."""
    parser = options(__doc__, "als.json")
    parser.add_argument("--size", choices=sorted(SIZES), default="full")
    parser.add_argument("--data", type=Path, help="a file of that size made before")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=sorted(SYSTEMS), default=list(SYSTEMS))
    given = parser.parse_args()
    goes_on = given.out.exists() and len(given.only) < len(SYSTEMS)
    record: dict[str, Any] = json.loads(given.out.read_text()) if goes_on else {}
    runs: dict[str, list[dict[str, Any]]] = record.get("runs", {}) | {system: [] for system in given.only}
    record |= {"size": given.size, "n_factors": N_FACTORS, "systems": SYSTEMS, "machine": machine()}
    record |= {"versions": our_versions()}
    record["peer_versions"] = peer_versions(given.peers_python, "scikit-surprise", "lenskit", "numpy")
    with prepared(SIZES[given.size], given.data, 1) as bench:
        record["n_train"] = len(bench.parts.train)
        for seed in range(given.seeds):
            for system in given.only:
                runs[system].append({"seed": seed, **run(bench, given.peers_python, system, seed)})
                print(system, runs[system][-1], flush=True)
                keep(given.out, record | {"runs": runs} | compared(runs))


if __name__ == "__main__":
    main()
