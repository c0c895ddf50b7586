"""The main path on ml-100k: accuracy of every model, time of every command, neighbors of a famous film.

Run: python benchmarks/bench_main_path.py [--out benchmarks/results/main_path.json]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from tastemap.data import load, write_table
from tastemap.training import MODELS

RESULTS = Path(__file__).parent / "results" / "main_path.json"
PACKAGES = ("tastemap", "numpy", "polars", "numba", "torch")
COMMAND = Path(sys.executable).with_name("tastemap")
LEAVE_LAST_SEEDS = range(5)
FILM, SEQUELS = "Star Wars (1977)", {172, 181}


def tastemap(*arguments: object, threads: int | None = None) -> Any:
    """The JSON document of one command, run as a process of its own."""
    environment = {**os.environ, **({"TASTEMAP_THREADS": str(threads)} if threads else {})}
    command = [str(COMMAND), *map(str, arguments), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, env=environment).stdout)


def seconds(command: list[str], runs: int = 7) -> dict[str, float]:
    """Wall time of a whole command over `runs` runs, after one that is not counted."""
    taken = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    counted = taken[1:]
    return {
        "median_s": round(statistics.median(counted), 3),
        "min_s": round(min(counted), 3),
        "max_s": round(max(counted), 3),
    }


def folds() -> dict[str, object]:
    """Mean RMSE over the official folds, unknown users and items included."""
    record = tastemap("evaluate", "ml-100k", "--models", "als,dot", "--split", "folds", "--metrics", "rmse")
    return {row["model"]: row["metrics"]["rmse"] for row in record["models"] if "rmse" in row["metrics"]}


def bare_files(folder: Path, rmse_of_fold: dict[str, float]) -> dict[str, object]:
    """Fold 1 from files of user, item and rating alone, fitted, predicted, and scored here."""
    for part in ("train", "test"):
        write_table(load(f"ml-100k:u1.{part}").interactions.frame().drop("timestamp"), folder / f"{part}.csv")
    found: dict[str, object] = {}
    for model in ("bias", "als", "dot"):
        tastemap("fit", folder / "train.csv", "--model", model, "-o", folder / f"bare-{model}")
        tastemap("predict", folder / f"bare-{model}", folder / "test.csv", "--out", folder / "predicted.csv")
        test, predicted = pl.read_csv(folder / "test.csv"), pl.read_csv(folder / "predicted.csv")
        error = float(((test["rating"] - predicted["prediction"]) ** 2).mean() ** 0.5)  # type: ignore[operator]
        found[model] = {"outside": round(error, 6), "evaluate": round(rmse_of_fold[model], 6)}
    return found


def leave_last() -> dict[str, object]:
    """NDCG@10 with every row relevant, full ranking; equal last times are drawn, so over several seeds."""
    found: dict[str, list[float]] = {}
    for seed in LEAVE_LAST_SEEDS:
        options = ("--split", "leave-last", "--relevant-min", 0, "--metrics", "ndcg@10", "--seed", seed)
        for row in tastemap("evaluate", "ml-100k", "--models", "itemknn,ease,ials", *options)["models"]:
            found.setdefault(row["model"], []).append(round(row["metrics"]["ndcg@10"]["value"], 4))
    return {
        model: {"mean": round(statistics.mean(values), 4), "seeds": values} for model, values in found.items()
    }


def commands(folder: Path) -> dict[str, object]:
    """Wall time of whole commands after their first run, kernels cached."""
    tastemap("fit", "ml-100k", "--model", "ials", "-o", folder / "ials")
    python, lists = sys.executable, ["recommend", str(folder / "ials"), "--all", "-k", "10"]
    timed = {
        "tastemap --help": [str(COMMAND), "--help"],
        "fit als": [str(COMMAND), "fit", "ml-100k", "--model", "als", "-o", str(folder / "als")],
        "fit dot": [str(COMMAND), "fit", "ml-100k", "--model", "dot", "-o", str(folder / "dot")],
        "recommend --all": [str(COMMAND), *lists, "--out", str(folder / "lists.csv")],
    }
    found: dict[str, object] = {name: seconds(command) for name, command in timed.items()}
    imports = "import time; start = time.perf_counter(); import tastemap; print(time.perf_counter() - start)"
    runs = [
        float(subprocess.run([python, "-c", imports], check=True, capture_output=True).stdout) for _ in range(7)
    ]
    found["import tastemap"] = {"median_s": round(statistics.median(runs), 4), "max_s": round(max(runs), 4)}
    frame = pl.read_csv(folder / "lists.csv")
    found["lists"] = {
        "users": frame["user_id"].n_unique(),
        "lengths": sorted(set(frame.group_by("user_id").len()["len"].to_list())),
        "seen": frame.join(load("ml-100k").interactions.frame(), on=["user_id", "item_id"], how="inner").height,
    }
    return found


def same_bytes(folder: Path) -> dict[str, bool]:
    """Whether one and two threads give the same artifact bytes, for every registered model."""
    found = {}
    for model in sorted(MODELS):
        digests = []
        for threads in (1, 2):
            out = folder / f"{model}-{threads}"
            tastemap("fit", "ml-100k", "--model", model, "-o", out, threads=threads)
            digests.append({path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.iterdir()})
        found[model] = digests[0] == digests[1]
    return found


def neighbors(folder: Path) -> dict[str, object]:
    """Ranks of the two sequels among the neighbors of a film by cosine."""
    found: dict[str, object] = {}
    for model in ("als", "ials"):
        tastemap("fit", "ml-100k", "--model", model, "-o", folder / model)
        items = tastemap("similar", folder / model, FILM, "-k", 20)["items"]
        found[model] = {row["title"]: row["rank"] for row in items if row["item_id"] in SEQUELS}
    return found


def measure() -> dict[str, object]:
    """Every figure, with the machine, the versions and the seeds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rmse = folds()
        first_fold = {model: estimate["folds"][0] for model, estimate in rmse.items()}  # type: ignore[index]
        return {
            "benchmark": "main path on ml-100k",
            "cores": len(os.sched_getaffinity(0)),
            "load_average_before": round(os.getloadavg()[0], 1),
            "machine": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "versions": {package: version(package) for package in PACKAGES},
            "seed": 0,
            "rmse_official_folds": rmse,
            "rmse_fold_1_from_bare_files": bare_files(folder, first_fold),
            "ndcg_at_10_leave_last": leave_last(),
            "commands": commands(folder),
            "same_bytes_at_1_and_2_threads": same_bytes(folder),
            "neighbors_of_star_wars": neighbors(folder),
        }


def main() -> None:
    """Measure, keep and show the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    figures = measure()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
