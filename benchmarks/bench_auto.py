"""What ``auto`` chooses on ml-100k, beside every ranking model with its default settings, on a test held out.

``tastemap fit --model auto`` is run as a command on the training part and timed as a whole; what it chose and
the models fitted with default settings to the same rows are measured on the same test rows.
Run: python benchmarks/bench_auto.py [--budget 60s] [--splits random,leave-last] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import tastemap as tm
from tastemap.data import Dataset
from tastemap.data.writing import write_table
from tastemap.evaluation.fold import make_fold, relevance_bound
from tastemap.evaluation.measure import measure
from tastemap.models.recommender import Recommender
from tastemap.tuning.candidates import SIMPLEST_FIRST, Candidate

RESULTS = Path(__file__).parent / "results" / "auto.json"
METRIC = "ndcg@10"


def per_user(model: Recommender, test: Dataset) -> np.ndarray:
    """NDCG@10 of each test user with a relevant row."""
    rows = test.interactions
    bound = relevance_bound(rows, model.train.interactions, None)
    fold = make_fold(model.train, test, rows.users, bound=bound)
    above, counted = measure(model, fold, [METRIC], 10).sums[METRIC]
    return above[counted > 0]


def run_auto(train: Dataset, budget: str, folder: Path) -> tuple[dict[str, Any], float]:
    """What the command printed, and how long it took."""
    source, out = folder / "train.csv", folder / "model"
    write_table(train.interactions.frame(), source)
    words = [
        "fit",
        source,
        "--model",
        "auto",
        "--objective",
        "ranking",
        "--budget",
        budget,
        "-o",
        out,
        "--json",
    ]
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "tastemap", *map(str, words)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout), round(time.perf_counter() - start, 2)


def label(one: dict[str, Any]) -> str:
    """A candidate by name."""
    return Candidate(one["model"], one["settings"]).label


def measured(kind: str, budget: str) -> dict[str, Any]:
    """One split: the choice of auto beside single models."""
    train, test = tm.train_test_split(tm.load_data("ml-100k"), kind, rng=0)
    with tempfile.TemporaryDirectory() as folder:
        said, seconds = run_auto(train, budget, Path(folder))
        chosen = tm.load(Path(folder) / "model")
        figures = {"auto": per_user(chosen, test)}
    for name in SIMPLEST_FIRST["ranking"]:
        figures[name] = per_user(tm.fit(train, name, rng=0), test)
    single = {name: float(of_users.mean()) for name, of_users in figures.items() if name != "auto"}
    best = max(single, key=lambda name: single[name])
    change = figures["auto"] - figures[best]
    share = float(change.mean() / figures[best].mean())
    error = float(change.std(ddof=1) / np.sqrt(len(change)))
    return {
        "split": kind,
        "auto": {
            "chosen": Candidate(chosen.name, chosen.resolved.model_dump(exclude_defaults=True)).label,
            "seconds": seconds,
            METRIC: round(float(figures["auto"].mean()), 4),
            "raced": {label(one): round(one["value"], 4) for one in said["leaderboard"]},
            "left_out": {label(one): one["reason"] for one in said["left_out"]},
        },
        "single": {name: round(value, 4) for name, value in single.items()},
        "best_single": best,
        "difference": round(float(change.mean()), 4),
        "share_of_best": round(share, 4),
        "standard_error": round(error, 4),
        "holds": bool(share >= -0.02 or change.mean() >= -error),
        "clearly_worse": bool(change.mean() < -1.96 * error),
    }


def main() -> None:
    """Measure, print and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", default="60s")
    parser.add_argument("--splits", default="random,leave-last")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    splits: list[dict[str, Any]] = []
    result = {
        "benchmark": f"auto --objective ranking --budget {given.budget} on ml-100k, test {METRIC}",
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("tastemap", "torch", "numpy")},
        "splits": splits,
    }
    for kind in given.splits.split(","):
        found = measured(kind, given.budget)
        print(json.dumps(found), flush=True)
        splits.append(found)
    given.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
