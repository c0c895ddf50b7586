"""Epochs of ``dot`` on 25 million made-up ratings by lazy steps, beside ``als``: seconds, peak memory, quality.

Each model is fitted in a fresh process to the same 98 % of the rows; the rest is the test.
Run: python benchmarks/bench_dot_large.py [--shape ml-25m] [--data FILE] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tastemap.data import Dataset, load
from tastemap.data.generate import SHAPES, write_generated
from tastemap.inference.predict import score_pairs
from tastemap.metrics import rating as metrics
from tastemap.models.base import Model
from tastemap.training.registry import get, make_config

RESULTS = Path(__file__).parent / "results" / "dot_large.json"
SETTINGS: dict[str, dict[str, object]] = {
    "dot": {
        "n_factors": 64,
        "batch_size": 65_536,
        "lazy_steps": True,
        "learning_rate": 0.01,
        "n_epochs": 4,
        "device": "cpu",
    },
    "als": {},
}
TEST_FRACTION = 0.02


def known_rmse(model: Model, train: Dataset, test: Dataset) -> float:
    """Of the test rows whose user and item are known."""
    rows, learned = test.interactions, train.interactions
    users = learned.users.indices(rows.users.ids)[rows.user_index]
    items = learned.items.indices(rows.items.ids)[rows.item_index]
    known = (users >= 0) & (items >= 0)
    predicted = model.link.apply(score_pairs(model, users[known], items[known]))
    return metrics.rmse(rows.values[known], predicted)


def measure(name: str, path: Path) -> dict[str, object]:
    """Fit one model in this process, epoch by epoch."""
    data = load(path)
    held = np.random.default_rng(0).random(len(data.interactions)) < TEST_FRACTION
    train, test = data.select(~held), data.select(held)
    del data
    seconds, errors = [], []
    epochs = get(name).epochs
    assert epochs is not None
    start = time.perf_counter()
    for epoch in epochs(train, make_config(name, SETTINGS[name]), rng=np.random.default_rng(0)):
        seconds.append(round(time.perf_counter() - start, 2))
        if name == "dot":  # each of the few epochs; als is measured after its last
            errors.append(round(known_rmse(epoch.model, train, test), 4))
        start = time.perf_counter()
    model = epoch.model
    peak = int(re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0])
    return {
        "settings": SETTINGS[name],
        "n_train": len(train.interactions),
        "epoch_s": seconds,
        "peak_gb": round(peak / 2**20, 2),
        "test_rmse": errors or [round(known_rmse(model, train, test), 4)],
    }


def measured_apart(name: str, path: Path) -> dict[str, object]:
    """The same in a fresh process, whose peak memory is its own."""
    command = [sys.executable, __file__, "--only", name, "--data", str(path)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    answer: dict[str, object] = json.loads(run.stdout.splitlines()[-1])
    return answer


def main() -> None:
    """Measure both models, print and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="ml-25m")
    parser.add_argument("--data", type=Path, help="a file made before, in place of a new one")
    parser.add_argument("--only", choices=sorted(SETTINGS), help="one model, in this process")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    if given.only:
        print(json.dumps(measure(given.only, given.data)))
        return
    result: dict[str, object] = {
        "benchmark": "fit to made-up ratings, 98 % of the rows, the rest is the test",
        "shape": given.shape,
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("tastemap", "torch", "numpy", "numba")},
    }
    with tempfile.TemporaryDirectory() as folder:
        path = given.data or Path(folder) / "ratings.parquet"
        if given.data is None:
            write_generated(path, SHAPES[given.shape], rng=0)
        for name in SETTINGS:
            result[name] = measured_apart(name, path)
            print(name, result[name], flush=True)
    given.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
