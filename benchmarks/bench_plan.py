"""Whole `fit` commands beside what `plan` says of them: peak memory, size of the artifact, seconds.

Run: python benchmarks/bench_plan.py [--models als,ials] [--out benchmarks/results/plan.json]

Every model is fitted to ml-100k and to a million made-up ratings, each fit a process of its own. Models fitted
by gradients, and the sampled one, get fewer epochs on the large set, to take minutes. On a busy machine only
the processor seconds of a fit, `processor_s`, can be compared with a plan, made for one thread then.
Models that are not asked for keep their rows of an earlier run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from _run import RESULTS as FOLDER
from _run import add_rows

from tastemap.data import Dataset, load
from tastemap.data.generate import SHAPES, write_generated
from tastemap.linalg.threads import use_threads
from tastemap.training import MODELS
from tastemap.tuning import plan

RESULTS = FOLDER / "plan.json"
COMMAND = Path(sys.executable).with_name("tastemap")
FEWER_EPOCHS = {"dot": 2, "gibbs": 60, "mlp": 2, "softmax": 4}
PACKAGES = ("tastemap", "numpy", "polars", "numba", "torch")

LAUNCHER = """
import json, os, sys, time
start = time.perf_counter()
silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=silent)
_, status, used = os.wait4(process, 0)
seconds = time.perf_counter() - start
print(json.dumps([status, 1024 * used.ru_maxrss, used.ru_utime + used.ru_stime, seconds]))
"""
"""Starts the command from a small process: a child's peak counts the memory of its parent at the start."""


def measured(source: str, model: str, settings: dict[str, object], out: Path) -> dict[str, float]:
    """One fit as a process of its own; kernels should be compiled already."""
    options = [f"{key}={value}" for key, value in settings.items()]
    command = [str(COMMAND), "fit", source, "--model", model, "-o", str(out), "--json"]
    command += [part for option in options for part in ("--set", option)]
    run = subprocess.run([sys.executable, "-c", LAUNCHER, *command], check=True, capture_output=True, text=True)
    status, memory, processor_s, seconds = json.loads(run.stdout)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with status {status}: {run.stderr}")
    size = sum(file.stat().st_size for file in out.iterdir())
    return {"memory": memory, "artifact": size, "seconds": seconds, "processor_s": processor_s}


def compared(data: Dataset, source: str, model: str, folder: Path, *, is_large: bool) -> dict[str, object]:
    """A fit and its plan, and the plan as a multiple of the fit."""
    settings: dict[str, object] = (
        {"n_epochs": FEWER_EPOCHS[model]} if is_large and model in FEWER_EPOCHS else {}
    )
    found = measured(source, model, settings, folder / f"{data.name}-{model}")
    planned = plan(data, model, settings)
    with use_threads(1):
        alone = plan(data, model, settings)
    predicted = {
        "memory": planned.memory_bytes,
        "artifact": planned.artifact_bytes,
        "seconds": planned.seconds,
        "processor_s": alone.seconds,
    }
    return {
        "settings": settings,
        "fit": {
            "memory_mb": round(found["memory"] / 1e6, 1),
            "artifact_mb": round(found["artifact"] / 1e6, 2),
            "seconds": round(found["seconds"], 2),
            "processor_s": round(found["processor_s"], 2),
        },
        "plan_of_fit": {name: round(predicted[name] / found[name], 2) for name in predicted},
    }


def rows(models: Sequence[str]) -> Iterator[tuple[str, dict[str, object]]]:
    """Every model on both sets, by name."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large = folder / "million.csv"
        write_generated(large, SHAPES["ml-1m"], rng=0)
        for source in ("ml-100k", str(large)):
            data = load(source)
            for model in models:
                row = compared(data, source, model, folder, is_large=source == str(large))
                yield f"{data.name} {model}", row


def main() -> None:
    """Measure, keep and show the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", default=",".join(sorted(MODELS)))
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    add_rows(given.out, "plans beside whole fit commands", PACKAGES, rows(given.models.split(",")))


if __name__ == "__main__":
    main()
