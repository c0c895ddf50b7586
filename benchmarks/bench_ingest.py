"""How long a CSV of 25 million ratings takes to load, and how much memory, in a fresh process.

Run: python benchmarks/bench_ingest.py [--shape ml-25m] [--seed 0] [--out benchmarks/results/ingest.json]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _run import surroundings

from tastemap.data.generate import SHAPES, write_generated

RESULTS = Path(__file__).parent / "results" / "ingest.json"
PACKAGES = ("tastemap", "numpy", "polars", "numba")

# Runs alone: its peak memory is that of importing the package and loading the file, nothing else.
# VmHWM belongs to this program; getrusage would count the parent before exec as well.
LOAD = """
import json, re, sys, time
from pathlib import Path
start = time.perf_counter()
from tastemap.data import load
imported = time.perf_counter()
data = load(sys.argv[1])
loaded = time.perf_counter()
rows = data.interactions
print(json.dumps({
    "n_rows": len(rows), "n_users": rows.n_users, "n_items": rows.n_items,
    "import_s": round(imported - start, 2), "load_s": round(loaded - imported, 2),
    "peak_rss_mb": int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024,
}))
"""


def measure(shape: str, seed: int) -> dict[str, object]:
    """Make the file in a temporary folder, load it, say what it took."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ratings.csv"
        start = time.perf_counter()
        write_generated(path, SHAPES[shape], rng=seed)
        made_s = time.perf_counter() - start
        busy = os.getloadavg()[0]  # well above 1, that of making the file: others used the cores too
        run = subprocess.run(
            [sys.executable, "-c", LOAD, str(path)], check=True, capture_output=True, text=True
        )
        figures = json.loads(run.stdout)
        return {
            "benchmark": "load a CSV in a fresh process",
            "shape": shape,
            "seed": seed,
            **figures,
            "file_mb": round(path.stat().st_size / 2**20),
            "make_file_s": round(made_s, 2),
            **surroundings(PACKAGES, busy),
        }


def main() -> None:
    """Parse, measure, keep and show the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="ml-25m")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    figures = measure(given.shape, given.seed)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
