"""Every model beside its peers on ml-100k: fit seconds, peak memory, RMSE or NDCG@10 over the official folds.

All read the same arrays and use two threads; one scorer has the predictions and the scores of all items.
Ratings: RMSE of test rows whose user and item are known. Lists: full ranking, training rows masked, a test
row of 4 stars or more is relevant. Our models have their defaults, the peers what their documentation uses in
its examples; irspack, whose losses are those of ``ials`` and ``ease``, has our settings of them.

Run: make peers && python benchmarks/bench_quality.py [--folds 1 2 3 4 5]
"""

from __future__ import annotations

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
PEER_PACKAGES = ("scikit-surprise", "lenskit", "myfm", "implicit", "irspack")

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
    """One fit of one system to one fold."""
    relevant = parts.test_values >= RELEVANT_MIN
    positive = replace(parts, test_users=parts.test_users[relevant], test_items=parts.test_items[relevant])
    users = sample_users(positive, parts.train.n_users)
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
    return {"fit_s": answer["iteration_s"][0], "peak_mb": answer["peak_mb"], "figure": figure}


def summary(objective: str, runs: list[dict[str, float]]) -> dict[str, float]:
    """Medians of what depends on the machine, the mean of the figure over folds."""
    metric = "rmse" if objective == "rating" else f"ndcg@{K}"
    return {
        metric: round(statistics.mean(one["figure"] for one in runs), 4),
        "fit_s": round(statistics.median(one["fit_s"] for one in runs), 3),
        "peak_mb": round(statistics.median(one["peak_mb"] for one in runs)),
    }


def main() -> None:
    """Every system on every fold; the record is kept after each."""
    parser = options(__doc__, "quality.json")
    parser.add_argument("--folds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--systems", nargs="+", help="only these, for a quick look")
    given = parser.parse_args()
    data = load("ml-100k").interactions
    assert data.folds is not None, "ml-100k has official folds"
    parts = [parts_of(data.select(data.folds != fold), data.select(data.folds == fold)) for fold in given.folds]
    record: dict[str, Any] = {"data": "ml-100k", "folds": given.folds, "relevant_min": RELEVANT_MIN}
    record |= {"machine": machine(), "versions": our_versions("torch"), "settings": PEERS}
    record["peer_versions"] = peer_versions(given.peers_python, *PEER_PACKAGES)
    for objective, models in OURS.items():
        entry: dict[str, dict[str, float]] = record.setdefault(objective, {})
        for system in (*models, *PEERS[objective]):
            if given.systems and system not in given.systems:
                continue
            runs = [run(fold, given.peers_python, objective, system) for fold in parts]
            entry[system] = summary(objective, runs)
            print(system, entry[system], flush=True)
            keep(given.out, record)


if __name__ == "__main__":
    main()
