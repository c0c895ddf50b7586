"""NDCG@10 and recall@10 on the LastFM split of LightGCN's tables, settings chosen on its validation part.

Every model is fitted to ``train.txt`` alone. The settings with the highest NDCG@10 on ``valid.txt`` are fitted
once more with the first seed and measured on ``test.txt``, once; only training rows are masked. Ours are saved
and loaded before that. ``irspack`` is its iALS in the environment of the peers: the factors that it writes
after each epoch get our lists and our scorer. The validation figures of ``ials`` and ``irspack`` are means of
two seeds, after the best of several numbers of epochs. ``PUBLISHED`` are figures that others have given for the
same files; nothing of them is measured here.

Run: make peers && TASTEMAP_MIRROR=FOLDER python benchmarks/bench_lastfm.py [--zip lastfm-implicit.zip]
     [--models ials ease itemknn irspack]
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from _parts import factor_model, parts_of, write_parts
from _run import keep, machine, options, our_versions, peer_versions, run_peer
from _saved import from_saved

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
"""The validation figures of a trial with epochs are means over these."""
EPOCHS = range(5, 9)
"""Numbers of epochs of ours among which the validation part chooses."""
PEER = "irspack"
PEER_EPOCHS = range(4, 21, 4)
"""The same of irspack, whose own default is 16."""
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
    # The same loss as that of ials with unobserved_power 0, around the settings that were best for it.
    PEER: [
        {"n_components": d, "alpha0": a0, "reg": value}
        for d, a0, value in (
            (64, 0.03, 0.02),
            (64, 0.045, 0.0145),
            (64, 0.06, 0.012),
            (64, 0.09, 0.009),
            (128, 0.03, 0.02),
            *((128, *two) for two in product((0.045, 0.06), (0.0125, 0.0145, 0.0175))),
            (128, 0.09, 0.009),
        )
    ],
}

Fits = Callable[[int], Iterator[Recommender]]
"""From a seed to what a fit has after each of its epochs."""


def figures(result: ModelResult) -> dict[str, float]:
    """The figures of one model."""
    return {name: round(result.metrics[name].value, 4) for name in METRICS}


def on_valid(fitted: Recommender, valid: Dataset) -> dict[str, float]:
    """The figures on the validation part, without intervals."""
    record = evaluate_recommender(fitted, valid, metrics=METRICS, rng=SEED, n_draws=1)
    return {name: record.result(fitted.name).metrics[name].value for name in METRICS}


def of_ours(model: str, varied: dict[str, object], train: Dataset) -> Fits:
    """A model of ours after each epoch."""
    settings = {**varied, "n_epochs": 1, "validation_fraction": 0.0}
    shell = fit(train, model, settings=settings, rng=SEED)
    config, epochs = make_config(model, {**settings, "n_epochs": EPOCHS[-1]}), get(model).epochs
    assert epochs is not None, "a model of several epochs"
    return lambda seed: (
        replace(shell, model=epoch.model) for epoch in epochs(train, config, rng=stream(seed, "fit"))
    )


def of_irspack(varied: dict[str, object], train: Dataset, n_epochs: int, python: Path) -> Fits:
    """What irspack writes after each epoch, in the place of the factors of an ``ials`` of ours."""
    shell = fit(train, "ials", settings={"n_factors": 1, "n_epochs": 1, "validation_fraction": 0.0}, rng=SEED)
    rows = train.interactions
    settings = {name: value for name, value in varied.items() if name != "n_components"}

    def fits(seed: int) -> Iterator[Recommender]:
        with tempfile.TemporaryDirectory() as name:
            spec = write_parts(Path(name), parts_of(rows, rows), np.arange(rows.n_users))
            spec |= {"out": PEER, "seed": seed, "n_factors": varied["n_components"], "n_epochs": n_epochs}
            run_peer(python, "irspack_ials", {**spec, "settings": settings})
            for number in range(n_epochs):
                sides = (np.load(Path(name) / f"{PEER}-{number}-{side}.npy") for side in ("users", "items"))
                yield replace(shell, model=factor_model(*sides))

    return fits


def at_once(model: str, varied: dict[str, object], train: Dataset, valid: Dataset) -> dict[str, Any]:
    """A trial of a model that is computed in one step."""
    found = on_valid(fit(train, model, settings=varied, rng=SEED), valid)
    return {name: round(value, 4) for name, value in found.items()}


def in_epochs(fits: Fits, numbers: Sequence[int], valid: Dataset) -> dict[str, Any]:
    """A trial of a model with epochs: the number with the best NDCG@10, and the figures, means of the seeds."""
    found: dict[int, list[dict[str, float]]] = {number: [] for number in numbers}
    for seed in SEEDS:
        for number, fitted in enumerate(fits(seed), start=1):
            if number in found:
                found[number].append(on_valid(fitted, valid))
    means = {n: {name: mean(one[name] for one in own) for name in METRICS} for n, own in found.items()}
    best = max(numbers, key=lambda number: means[number]["ndcg@10"])
    return {"n_epochs": best, **{name: round(value, 4) for name, value in means[best].items()}}


def tried(
    model: str, varied: dict[str, object], train: Dataset, valid: Dataset, python: Path
) -> dict[str, Any]:
    """One trial on the validation part."""
    if model == PEER:
        return in_epochs(of_irspack(varied, train, PEER_EPOCHS[-1], python), PEER_EPOCHS, valid)
    if get(model).epochs is None:
        return at_once(model, varied, train, valid)
    return in_epochs(of_ours(model, varied, train), EPOCHS, valid)


def choose(
    model: str, train: Dataset, valid: Dataset, python: Path
) -> tuple[dict[str, object], list[dict[str, Any]]]:
    """The settings with the highest NDCG@10 on the validation part, and every trial."""
    trials: list[dict[str, Any]] = []
    for varied in GRIDS[model]:
        start = sum(os.times()[:4])  # with the processor seconds of processes that have ended
        found = tried(model, varied, train, valid, python)
        trials.append({**varied, **found, "cpu_s": round(sum(os.times()[:4]) - start, 1)})
        print(model, trials[-1], flush=True)
    best = max(trials, key=lambda trial: trial["ndcg@10"])
    return {name: best[name] for name in (*GRIDS[model][0], "n_epochs") if name in best}, trials


def chosen(
    model: str, settings: dict[str, object], train: Dataset, python: Path
) -> tuple[Recommender, dict[str, object]]:
    """What is measured on the test part, with its settings: of ours a saved model, of irspack its factors."""
    if model == PEER:
        varied = {name: value for name, value in settings.items() if name != "n_epochs"}
        *_, last = of_irspack(varied, train, int(str(settings["n_epochs"])), python)(SEED)
        return last, settings
    final = settings | ({"validation_fraction": 0.0} if "n_epochs" in settings else {})
    fitted = from_saved(fit(train, model, settings=final, rng=SEED))
    return fitted, fitted.config.model_dump()


def measure(fitted: Recommender, test: Dataset) -> tuple[dict[str, object], dict[str, float]]:
    """The figures on the test part with their intervals, and those of `popularity`."""
    record = evaluate_recommender(fitted, test, metrics=METRICS, rng=SEED)
    found: dict[str, object] = {}
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
    parser = options(__doc__, "lastfm.json")
    default = Path(os.environ.get("TASTEMAP_MIRROR", ".")) / "lastfm-implicit.zip"
    parser.add_argument("--zip", type=Path, default=default, help="holds train.txt, valid.txt and test.txt")
    parser.add_argument("--models", nargs="+", choices=sorted(GRIDS), default=list(GRIDS))
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
    if PEER in given.models:
        result["peer_versions"] = peer_versions(given.peers_python, PEER)
    elif "peer_versions" in kept:
        result["peer_versions"] = kept["peer_versions"]
    for model in given.models:
        settings, trials = choose(model, train, valid, given.peers_python)
        fitted, final = chosen(model, settings, train, given.peers_python)
        found, popularity = measure(fitted, test)
        row = {"settings": final, **found, "trials_on_valid": trials}
        models |= {"popularity": {**popularity}, model: row}
        keep(given.out, {**result, "models": models})
    show(models)


if __name__ == "__main__":
    main()
