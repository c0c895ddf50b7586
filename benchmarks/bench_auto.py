"""What ``auto`` chooses on ml-100k, beside every ranking model with its default settings, on a test held out.

``tastemap fit --model auto`` is run as a command on the training part and timed as a whole; its choice and all
registered ranking models, fitted with default settings to the same rows, are measured on the same test rows.
Several seeds make several tests: another fifth of the rows, or other last interactions, as many ratings of
ml-100k share their time. Differences are means over users and seeds; a user's tests count as one in their
standard error. The best single model is the best by these tests, so its figure is a little flattering.
Run: python benchmarks/bench_auto.py [--budget 60s] [--splits random,leave-last] [--seeds 0,1,2] [--out FILE]
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


PerUser = tuple[np.ndarray, np.ndarray]


def per_user(model: Recommender, test: Dataset) -> PerUser:
    """Ids of the test users with a relevant row, and their NDCG@10."""
    rows = test.interactions
    bound = relevance_bound(rows, model.train.interactions, None)
    fold = make_fold(model.train, test, rows.users, bound=bound)
    above, counted = measure(model, fold, [METRIC], 10).sums[METRIC]
    return rows.users.ids.to_numpy()[counted > 0], above[counted > 0]


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


def one_test(kind: str, budget: str, seed: int) -> tuple[dict[str, Any], dict[str, PerUser]]:
    """What auto did on one split, and the figures of its choice and of all single models by user."""
    train, test = tm.train_test_split(tm.load_data("ml-100k"), kind, rng=seed)
    with tempfile.TemporaryDirectory() as folder:
        said, seconds = run_auto(train, budget, Path(folder))
        chosen = tm.load(Path(folder) / "model")
        figures = {"auto": per_user(chosen, test)}
    for name in SIMPLEST_FIRST["ranking"]:
        figures[name] = per_user(tm.fit(train, name, rng=seed), test)
    run = {
        "seed": seed,
        "chosen": Candidate(chosen.name, chosen.resolved.model_dump(exclude_defaults=True)).label,
        "seconds": seconds,
        METRIC: {name: round(float(values.mean()), 4) for name, (_, values) in figures.items()},
        "raced": {label(one): [round(one["value"], 4), one["n_folds"]] for one in said["leaderboard"]},
        "left_out": {label(one): one["reason"] for one in said["left_out"]},
        "notes": said["choice"],
    }
    return run, figures


def paired(ids: np.ndarray, change: np.ndarray) -> tuple[float, float]:
    """The mean of a change, and its standard error where the rows of a user belong together."""
    mean = float(change.mean())
    _, place = np.unique(ids, return_inverse=True)
    of_users = np.bincount(place, weights=change - mean)
    return mean, float(np.sqrt(np.square(of_users).sum()) / len(change))


def measured(kind: str, budget: str, seeds: list[int]) -> dict[str, Any]:
    """One kind of split: the choice of auto beside single models, over all seeds."""
    runs, tests = zip(*(one_test(kind, budget, seed) for seed in seeds), strict=True)
    joined = {name: np.concatenate([figures[name][1] for figures in tests]) for name in tests[0]}
    ids = np.concatenate([figures["auto"][0] for figures in tests])
    single = {name: float(values.mean()) for name, values in joined.items() if name != "auto"}
    best = max(single, key=lambda name: single[name])
    change, error = paired(ids, joined["auto"] - joined[best])
    return {
        "split": kind,
        "auto": round(float(joined["auto"].mean()), 4),
        "most_seconds": max(run["seconds"] for run in runs),
        "single": {name: round(value, 4) for name, value in single.items()},
        "best_single": best,
        "difference": round(change, 4),
        "share_of_best": round(change / single[best], 4),
        "standard_error": round(error, 4),
        "holds": bool(change >= -0.02 * single[best] or change >= -error),
        "clearly_worse": bool(change < -1.96 * error),
        "runs": list(runs),
    }


def main() -> None:
    """Measure, print and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", default="60s")
    parser.add_argument("--splits", default="random,leave-last")
    parser.add_argument("--seeds", default="0,1,2")
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
        found = measured(kind, given.budget, [int(seed) for seed in given.seeds.split(",")])
        print(json.dumps(found), flush=True)
        splits.append(found)
    given.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
