"""Epochs of ``dot`` and ``mlp`` on ml-100k beside fastai's ``collab_learner``, turn by turn in one run.

Run: make peers && python benchmarks/bench_neural.py [--rounds 3]
"""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from _run import keep, machine, options, our_versions, run_peer

from tastemap.data import Dataset, load
from tastemap.linalg.types import BoolArray
from tastemap.training.registry import get, make_config

N_EPOCHS = 5

SHARED: dict[str, object] = {
    "batch_size": 64,
    "n_epochs": N_EPOCHS,
    "learning_rate": 5e-3,
    "optimizer": "adamw",
    "weight_decay": 0.1,
    "init": "truncated-normal",
    "init_std": 0.01,
    "global_mean": False,
    "range_low": 0.0,
    "range_high": 5.5,
}
CASES: dict[str, tuple[str, dict[str, object]]] = {
    "dot": ("dot", {**SHARED, "n_factors": 50, "bias_init_std": 0.01, "bias_share": 1.0}),
    "net": ("mlp", {**SHARED, "layers": (100, 50), "batch_norm": True}),
}


def held_out(data: Dataset) -> BoolArray:
    """A random fifth of the rows as the test part, the same for both."""
    held = np.zeros(len(data.interactions), np.bool_)
    held[np.random.default_rng(0).permutation(len(held))[: len(held) // 5]] = True
    return held


def split(data: Dataset) -> tuple[Dataset, Dataset]:
    """The training and the test part."""
    held = held_out(data)
    return (
        replace(data, interactions=data.interactions.select(~held)),
        replace(data, interactions=data.interactions.select(held)),
    )


def ours(case: str, train: Dataset, test: Dataset) -> tuple[float, float]:
    """Seconds an epoch, and the mean squared error on known test rows after the last one."""
    name, settings = CASES[case]
    start = time.perf_counter()
    *_, last = get(name).epochs(train, make_config(name, settings), rng=np.random.default_rng(0))  # type: ignore[misc]
    seconds = (time.perf_counter() - start) / N_EPOCHS
    rows, learned = test.interactions, train.interactions
    users = learned.users.indices(rows.users.ids)[rows.user_index]
    items = learned.items.indices(rows.items.ids)[rows.item_index].astype(np.int32)
    known = (users >= 0) & (items >= 0)
    scores = last.model.users(users[known]).score(items[known][:, None])[:, 0]
    errors = last.model.link.apply(scores) - rows.values[known]
    return seconds, float(np.mean(errors**2))


def peer(case: str, python: Path, path: Path) -> dict[str, Any]:
    """The same by fastai, in its own process."""
    return run_peer(python, "fastai_collab", {"path": str(path), "case": case, "n_epochs": N_EPOCHS})


def measure(case: str, data: Dataset, python: Path, rounds: int, path: Path) -> dict[str, object]:
    """Medians over rounds that take turns."""
    train, test = split(data)
    mine, theirs = [], []
    for _ in range(rounds):
        mine.append(ours(case, train, test))
        theirs.append(peer(case, python, path))
    seconds = statistics.median(one for one, _ in mine)
    peer_seconds = statistics.median(one["seconds_per_epoch"] for one in theirs)
    return {
        "epoch_s": round(seconds, 3),
        "test_mse": round(mine[-1][1], 4),
        "fastai_epoch_s": round(peer_seconds, 3),
        "fastai_test_mse": round(theirs[-1]["test_mse"], 4),
        "fastai": theirs[-1]["versions"],
        "ratio": round(peer_seconds / seconds, 2),
    }


def main() -> None:
    """Measure both cases, print and keep the result."""
    parser = options(__doc__, "neural.json")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    data = load("ml-100k")
    result: dict[str, object] = {
        "benchmark": "seconds of an epoch, batch size 64, ml-100k",
        "machine": machine(),
        "versions": our_versions("torch"),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ratings.csv"
        frame = data.interactions.frame().select(user="user_id", item="item_id", rating="rating")
        frame.with_columns(held=pl.Series(held_out(data)).cast(pl.Int8)).write_csv(path)
        for case in CASES:
            result[case] = measure(case, data, given.peers_python, given.rounds, path)
            print(case, result[case], flush=True)
            keep(given.out, result)


if __name__ == "__main__":
    main()
