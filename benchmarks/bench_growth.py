"""How seconds of an epoch and peak memory grow with the number of ratings, and the exponent of that growth.

Made-up ratings in the proportions of ml-25m, users and items growing with the rows; reading the file is part of
the peak memory. An exponent of 1 is growth in proportion.

Run: python benchmarks/bench_growth.py [--millions 1 3 10 30] [--models ials als]
100 million ratings need some 12 GB of memory and 2 GB of disk: add 100 to --millions.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from _run import keep, machine, options, our_versions, run_ours

from tastemap.data.generate import SHAPES, Blueprint, write_generated

SETTINGS: dict[str, dict[str, object]] = {"ials": {"n_factors": 64}, "als": {"n_factors": 32}}
N_EPOCHS = 4
"""The first is left out of the median: it touches memory for the first time."""


def blueprint(millions: float) -> Blueprint:
    """So many million ratings in the proportions of ml-25m."""
    whole = SHAPES["ml-25m"]
    share = millions * 1_000_000 / whole.n_rows
    return Blueprint(round(millions * 1_000_000), round(whole.n_users * share), round(whole.n_items * share))


def exponent(points: list[dict[str, Any]], figure: str) -> float | None:
    """The slope of a straight line through the points, both axes logarithmic."""
    if len(points) < 2:
        return None
    rows, values = (np.log([one[name] for one in points]) for name in ("n_rows", figure))
    return round(float(np.polyfit(rows, values, 1)[0]), 2)


def measure(model: str, path: Path, n_rows: int) -> dict[str, Any]:
    """Some epochs of one model in a process of its own."""
    spec = {"source": str(path), "model": model, "settings": SETTINGS[model], "n_epochs": N_EPOCHS, "seed": 0}
    answer = run_ours(spec | {"keep": "nothing"})
    return {
        "n_rows": n_rows,
        "epoch_s": round(statistics.median(answer["iteration_s"][1:]), 3),
        "load_s": answer["load_s"],
        "peak_gb": round(answer["peak_mb"] / 1024, 3),
    }


def main() -> None:
    """Measure every size with every model; the record is kept after each."""
    parser = options(__doc__, "growth.json")
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 3, 10, 30])
    parser.add_argument("--models", nargs="+", choices=sorted(SETTINGS), default=list(SETTINGS))
    given = parser.parse_args()
    record: dict[str, Any] = {"n_epochs": N_EPOCHS, "settings": SETTINGS}
    record |= {"machine": machine(), "versions": our_versions(), "models": {}}
    for millions in given.millions:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "ratings.parquet"
            write_generated(path, blueprint(millions), rng=0)
            for model in given.models:
                entry = record["models"].setdefault(model, {"points": []})
                entry["points"].append(measure(model, path, round(millions * 1_000_000)))
                for figure in ("epoch_s", "peak_gb"):
                    entry[f"exponent_of_{figure}"] = exponent(entry["points"], figure)
                print(model, entry["points"][-1], flush=True)
                keep(given.out, record)


if __name__ == "__main__":
    main()
