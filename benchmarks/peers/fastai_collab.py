"""Times epochs of fastai's ``collab_learner`` on ml-100k; run by the Python of an environment that has fastai.

Argument: the path of a JSON file with ``path`` (a CSV with the columns user,item,rating,held; 1: a row of the
test), ``case`` ("dot" or "net"), ``n_epochs`` and ``threads``. Prints JSON.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas
import torch
from fastai.callback.core import Callback
from fastai.collab import TabularCollab, collab_learner
from fastai.data.block import TransformBlock
from fastai.tabular.core import Categorify

SETTINGS: dict[str, dict[str, Any]] = {
    "dot": {"n_factors": 50},
    "net": {"use_nn": True, "emb_szs": {}, "layers": [100, 50]},
}


class Clock(Callback):  # type: ignore[misc]
    """Adds up the time of training, validation left out."""

    def before_fit(self) -> None:
        """Start from nothing."""
        self.seconds = 0.0

    def before_train(self) -> None:
        """Start an epoch."""
        self.start = time.perf_counter()

    def after_train(self) -> None:
        """End it."""
        self.seconds += time.perf_counter() - self.start


def main() -> None:
    """Train, and say how long each epoch took, validation left out."""
    spec = json.loads(Path(sys.argv[1]).read_text())
    kind, n_epochs = spec["case"], spec["n_epochs"]
    torch.set_num_threads(spec["threads"])
    rows = pandas.read_csv(spec["path"])
    parts = [rows.index[rows["held"] == held].tolist() for held in (0, 1)]
    table = TabularCollab(
        rows, [Categorify], ["user", "item"], y_names=["rating"], y_block=TransformBlock(), splits=parts
    )
    learner = collab_learner(table.dataloaders(bs=64), y_range=(0, 5.5), **SETTINGS[kind])
    clock = Clock()
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(n_epochs, 5e-3, wd=0.1, cbs=clock)
    seconds = clock.seconds
    loss = float(learner.validate()[0])
    print(
        json.dumps(
            {
                "seconds_per_epoch": seconds / n_epochs,
                "test_mse": loss,
                "versions": {name: version(name) for name in ("fastai", "torch")},
            }
        )
    )


if __name__ == "__main__":
    main()
