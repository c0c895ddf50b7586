"""Every model beside its peers on ml-100k: fit seconds, peak memory, RMSE or NDCG@10 over the official folds.

All read the same arrays and use two threads; one scorer has the predictions and the scores of all items.
Ratings: RMSE of test rows whose user and item are known. Lists: full ranking, training rows masked, a test
row of 4 stars or more is relevant. Our models have their defaults, the peers what their documentation uses in
its examples; irspack, whose losses are those of ``ials`` and ``ease``, has our settings of them. Ours are saved
and loaded before they are scored.

Run: make peers && python benchmarks/bench_quality.py [--folds 1 2 3 4 5] [--systems als myfm:MyFMRegressor]
All systems take turns on a fold; the record is kept after each fit. What it holds of other folds and systems
stays, if it was measured with the same settings and versions.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from _parts import Parts, parts_of, sample_users, score_dense, score_ratings, write_parts
from _run import keep, machine, options, our_versions, peer_versions, run_ours, run_peer

from tastemap.data import load

RELEVANT_MIN = 4.0
K = 10
PEER_PACKAGES = ("scikit-surprise", "lenskit", "myfm", "libmf", "implicit", "irspack")
METRICS = {"rating": "rmse", "ranking": f"ndcg@{K}"}

OURS = {
    "rating": ["bias", "als", "gibbs", "dot", "mlp"],
    "ranking": ["popularity", "itemknn", "ease", "ials", "softmax"],
}
PEERS: dict[str, dict[str, dict[str, Any]]] = {
    "rating": {
        "surprise:SVD": {},
        "surprise:SVDpp": {"cache_ratings": True},
        "surprise:KNNBaseline": {},
        "lenskit:BiasedMF": {},
        "lenskit:ItemKNN": {"max_nbrs": 20, "feedback": "explicit"},
        "myfm:MyFMRegressor": {"rank": 10, "n_iter": 200},
        "libmf:MF": {},
    },
    "ranking": {
        "implicit:als": {"factors": 64, "regularization": 0.05, "alpha": 2.0},
        "implicit:bm25": {"K": 20},
        "irspack:ials": {"n_components": 64, "alpha0": 1.0, "reg": 0.002, "train_epochs": 30},
        "irspack:DenseSLIM": {"reg": 200.0},
        "lenskit:ImplicitMF": {},
    },
}


def run(parts: Parts, python: Path, objective: str, system: str) -> dict[str, float]:
    """One fit of one system to one fold, and the load of the machine before it."""
    relevant = parts.test_values >= RELEVANT_MIN
    positive = replace(parts, test_users=parts.test_users[relevant], test_items=parts.test_items[relevant])
    users = sample_users(positive, parts.train.n_users)
    load_before = round(os.getloadavg()[0], 1)
    with tempfile.TemporaryDirectory() as name:
        spec: dict[str, Any] = {**write_parts(Path(name), parts, users), "out": "system", "seed": 0}
        if system in PEERS[objective]:
            answer = run_peer(
                python, "quality", {**spec, "system": system, "settings": PEERS[objective][system]}
            )
        else:
            kept = "predictions" if objective == "rating" else "scores"
            answer = run_ours({**spec, "model": system, "settings": {}, "n_epochs": None, "keep": kept})
        found = np.load(Path(name) / "system-0.npy")
    figure = score_ratings(parts, found) if objective == "rating" else score_dense(positive, users, found, K)
    return {
        METRICS[objective]: round(figure, 4),
        "fit_s": answer["iteration_s"][0],
        "peak_mb": answer["peak_mb"],
        "load_before": load_before,
    }


def summary(objective: str, runs: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Medians of what depends on the machine, the mean of the figure over folds, and what each fold gave."""
    metric, own = METRICS[objective], runs.values()
    return {
        metric: round(statistics.mean(one[metric] for one in own), 4),
        "fit_s": round(statistics.median(one["fit_s"] for one in own), 3),
        "peak_mb": round(statistics.median(one["peak_mb"] for one in own)),
        "load_before": round(statistics.median(one["load_before"] for one in own), 1),
        "folds": dict(sorted(runs.items())),
    }


def begun(path: Path, record: dict[str, Any]) -> dict[str, Any]:
    """`record` with what the file holds of both objectives, if that was measured in the same way."""
    held: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    same = all(held.get(name) == record[name] for name in ("settings", "versions", "peer_versions"))
    return record | {objective: held.get(objective, {}) if same else {} for objective in OURS}


def main() -> None:
    """Every system on every fold, fold by fold; the record is kept after each fit."""
    parser = options(__doc__, "quality.json")
    parser.add_argument("--folds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--systems", nargs="+", help="only these, for a quick look")
    given = parser.parse_args()
    data = load("ml-100k").interactions
    assert data.folds is not None, "ml-100k has official folds"
    record: dict[str, Any] = {"data": "ml-100k", "relevant_min": RELEVANT_MIN, "machine": machine()}
    record |= {"versions": our_versions("torch"), "settings": PEERS}
    record["peer_versions"] = peer_versions(given.peers_python, *PEER_PACKAGES)
    record = begun(given.out, record)
    for fold in given.folds:
        parts = parts_of(data.select(data.folds != fold), data.select(data.folds == fold))
        for objective, models in OURS.items():
            for system in (*models, *PEERS[objective]):
                if given.systems and system not in given.systems:
                    continue
                runs = record[objective].get(system, {}).get("folds", {})
                found = run(parts, given.peers_python, objective, system)
                record[objective][system] = summary(objective, {**runs, str(fold): found})
                print(f"fold {fold}", system, found, flush=True)
                keep(given.out, record)


if __name__ == "__main__":
    main()
