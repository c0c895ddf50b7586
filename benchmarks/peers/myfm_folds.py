"""Fits myFM to one fold and predicts its test rows; run by the Python of the environment of the peers.

Argument: a JSON file with ``folder``, ``form``, ``n_iter``, ``rank``, ``seed`` and ``threads``. The folder
holds the arrays ``train_users``, ``train_items``, ``train_values``, ``test_users``, ``test_items`` (-1 where
a side is not known) and the indicators ``user_columns`` and ``item_columns``. Forms: ``plain`` takes ids
alone, ``histories`` adds which items a user has rated and who has rated an item (each entry one over the root
of their number), ``features`` adds the columns. Building the matrices is not timed. Predictions go to
``predictions.npy``; prints JSON.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

warnings.filterwarnings("ignore", category=UserWarning)  # of pkg_resources, which myFM imports

import myfm  # noqa: E402


def side(own: Any, other: Any, n_other: int, columns: Any, form: str) -> tuple[Any, list[int]]:
    """Features of every user (or item), zeros last for those not known; and the sizes of their groups."""
    n = len(columns)
    parts = [sparse.identity(n, format="csr")]
    if form != "plain":
        weights = 1.0 / np.sqrt(np.maximum(np.bincount(own, minlength=n), 1))
        parts.append(sparse.csr_matrix((weights[own], (own, other)), shape=(n, n_other)))
    if form == "features":
        parts.append(sparse.csr_matrix(columns))
    rows = sparse.hstack(parts)
    unknown = sparse.csr_matrix((1, rows.shape[1]))
    return sparse.vstack([rows, unknown]).tocsr().astype(np.float64), [part.shape[1] for part in parts]


def main() -> None:
    """Fit and predict; the clock runs from the matrices in memory to the predictions."""
    spec = json.loads(Path(sys.argv[1]).read_text())
    folder, form = Path(spec["folder"]), spec["form"]
    names = ("users", "items")
    train = [np.load(folder / f"train_{name}.npy") for name in names]
    test = [np.load(folder / f"test_{name}.npy") for name in names]
    columns = [np.load(folder / f"{name}_columns.npy") for name in ("user", "item")]
    values = np.load(folder / "train_values.npy").astype(np.float64)
    sides = [side(train[k], train[1 - k], len(columns[1 - k]), columns[k], form) for k in (0, 1)]
    groups = [size for _, sizes in sides for size in sizes]
    start = time.perf_counter()
    fitted = [myfm.RelationBlock(train[k].tolist(), sides[k][0]) for k in (0, 1)]
    asked = [
        myfm.RelationBlock(np.where(test[k] < 0, len(columns[k]), test[k]).tolist(), sides[k][0])
        for k in (0, 1)
    ]
    model = myfm.MyFMRegressor(rank=spec["rank"], random_seed=spec["seed"])
    model.fit(None, values, X_rel=fitted, n_iter=spec["n_iter"], group_shapes=groups)
    predictions = model.predict(None, X_rel=asked, n_workers=spec["threads"])
    seconds = time.perf_counter() - start
    np.save(folder / "predictions.npy", predictions)
    print(json.dumps({"fit_s": round(seconds, 3)}))


if __name__ == "__main__":
    main()
