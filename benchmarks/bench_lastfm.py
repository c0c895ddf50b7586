"""NDCG@10 and recall@10 on the LastFM split of LightGCN's tables, settings chosen on its validation part.

Every model is fitted to ``train.txt`` alone. The settings with the highest NDCG@10 on ``valid.txt`` are fitted
once more with the first seed, saved, loaded and measured on ``test.txt``, once; only training rows are masked.
The validation figures of ``ials`` are means of two seeds, after the best of five to eight epochs. ``PUBLISHED``
are figures that others have given for the same files; nothing of them is measured here.

Run: TASTEMAP_MIRROR=FOLDER python benchmarks/bench_lastfm.py [--zip lastfm-implicit.zip] [--models ials ease]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import mean
from typing import Any

from _run import RESULTS, keep, machine, our_versions

from tastemap.artifacts import load as load_artifact
from tastemap.artifacts import save
from tastemap.data import Dataset, load
from tastemap.evaluation import evaluate_recommender
from tastemap.evaluation.records import ModelResult
from tastemap.models.recommender import Recommender
from tastemap.rng import stream
from tastemap.training import fit
from tastemap.training.registry import get, make_config

SEED = 0
"""Of the fit that is measured on the test part, whatever the others gave."""
SEEDS = (SEED, 1)
"""The validation figures of a trial of ``ials`` are means over these."""
EPOCHS = range(5, 9)
"""Numbers of epochs among which the validation part chooses."""
METRICS = ["ndcg@10", "recall@10"]
PUBLISHED = {
    "LightGCN": {"ndcg@10": 0.1996, "recall@10": 0.1741},
    "LightGCN++": {"ndcg@10": 0.2171, "recall@10": 0.1889},
    "irspack iALS, untuned": {"ndcg@10": 0.2084, "recall@10": 0.1829},
}
GRIDS: dict[str, list[dict[str, object]]] = {
    "ials": [
        {"n_factors": d, "unobserved_power": power, "unobserved_weight": a0, "regularization": value}
        for d, power, a0, value in (
            (64, 0.0, 0.03, 0.02),
            (64, 0.0, 0.045, 0.0145),
            (64, 0.0, 0.06, 0.012),
            (64, 0.0, 0.09, 0.009),
            (128, 0.0, 0.06, 0.0135),
            *((128, *three) for three in product((0.2, 0.25), (0.045, 0.06), (0.0125, 0.0145))),
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


def on_valid(fitted: Recommender, valid: Dataset) -> dict[str, float]:
    """The figures on the validation part, without intervals."""
    record = evaluate_recommender(fitted, valid, metrics=METRICS, rng=SEED, n_draws=1)
    return {name: record.result(fitted.name).metrics[name].value for name in METRICS}


def at_once(model: str, varied: dict[str, object], train: Dataset, valid: Dataset) -> dict[str, Any]:
    """A trial of a model that is computed in one step."""
    found = on_valid(fit(train, model, settings=varied, rng=SEED), valid)
    return {name: round(value, 4) for name, value in found.items()}


def in_epochs(model: str, varied: dict[str, object], train: Dataset, valid: Dataset) -> dict[str, Any]:
    """A trial of a model with epochs: the number with the best NDCG@10, and the figures, means of the seeds."""
    settings = {**varied, "n_epochs": 1, "validation_fraction": 0.0}
    shell = fit(train, model, settings=settings, rng=SEED)
    config, epochs = make_config(model, {**settings, "n_epochs": EPOCHS[-1]}), get(model).epochs
    assert epochs is not None, "a model of several epochs"
    found: dict[int, list[dict[str, float]]] = {number: [] for number in EPOCHS}
    for seed in SEEDS:
        for number, epoch in enumerate(epochs(train, config, rng=stream(seed, "fit")), start=1):
            if number in found:
                found[number].append(on_valid(replace(shell, model=epoch.model), valid))
    means = {n: {name: mean(one[name] for one in own) for name in METRICS} for n, own in found.items()}
    best = max(EPOCHS, key=lambda number: means[number]["ndcg@10"])
    return {"n_epochs": best, **{name: round(value, 4) for name, value in means[best].items()}}


def choose(model: str, train: Dataset, valid: Dataset) -> tuple[dict[str, object], list[dict[str, Any]]]:
    """The settings with the highest NDCG@10 on the validation part, and every trial."""
    trials: list[dict[str, Any]] = []
    for varied in GRIDS[model]:
        start = time.process_time()
        trial = at_once if get(model).epochs is None else in_epochs
        found = trial(model, varied, train, valid)
        trials.append({**varied, **found, "cpu_s": round(time.process_time() - start, 1)})
        print(model, trials[-1], flush=True)
    best = max(trials, key=lambda trial: trial["ndcg@10"])
    settings = {name: best[name] for name in GRIDS[model][0]}
    if "n_epochs" in best:
        settings |= {"n_epochs": best["n_epochs"], "validation_fraction": 0.0}
    return settings, trials


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
    kept: dict[str, Any] = json.loads(given.out.read_text()) if given.out.exists() else {}
    models: dict[str, dict[str, object]] = kept.get("models", {})
    result: dict[str, object] = {
        "benchmark": "NDCG@10 and recall@10 on the LastFM split, settings chosen on valid, figures on test",
        "seed": SEED,
        "seeds_on_valid": list(SEEDS),
        "machine": machine(),
        "versions": our_versions(),
        "published": PUBLISHED,
    }
    for model in given.models:
        settings, trials = choose(model, train, valid)
        found, popularity = measure(fit(train, model, settings=settings, rng=SEED), test)
        models |= {"popularity": {**popularity}, model: {**found, "trials_on_valid": trials}}
        keep(given.out, {**result, "models": models})
    show(models)


if __name__ == "__main__":
    main()
