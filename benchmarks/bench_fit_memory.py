"""Peak memory and seconds of the whole command ``tastemap fit`` on 25 million ratings, file to artifact.

Run: python benchmarks/bench_fit_memory.py [--data FILE.parquet] [--n-epochs 5]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from _run import keep, machine, measured, options, our_versions

from tastemap.data.generate import SHAPES, write_generated

LIMIT_GB = 2.5
SETTINGS = {"ials": ["n_factors=64"], "als": ["n_factors=32"]}


def fitted(model: str, path: Path, folder: Path, n_epochs: int | None) -> dict[str, object]:
    """One command as a user types it."""
    command = [str(Path(sys.executable).with_name("tastemap")), "fit", str(path), "--model", model, "--json"]
    settings = SETTINGS[model] + ([] if n_epochs is None else [f"n_epochs={n_epochs}"])
    for setting in settings:
        command += ["--set", setting]
    _, seconds, peak = measured([*command, "-o", str(folder / model)])
    return {"settings": settings, "seconds": round(seconds, 1), "peak_gb": round(peak / 1024, 2)}


def main() -> None:
    """Measure both models, keep the figures."""
    parser = options(__doc__, "fit_memory.json")
    parser.add_argument("--shape", choices=sorted(SHAPES), default="ml-25m")
    parser.add_argument("--data", type=Path, help="a file of ratings made before")
    parser.add_argument("--models", nargs="+", choices=sorted(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--n-epochs", type=int, help="at most; the peak comes with the first")
    given = parser.parse_args()
    record: dict[str, Any] = {"shape": given.shape, "n_rows": SHAPES[given.shape].n_rows, "limit_gb": LIMIT_GB}
    record |= {"machine": machine(), "versions": our_versions("polars"), "models": {}}
    with tempfile.TemporaryDirectory() as name:
        path = given.data or Path(name) / "ratings.parquet"
        if given.data is None:
            write_generated(path, SHAPES[given.shape], rng=0)
        for model in given.models:
            record["models"][model] = fitted(model, path, Path(name), given.n_epochs)
            print(model, record["models"][model], flush=True)
            keep(given.out, record)


if __name__ == "__main__":
    main()
