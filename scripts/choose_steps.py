"""Choose how many full-batch steps B3 takes at each of its three rates, inside the training part of each split.

A tenth of the training rows judges; test rows are read for the last column only, and decide nothing.
Run: python scripts/choose_steps.py [LENGTH ...]
"""

from __future__ import annotations

import statistics
import sys

from tastemap.data import Dataset
from tastemap.progress import SILENT
from tastemap.reproduction.data import Parts, inner_split, recipe_data, split
from tastemap.reproduction.recipe import Run, choose
from tastemap.reproduction.run import VALIDATION_FRACTION, mean_squared_error
from tastemap.rng import generator
from tastemap.training.registry import get, make_config


def last_mse(run: Run, parts: Parts, length: int, seed: int) -> float:
    """The error after `length` steps at each rate."""
    settings = {**run.settings, "step_epochs": [length, 2 * length], "n_epochs": 3 * length}
    model = get(run.model).fit(parts.train, make_config(run.model, settings), rng=generator(seed))
    return mean_squared_error(model, parts)


def measure(run: Run, data: Dataset, length: int, seed: int) -> tuple[float, float]:
    """The errors on the validation part, and on the test after a fit to the whole training part."""
    parts = split(data, 0.2, seed)
    inner = inner_split(parts.train, VALIDATION_FRACTION, seed)
    return last_mse(run, inner, length, seed), last_mse(run, parts, length, seed)


def main() -> None:
    """Print the medians over the splits of the recipe, a line for each length."""
    (recipe,) = choose(["B3"])
    data = recipe_data(recipe, SILENT)
    for length in [int(text) for text in sys.argv[1:]] or [10, 20, 30]:
        found = [measure(recipe.runs[0], data, length, seed) for seed in recipe.seeds]
        inner, outer = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"{length:3d} steps at each rate: validation MSE {inner:.4f}, test MSE {outer:.4f}", flush=True)


if __name__ == "__main__":
    main()
