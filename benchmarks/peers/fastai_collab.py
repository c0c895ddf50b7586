"""Times epochs of fastai's ``collab_learner`` on ml-100k; run by the Python of an environment that has fastai.

Arguments: a CSV with the columns user,item,rating; "dot" or "net"; the number of epochs. Prints JSON.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from typing import Any

import pandas
import torch
from fastai.collab import CollabDataLoaders, collab_learner

SETTINGS: dict[str, dict[str, Any]] = {
    "dot": {"n_factors": 50},
    "net": {"use_nn": True, "emb_szs": {}, "layers": [100, 50]},
}


def main() -> None:
    """Train, and say how long each epoch took, validation left out."""
    path, kind, n_epochs = sys.argv[1], sys.argv[2], int(sys.argv[3])
    loaders = CollabDataLoaders.from_df(pandas.read_csv(path), item_name="item", bs=64, seed=0)
    learner = collab_learner(loaders, y_range=(0, 5.5), **SETTINGS[kind])
    start = time.perf_counter()
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(n_epochs, 5e-3, wd=0.1)
    seconds = time.perf_counter() - start
    loss = float(learner.validate()[0])
    print(
        json.dumps(
            {
                "seconds_per_epoch": seconds / n_epochs,
                "valid_mse": loss,
                "versions": {name: version(name) for name in ("fastai", "torch")},
                "threads": torch.get_num_threads(),
            }
        )
    )


if __name__ == "__main__":
    main()
