"""What the scripts of this folder share: reading the arrays, keeping factors, answering."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from scipy import sparse

T = TypeVar("T")


class Task:
    """The spec of a run, its training matrix, and the seconds of what has been done."""

    def __init__(self) -> None:
        self.spec: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
        start = time.perf_counter()
        indptr, indices, values = (self.array(name) for name in ("indptr", "indices", "values"))
        shape = (self.spec["n_users"], self.spec["n_items"])
        self.train = sparse.csr_matrix((values, indices, indptr.astype(np.int32)), shape=shape)
        self.seconds: dict[str, float] = {"load_s": time.perf_counter() - start}
        self.iterations: list[float] = []

    def array(self, name: str) -> Any:
        """One array of the folder."""
        return np.load(Path(self.spec["folder"]) / f"{name}.npy")

    def ones(self) -> Any:
        """The training matrix with a one for every interaction."""
        ones = self.train.copy()
        ones.data[:] = 1.0
        return ones

    def table(self, user: str, item: str) -> Any:
        """The training rows as a pandas table with the columns `user`, `item` and ``rating``."""
        import pandas

        rows = self.train.tocoo()
        return pandas.DataFrame({user: rows.row, item: rows.col, "rating": rows.data})

    def prepared(self, make: Callable[[], T]) -> T:
        """What a peer makes before its first iteration; its time is ``prepare_s``."""
        start = time.perf_counter()
        made = make()
        self.seconds["prepare_s"] = time.perf_counter() - start
        return made

    def timed(self, work: Callable[[], object]) -> None:
        """Do the work of one fit, as the only iteration."""
        start = time.perf_counter()
        work()
        self.iterations.append(time.perf_counter() - start)

    def keep(self, **arrays: Any) -> None:
        """Write arrays of the latest iteration: ``users=`` and ``items=``, or ``predictions=``."""
        for name, array in arrays.items():
            ending = "" if name == "predictions" else f"-{name}"
            path = Path(self.spec["folder"]) / f"{self.spec['out']}-{len(self.iterations) - 1}{ending}.npy"
            np.save(path, array)

    def answer(self, **more: object) -> None:
        """Print the JSON line that the caller waits for."""
        seconds = {name: round(value, 3) for name, value in self.seconds.items()}
        print()  # ends what a progress bar may have left
        print(json.dumps({**seconds, "iteration_s": [round(value, 3) for value in self.iterations], **more}))


def lenskit_data(task: Task) -> Any:
    """The training part as a data set of LensKit."""
    from lenskit.data import from_interactions_df

    return from_interactions_df(task.table("user_id", "item_id"))


def surprise_data(task: Task) -> Any:
    """The training part as a training set of Surprise."""
    from surprise import Dataset, Reader

    reader = Reader(rating_scale=tuple(task.spec["scale"]))
    return Dataset.load_from_df(task.table("user", "item"), reader).build_full_trainset()
