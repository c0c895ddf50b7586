"""Lists of all users by implicit's ``AlternatingLeastSquares.recommend``, in one batch.

Argument: a spec as ``peer_arrays.Task`` reads it, with ``k`` and ``repeats``; the folder has the factors too.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from peer_arrays import Task


def main() -> None:
    """Make the lists some times, keep the last ones, say how long each time took."""
    task = Task()
    spec = task.spec
    model = AlternatingLeastSquares(factors=1, num_threads=spec["threads"])
    model.user_factors, model.item_factors = task.array("user_factors"), task.array("item_factors")
    users = np.arange(spec["n_users"])
    model.recommend(users[:64], task.train[:64], N=spec["k"])
    seconds, processor = [], []
    for _ in range(spec["repeats"]):
        start, busy = time.perf_counter(), time.process_time()
        lists, _ = model.recommend(users, task.train, N=spec["k"])
        seconds.append(time.perf_counter() - start)
        processor.append(time.process_time() - busy)
    np.save(Path(spec["folder"]) / f"{spec['out']}.npy", lists)
    print(json.dumps({"seconds": seconds, "processor_s": processor}))


if __name__ == "__main__":
    main()
