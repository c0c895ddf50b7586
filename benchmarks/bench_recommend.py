"""Lists of many users beside implicit's batch `recommend`: the same factors, turn by turn in one run.

Run: make peers; python benchmarks/bench_recommend.py [--rounds 5] [--factors fitted random]

`fitted` are the factors of `ials` on 25 million made-up rows, three epochs; `random` ones are the hard case: no
item is good for everybody. Each round is a process of ours and one of theirs, and each makes all lists three
times. `exact` is the share of lists, of some of the users, that are the best of all scores in float64.
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

from tastemap.data import load
from tastemap.data.generate import SHAPES, write_generated
from tastemap.linalg.types import Float32Array, IntArray
from tastemap.models.factor import FactorModel
from tastemap.training import fit

N_USERS, N_ITEMS, N_FACTORS, N_SEEN, K = 5_000, 59_047, 128, 150, 10
N_CHECKED = 250
REPEATS = 3
SEED = 0


def random_factors(folder: Path, data: Path | None) -> None:
    """Factors, and as many seen items for every user."""
    rng = np.random.default_rng(SEED)
    users, items = (rng.normal(size=(n, N_FACTORS)).astype(np.float32) for n in (N_USERS, N_ITEMS))
    seen = [np.sort(rng.choice(N_ITEMS, N_SEEN, replace=False)) for _ in range(N_USERS)]
    write_arrays(folder, users, items, np.arange(N_USERS + 1) * N_SEEN, np.concatenate(seen))


def fitted_factors(folder: Path, data: Path | None) -> None:
    """Those of a model and what its users have, for some of the users."""
    path = data or folder / "generated.parquet"
    if data is None:
        write_generated(path, SHAPES["ml-25m"], rng=SEED)
    fitted = fit(load(path), "ials", settings={"n_factors": N_FACTORS, "n_epochs": 3}, rng=SEED)
    assert isinstance(fitted.model, FactorModel)
    users = np.random.default_rng(SEED).choice(fitted.model.n_users, N_USERS, replace=False)
    seen = fitted.train.interactions.by_user.take(users)
    write_arrays(folder, fitted.model.user_factors[users], fitted.model.item_factors, seen.indptr, seen.indices)


KINDS = {"fitted": fitted_factors, "random": random_factors}


def write_arrays(
    folder: Path, users: Float32Array, items: Float32Array, indptr: IntArray, indices: IntArray
) -> None:
    """What both sides read."""
    np.save(folder / "user_factors.npy", users)
    np.save(folder / "item_factors.npy", items)
    np.save(folder / "indptr.npy", indptr.astype(np.int64))
    np.save(folder / "indices.npy", indices.astype(np.int32))
    np.save(folder / "values.npy", np.ones(len(indices), np.float32))


def share_exact(folder: Path, out: str) -> float:
    """How many of the checked lists are the exact ones."""
    names = ("user_factors", "item_factors", "indptr", "indices", out)
    users, items, indptr, indices, lists = (np.load(folder / f"{name}.npy") for name in names)
    checked = np.linspace(0, len(users) - 1, N_CHECKED).astype(int)
    scores = users[checked].astype(np.float64) @ items.astype(np.float64).T  # (N_CHECKED, I)
    for row, user in enumerate(checked.tolist()):
        scores[row, indices[indptr[user] : indptr[user + 1]]] = -np.inf
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


def compared(folder: Path, python: Path, rounds: int) -> dict[str, object]:
    """Both sides in turns, on the arrays of a folder."""
    n_items = len(np.load(folder / "item_factors.npy", mmap_mode="r"))
    spec: dict[str, object] = {"folder": str(folder), "k": K, "repeats": REPEATS}
    spec |= {"n_users": N_USERS, "n_items": n_items}
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(run_script(sys.executable, HERE / "_our_lists.py", {**spec, "out": "ours"}))
        theirs.append(run_peer(python, "implicit_lists", {**spec, "out": "theirs"}))
        print(ours[-1], theirs[-1], flush=True)
    mine, other = summary(ours, share_exact(folder, "ours")), summary(theirs, share_exact(folder, "theirs"))
    found: dict[str, object] = {"items": n_items, "tastemap": mine, "implicit": other}
    for figure in ("median_s", "median_processor_s"):
        found[f"{figure}_of_implicit"] = round(float(str(mine[figure])) / float(str(other[figure])), 3)
    return found


def main() -> None:
    """Measure, keep and show the figures."""
    parser = options(__doc__.splitlines()[0] if __doc__ else None, "recommend.json")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--factors", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--data", type=Path, help="a file of such rows, where one is there already")
    given = parser.parse_args()
    record: dict[str, object] = {
        "benchmark": "lists of many users in one batch",
        "machine": machine(),
        "versions": our_versions(),
        "peer_versions": peer_versions(given.peers_python, "implicit", "numpy"),
        "shape": {"users": N_USERS, "factors": N_FACTORS, "k": K},
        "rounds": given.rounds,
        "repeats_a_round": REPEATS,
        "seed": SEED,
    }
    for kind in given.factors:
        with tempfile.TemporaryDirectory() as name:
            KINDS[kind](Path(name), given.data)
            record[kind] = compared(Path(name), given.peers_python, given.rounds)
    keep(given.out, record)
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
