"""Test errors of the best settings of ``dot`` and ``mlp`` found on ml-100k, on the splits of B9 to B16.

The settings are those of docs/models/dot.md and docs/models/mlp.md, chosen inside the training parts.
Run: python benchmarks/bench_tuned.py [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from importlib.metadata import version
from pathlib import Path

from tastemap.data import Dataset
from tastemap.progress import SILENT
from tastemap.reproduction.data import recipe_data, split
from tastemap.reproduction.recipe import choose
from tastemap.reproduction.run import mean_squared_error
from tastemap.rng import generator
from tastemap.training.registry import get, make_config

RESULTS = Path(__file__).parent / "results" / "tuned.json"
SETTINGS: dict[str, dict[str, object]] = {
    "dot": {
        "implicit_history": True,
        "optimizer": "adamw",
        "weight_decay": 1.1,
        "bias_share": 0,
        "n_factors": 50,
        "learning_rate": 0.01,
        "n_epochs": 6,
    },
    "mlp": {
        "product": True,
        "user_size": 100,
        "item_size": 100,
        "layers": [16],
        "optimizer": "adamw",
        "weight_decay": 0.7,
        "learning_rate": 0.01,
        "n_epochs": 8,
    },
}


def test_error(name: str, data: Dataset, test_fraction: float, seed: int) -> float:
    """Mean squared error on known test rows after the last epoch."""
    parts = split(data, test_fraction, seed)
    model = get(name).fit(parts.train, make_config(name, SETTINGS[name]), rng=generator(seed))
    return round(mean_squared_error(model, parts), 4)


def main() -> None:
    """Measure both models on every split, print and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    (recipe,) = choose(["B12"])
    data = recipe_data(recipe, SILENT)
    result: dict[str, object] = {
        "benchmark": "test MSE, ml-100k by title, 80/20, known rows, last epoch",
        "seeds": recipe.seeds,
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("tastemap", "torch", "numpy")},
    }
    for name, settings in SETTINGS.items():
        errors = [test_error(name, data, recipe.test_fraction, seed) for seed in recipe.seeds]
        result[name] = {"settings": settings, "test_mse": errors, "mean": round(statistics.fmean(errors), 4)}
        print(name, result[name], flush=True)
    given.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
