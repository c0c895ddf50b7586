"""Lists of many users beside implicit's batch `recommend`: the same factors, turn by turn in one run.

Run: make peers; python benchmarks/bench_recommend.py [--rounds 5] [--peers-python PATH]

Random factors are the hard case: no item is good for everybody. Each round is a process of ours and one of
theirs, and each makes all lists three times. `exact` is the share of lists, of some of the users, that are the
best of all scores in float64.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from _run import HERE, keep, machine, options, our_versions, peer_versions, run_peer, run_script

N_USERS, N_ITEMS, N_FACTORS, N_SEEN, K = 5_000, 59_047, 128, 150, 10
N_CHECKED = 250
REPEATS = 3
SEED = 0


def write_arrays(folder: Path) -> None:
    """Factors, and as many seen items for every user."""
    rng = np.random.default_rng(SEED)
    for name, n in (("user", N_USERS), ("item", N_ITEMS)):
        np.save(folder / f"{name}_factors.npy", rng.normal(size=(n, N_FACTORS)).astype(np.float32))
    seen = [np.sort(rng.choice(N_ITEMS, N_SEEN, replace=False)) for _ in range(N_USERS)]
    np.save(folder / "indptr.npy", np.arange(N_USERS + 1, dtype=np.int64) * N_SEEN)
    np.save(folder / "indices.npy", np.concatenate(seen).astype(np.int32))
    np.save(folder / "values.npy", np.ones(N_USERS * N_SEEN, np.float32))


def share_exact(folder: Path, out: str) -> float:
    """How many of the checked lists are the exact ones."""
    users, items, indices, lists = (
        np.load(folder / f"{name}.npy") for name in ("user_factors", "item_factors", "indices", out)
    )
    checked = np.linspace(0, N_USERS - 1, N_CHECKED).astype(int)
    scores = users[checked].astype(np.float64) @ items.astype(np.float64).T  # (N_CHECKED, I)
    np.put_along_axis(scores, indices.reshape(N_USERS, N_SEEN)[checked], -np.inf, axis=1)
    exact = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    return float((exact == lists[checked]).all(axis=1).mean())


def summary(rounds: list[dict[str, Any]], exact: float) -> dict[str, object]:
    """Of all rounds of one side."""
    seconds = [one for answer in rounds for one in answer["seconds"]]
    processor = [one for answer in rounds for one in answer["processor_s"]]
    return {
        "median_s": round(statistics.median(seconds), 3),
        "min_s": round(min(seconds), 3),
        "max_s": round(max(seconds), 3),
        "median_processor_s": round(statistics.median(processor), 3),
        "peak_mb": max(answer["peak_mb"] for answer in rounds),
        "exact": exact,
    }


def main() -> None:
    """Measure, keep and show the figures."""
    parser = options(__doc__.splitlines()[0] if __doc__ else None, "recommend.json")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    record: dict[str, object] = {
        "benchmark": "lists of many users in one batch",
        "machine": machine(),
        "versions": our_versions(),
        "peer_versions": peer_versions(given.peers_python, "implicit", "numpy"),
        "shape": {"users": N_USERS, "items": N_ITEMS, "factors": N_FACTORS, "seen": N_SEEN, "k": K},
        "rounds": given.rounds,
        "repeats_a_round": REPEATS,
        "seed": SEED,
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_arrays(folder)
        spec: dict[str, object] = {"folder": name, "k": K, "repeats": REPEATS}
        spec |= {"n_users": N_USERS, "n_items": N_ITEMS}
        ours, theirs = [], []
        for _ in range(given.rounds):
            ours.append(run_script(sys.executable, HERE / "_our_lists.py", {**spec, "out": "ours"}))
            theirs.append(run_peer(given.peers_python, "implicit_lists", {**spec, "out": "theirs"}))
            print(ours[-1], theirs[-1], flush=True)
        record["tastemap"] = mine = summary(ours, share_exact(folder, "ours"))
        record["implicit"] = other = summary(theirs, share_exact(folder, "theirs"))
    for figure in ("median_s", "median_processor_s"):
        record[f"{figure}_of_implicit"] = round(float(str(mine[figure])) / float(str(other[figure])), 3)
    keep(given.out, record)
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
