"""NDCG@10 and recall@10 on the LastFM split of LightGCN's tables, settings chosen on its validation part.

Every model is fitted to ``train.txt`` alone. The fit with the highest NDCG@10 on ``valid.txt`` is saved, loaded
and measured on ``test.txt``; only training rows are masked. ``PUBLISHED`` are figures of others on the same
files and protocol.

Run: TASTEMAP_MIRROR=FOLDER python benchmarks/bench_lastfm.py [--zip lastfm-implicit.zip] [--models ials ease]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

from _run import RESULTS, machine, our_versions

from tastemap.artifacts import load as load_artifact
from tastemap.artifacts import save
from tastemap.data import Dataset, load
from tastemap.evaluation import evaluate_recommender
from tastemap.evaluation.records import ModelResult
from tastemap.models.recommender import Recommender
from tastemap.training import fit

SEED = 0
METRICS = ["ndcg@10", "recall@10"]
PUBLISHED = {
    "LightGCN": {"ndcg@10": 0.1996, "recall@10": 0.1741},
    "LightGCN++": {"ndcg@10": 0.2171, "recall@10": 0.1889},
    "irspack iALS, untuned": {"ndcg@10": 0.2084, "recall@10": 0.1829},
}
FIXED: dict[str, dict[str, object]] = {
    "ials": {"n_epochs": 8, "validation_fraction": 0.0},
}
GRIDS: dict[str, list[dict[str, object]]] = {
    "ials": [
        {"n_factors": d, "unobserved_weight": a0, "regularization": value}
        for d, a0, value in (
            (64, 0.03, 0.02),
            (64, 0.045, 0.0145),
            (64, 0.06, 0.012),
            (64, 0.09, 0.009),
            (128, 0.06, 0.0135),
        )
    ],
    "ease": [
        {"regularization": value, "frequency_power": p}
        for p, value in ((0.0, 100.0), (0.0, 200.0), (0.25, 35.0), (0.25, 70.0), (0.5, 10.0), (0.5, 20.0))
    ],
    "itemknn": [{"n_neighbors": n, "shrinkage": h} for n in (50, 200, 1000) for h in (0.0, 10.0)],
}


def figures(result: ModelResult) -> dict[str, float]:
    """The figures of one model."""
    return {name: round(result.metrics[name].value, 4) for name in METRICS}


def choose(model: str, train: Dataset, valid: Dataset) -> tuple[Recommender, list[dict[str, object]]]:
    """The fit with the highest NDCG@10 on the validation part, and the figures of every trial."""
    trials: list[dict[str, object]] = []
    best: tuple[float, Recommender] | None = None
    for varied in GRIDS[model]:
        start = time.process_time()
        fitted = fit(train, model, settings={**FIXED.get(model, {}), **varied}, rng=SEED)
        seconds = time.process_time() - start
        found = figures(evaluate_recommender(fitted, valid, metrics=METRICS, rng=SEED, n_draws=1).result(model))
        trials.append({**varied, **found, "fit_cpu_s": round(seconds, 1)})
        print(model, trials[-1], flush=True)
        if best is None or found["ndcg@10"] > best[0]:
            best = found["ndcg@10"], fitted
    assert best is not None, "a grid holds at least one trial"
    return best[1], trials


def measure(fitted: Recommender, test: Dataset) -> tuple[dict[str, object], dict[str, float]]:
    """Save, load and test: the figures with their intervals, and those of `popularity`."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / fitted.name
        save(fitted, place)
        record = evaluate_recommender(load_artifact(place), test, metrics=METRICS, rng=SEED)
    found: dict[str, object] = {"settings": fitted.config.model_dump()}
    for name in METRICS:
        estimate = record.result(fitted.name).metrics[name]
        found[name] = round(estimate.value, 4)
        found[f"{name}_interval"] = [round(end, 4) for end in (estimate.low, estimate.high) if end is not None]
    return found, figures(record.result("popularity"))


def show(models: dict[str, dict[str, object]]) -> None:
    """Print the figures beside the published ones."""
    print(f"{'test':24}{'NDCG@10':>8}{'recall@10':>11}")
    rows: dict[str, dict[str, object]] = {**{name: {**row} for name, row in PUBLISHED.items()}, **models}
    for name, row in rows.items():
        intervals = [str(row.get(f"{metric}_interval", "")) for metric in METRICS]
        print(f"{name:24}{row['ndcg@10']:8.4f}{row['recall@10']:11.4f}", *intervals)


def main() -> None:
    """Choose, fit and measure every model, print and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(os.environ.get("TASTEMAP_MIRROR", ".")) / "lastfm-implicit.zip"
    parser.add_argument("--zip", type=Path, default=default, help="holds train.txt, valid.txt and test.txt")
    parser.add_argument("--models", nargs="+", choices=sorted(GRIDS), default=list(GRIDS))
    parser.add_argument("--out", type=Path, default=RESULTS / "lastfm.json")
    given = parser.parse_args()
    if not given.zip.is_file():
        parser.exit(0, f"bench_lastfm: there is no {given.zip}; give it by --zip. The kept record stands.\n")
    train, valid, test = (load(f"{given.zip}:{part}.txt") for part in ("train", "valid", "test"))
    result: dict[str, object] = {
        "benchmark": "NDCG@10 and recall@10 on the LastFM split, settings chosen on valid, figures on test",
        "seed": SEED,
        "machine": machine(),
        "versions": our_versions(),
        "published": PUBLISHED,
    }
    models: dict[str, dict[str, object]] = {}
    for model in given.models:
        fitted, trials = choose(model, train, valid)
        found, popularity = measure(fitted, test)
        models |= {"popularity": {**popularity}, model: {**found, "trials_on_valid": trials}}
        given.out.write_text(json.dumps({**result, "models": models}, indent=2) + "\n")
    show(models)


if __name__ == "__main__":
    main()
