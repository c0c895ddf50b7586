"""Fitting `itemknn` on made-up data of a million rows and ten thousand items: time and memory.

Run: python benchmarks/bench_neighbors.py [--out benchmarks/results/neighbors.json]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
import tracemalloc
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tastemap.data import load
from tastemap.data.generate import generate
from tastemap.training import fit

RESULTS = Path(__file__).parent / "results" / "neighbors.json"
ROWS, USERS, ITEMS = 1_000_000, 20_000, 10_000
PACKAGES = ("tastemap", "numpy", "numba")
RUNS = 3


def one() -> dict[str, float]:
    """Two fits in this process: one is traced, which also loads the kernels, the other is timed.

    Each has data of its own, so that each makes the transposed interactions.
    """
    traced, timed = (load(generate(ROWS, n_users=USERS, n_items=ITEMS)) for _ in range(2))
    tracemalloc.start()
    fit(traced, "itemknn", rng=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    start = time.perf_counter()
    fit(timed, "itemknn", rng=0)
    taken = time.perf_counter() - start
    whole = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in KiB on Linux
    return {"fit_s": round(taken, 2), "fit_mb": round(peak / 2**20), "process_mb": round(whole / 1024)}


def measure(threads: int) -> dict[str, Any]:
    """Several processes: sorted times, and peaks of memory of a fit (above the data) and of a process."""
    environment = {**os.environ, "TASTEMAP_THREADS": str(threads)}
    command = [sys.executable, __file__, "--one"]
    found = [
        json.loads(subprocess.run(command, check=True, capture_output=True, env=environment).stdout)
        for _ in range(RUNS)
    ]
    return {
        "fit_s": sorted(each["fit_s"] for each in found),
        "fit_mb": max(each["fit_mb"] for each in found),
        "process_mb": max(each["process_mb"] for each in found),
    }


def main() -> None:
    """Measure, keep and show the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--one", action="store_true", help="fit in this process")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one()))
        return
    figures = {
        "benchmark": "fit itemknn to made-up interactions",
        "rows": ROWS,
        "users": USERS,
        "items": ITEMS,
        "load_average_before": round(os.getloadavg()[0], 1),  # above 0: others used the cores too
        "threads": {str(threads): measure(threads) for threads in (1, 2)},
        "cores": len(os.sched_getaffinity(0)),
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {package: version(package) for package in PACKAGES},
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
