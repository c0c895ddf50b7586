"""What a setting is worth on ml-100k, judged inside training rows only: how the models' defaults were chosen.

Rating models: RMSE on 10 % of the training rows of the official folds 1 and 2. Ranking models: NDCG@10 on the
last interaction of each user, after the last one has been put aside as a test would be, for three draws.

Run: python scripts/try_settings.py als frequency_power 0 0.5 1
"""

from __future__ import annotations

import argparse
import json
import statistics

from tastemap.data import Dataset, load, make_splits
from tastemap.evaluation import evaluate_recommender
from tastemap.training import fit, get

DRAWS = 3


def parts(data: Dataset, objective: str) -> list[tuple[Dataset, Dataset]]:
    """Inner training and validation parts, none of which holds a row of a test."""
    if objective == "rating":
        outer = [make_splits(data, f"fold:{fold}")[0].train for fold in (1, 2)]
        inner = [make_splits(train, "random", rng=0, test_fraction=0.1)[0] for train in outer]
    else:
        outer = [make_splits(data, "leave-last", rng=draw)[0].train for draw in range(DRAWS)]
        inner = [make_splits(train, "leave-last", rng=DRAWS + draw)[0] for draw, train in enumerate(outer)]
    return [(split.train, split.test) for split in inner]


def main() -> None:
    """Print one line a value of the setting."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model")
    parser.add_argument("setting")
    parser.add_argument("values", nargs="+", type=json.loads)
    parser.add_argument("--seeds", type=int, default=2, help="fits of each part")
    given = parser.parse_args()
    objective = get(given.model).objective
    metric = "rmse" if objective == "rating" else "ndcg@10"
    held_out = parts(load("ml-100k"), objective)
    for value in given.values:
        found = []
        for train, test in held_out:
            for seed in range(given.seeds):
                fitted = fit(train, given.model, settings={given.setting: value}, rng=seed)
                record = evaluate_recommender(fitted, test, metrics=[metric], relevant_min=0.0, n_draws=2)
                found.append(record.result(given.model).metrics[metric].value)
        print(f"{given.model} {given.setting}={value}: {metric} {statistics.mean(found):.4f}", flush=True)


if __name__ == "__main__":
    main()
