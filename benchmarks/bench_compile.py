"""What the first use of each model costs: processor seconds of compiling its kernels, which are kept.

Run: python benchmarks/bench_compile.py [--models als,ials] [--out benchmarks/results/compile.json]

For each model an empty cache, then twice the same commands on a small table: `fit`, `recommend --all` and
`predict`. The difference between the two is what an install pays once. Models come one after the other;
those that are not asked for keep their rows of an earlier run.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from _run import RESULTS as FOLDER
from _run import add_rows

from tastemap.data.generate import Blueprint, write_generated
from tastemap.training import MODELS

RESULTS = FOLDER / "compile.json"
KIND = "processor seconds of compiling at the first use of a model"
PACKAGES = ("tastemap", "numba", "llvmlite", "numpy")
COMMAND = Path(sys.executable).with_name("tastemap")
TABLE = Blueprint(n_rows=3_000, n_users=200, n_items=150)
TOLD = "Compiling a numeric kernel"


def processor_s(arguments: list[str], cache: Path) -> tuple[float, str]:
    """Processor seconds of a command that keeps its kernels in `cache`, and what it said to people."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run(
        [str(COMMAND), *arguments], check=True, capture_output=True, text=True, env=environment
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, run.stderr


def commands(model: str, folder: Path) -> list[list[str]]:
    """What people do first with a model."""
    table, out = str(folder / "ratings.csv"), str(folder / model)
    short = {"n_epochs": 2, "burn_in": 1}
    fields = MODELS[model].config_class.model_fields
    shorter = [word for name in sorted(short.keys() & fields) for word in ("--set", f"{name}={short[name]}")]
    return [
        ["fit", table, "--model", model, "-o", out, *shorter],
        ["recommend", out, "--all", "--out", str(folder / "lists.csv")],
        ["predict", out, table, "--out", str(folder / "predictions.csv")],
    ]


def measured(model: str, folder: Path) -> dict[str, object]:
    """First and second use of one model."""
    cache = folder / f"cache-{model}"
    passes = [[processor_s(command, cache) for command in commands(model, folder)] for _ in range(2)]
    first, second = (sum(seconds for seconds, _ in one) for one in passes)
    return {
        "first_s": round(first, 2),
        "second_s": round(second, 2),
        "compile_s": round(first - second, 2),
        "files": len(list(cache.iterdir())) if cache.is_dir() else 0,
        "is_announced": TOLD in passes[0][0][1],
    }


def rows(models: Sequence[str]) -> Iterator[tuple[str, dict[str, object]]]:
    """First and second use of every model, by name."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_generated(folder / "ratings.csv", TABLE, rng=0)
        for model in models:
            yield model, measured(model, folder)


def main() -> None:
    """Measure, keep and show the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", default=",".join(sorted(MODELS)))
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    add_rows(given.out, KIND, PACKAGES, rows(given.models.split(",")))


if __name__ == "__main__":
    main()
