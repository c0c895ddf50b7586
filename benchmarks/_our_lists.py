"""Lists of all users from the factors of a folder, as ``peers/implicit_lists.py`` makes them."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from tastemap.inference.lists import top_lists
from tastemap.linalg.csr import CSR
from tastemap.models.base import Link
from tastemap.models.factor import FactorModel


def main() -> None:
    """Make the lists some times, keep the last ones, say how long each time took."""
    spec = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(spec["folder"])
    names = ("user_factors", "item_factors", "indptr", "indices", "values")
    users, items, indptr, indices, values = (np.load(folder / f"{name}.npy") for name in names)
    nothing = np.zeros(len(users), np.float32), np.zeros(len(items), np.float32)
    model = FactorModel(users, items, *nothing, 0.0, Link(), None)
    seen = CSR(indptr, indices, values, len(items))
    top_lists(model.users(np.arange(64)), spec["k"], seen=seen.take(np.arange(64)))  # compiles
    seconds, processor = [], []
    for _ in range(spec["repeats"]):
        start, busy = time.perf_counter(), time.process_time()
        lists, _ = top_lists(model.users(np.arange(len(users))), spec["k"], seen=seen)
        seconds.append(time.perf_counter() - start)
        processor.append(time.process_time() - busy)
    np.save(folder / f"{spec['out']}.npy", lists)
    print(json.dumps({"seconds": seconds, "processor_s": processor}))


if __name__ == "__main__":
    main()
