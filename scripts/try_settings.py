"""What a setting is worth, judged inside training rows only: how the models' defaults were chosen.

Rating models: RMSE on 10 % of the training rows of folds 1 and 2. Ranking models: NDCG@10 on the last
interaction of each user, five times over: each part is made of what the one before it leaves for training.
They begin with the rows that no leave-last test of the seeds 0 to 4 holds. Differences are from the first
value, fit by fit, with their standard error.

Run: python scripts/try_settings.py als frequency_power 0.5 0 1
"""

from __future__ import annotations

import argparse
import statistics

import numpy as np

from tastemap.cli.options import parse_settings
from tastemap.data import Dataset, Split, load, make_splits
from tastemap.evaluation import evaluate_recommender
from tastemap.training import fit, get

TEST_SEEDS = range(5)
N_PARTS = 5


def parts(data: Dataset, objective: str) -> list[Split]:
    """Inner training and validation parts, none of which holds a row of a test."""
    if objective == "rating":
        outer = [make_splits(data, f"fold:{fold}", rng=0)[0].train for fold in (1, 2)]
        return [make_splits(train, "random", rng=0, test_fraction=0.1)[0] for train in outer]
    found, rest = [], _never_tested(data)
    for part in range(N_PARTS):
        found.append(make_splits(rest, "leave-last", rng=part)[0])
        rest = found[-1].train
    return found


def _never_tested(data: Dataset) -> Dataset:
    tests = [make_splits(data, "leave-last", rng=seed)[0].test for seed in TEST_SEEDS]
    tested = {pair for test in tests for pair in _pairs(test)}
    return data.select(np.array([pair not in tested for pair in _pairs(data)]))


def _pairs(data: Dataset) -> list[tuple[object, ...]]:
    return data.interactions.frame().select("user_id", "item_id").rows()


def main() -> None:
    """Print one line a value of the setting."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model")
    parser.add_argument("setting")
    parser.add_argument("values", nargs="+", help="JSON, or text")
    parser.add_argument("--source", default="ml-100k")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="hold another setting")
    parser.add_argument("--seeds", type=int, default=2, help="fits of each part")
    given = parser.parse_args()
    objective = get(given.model).objective
    metric = "rmse" if objective == "rating" else "ndcg@10"
    splits = parts(load(given.source), objective)
    first: list[float] = []
    for value in given.values:
        settings = parse_settings([*given.set, f"{given.setting}={value}"])
        found = []
        for split in splits:
            for seed in range(given.seeds):
                fitted = fit(split.train, given.model, settings=settings, rng=seed)
                record = evaluate_recommender(fitted, split.test, metrics=[metric], relevant_min=0.0, n_draws=2)
                found.append(record.result(given.model).metrics[metric].value)
        first = first or found
        differences = [ours - theirs for ours, theirs in zip(found, first, strict=True)]
        error = statistics.stdev(differences) / len(differences) ** 0.5
        print(
            f"{given.model} {given.setting}={value}: {metric} {statistics.mean(found):.4f}, "
            f"{statistics.mean(differences):+.4f} (SE {error:.4f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
