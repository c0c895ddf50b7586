"""Fits one of our models to the arrays of a folder, or to a file, epoch by epoch, as the scripts of peers/ do.

The spec names the folder or the source, the model, its settings, the seed and what is kept of each epoch;
without a number of epochs the whole fit is one, as ``tastemap fit`` does it, and its model is saved and loaded.
An epoch is timed from asking for it to having its model. Compilation comes before, on a small table.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from _parts import read_train
from _saved import from_saved

from tastemap.data import Dataset, load
from tastemap.inference.predict import score_pairs
from tastemap.models.base import Model
from tastemap.models.factor import FactorModel
from tastemap.rng import stream
from tastemap.training import fit
from tastemap.training.registry import get, make_config

TWO_EPOCHS = {"n_epochs": 2, "burn_in": 1, "validation_fraction": 0.0}
"""As many of these as a model has settings of the name."""


def write(spec: dict[str, Any], model: Model, number: int) -> None:
    """What the scorer needs of one epoch."""
    if spec["keep"] == "nothing":
        return
    folder = Path(spec["folder"])
    if spec["keep"] == "factors":
        assert isinstance(model, FactorModel), "lists are scored from factors"
        np.save(folder / f"{spec['out']}-{number}-users.npy", model.user_factors[np.load(folder / "users.npy")])
        np.save(folder / f"{spec['out']}-{number}-items.npy", model.item_factors)
    elif spec["keep"] == "scores":
        np.save(
            folder / f"{spec['out']}-{number}.npy", model.users(np.load(folder / "users.npy")).score_range()
        )
    else:
        pairs = np.load(folder / "test_users.npy"), np.load(folder / "test_items.npy")
        np.save(folder / f"{spec['out']}-{number}.npy", model.link.apply(score_pairs(model, *pairs)))


def warm_up(spec: dict[str, Any], train: Dataset) -> None:
    """A short fit to a thousandth of the rows, so that no compilation is timed."""
    rows = np.zeros(len(train.interactions), np.bool_)
    rows[: max(2_000, len(rows) // 1_000)] = True
    fields = type(make_config(spec["model"], spec["settings"])).model_fields
    shorter = {name: value for name, value in TWO_EPOCHS.items() if name in fields}
    fit(train.select(rows), spec["model"], settings={**spec["settings"], **shorter}, rng=0)


def fit_epochs(spec: dict[str, Any], train: Dataset) -> list[float]:
    """Seconds of each epoch."""
    epochs = get(spec["model"]).epochs
    assert epochs is not None
    config = make_config(spec["model"], {**spec["settings"], "n_epochs": spec["n_epochs"]})
    seconds = []
    begin = time.perf_counter()
    for number, epoch in enumerate(epochs(train, config, rng=stream(spec["seed"], "fit"))):
        model = epoch.model
        seconds.append(round(time.perf_counter() - begin, 3))
        write(spec, model, number)
        begin = time.perf_counter()
    return seconds


def fit_whole(spec: dict[str, Any], train: Dataset) -> list[float]:
    """Seconds of the whole fit, the search for the number of epochs included; the saved model is kept."""
    begin = time.perf_counter()
    fitted = fit(train, spec["model"], settings=spec["settings"], rng=spec["seed"])
    seconds = round(time.perf_counter() - begin, 3)
    write(spec, from_saved(fitted).model, 0)
    return [seconds]


def main() -> None:
    """Fit, and say how long each epoch took."""
    spec = json.loads(Path(sys.argv[1]).read_text())
    start = time.perf_counter()
    train = load(spec["source"]) if "source" in spec else read_train(spec)
    loaded = time.perf_counter()
    warm_up(spec, train)
    warm = time.perf_counter()
    _ = train.interactions.by_item  # the transpose that the peers make before their first iteration
    prepared = time.perf_counter()
    seconds = fit_whole(spec, train) if spec["n_epochs"] is None else fit_epochs(spec, train)
    answer = {"load_s": loaded - start, "compile_s": warm - loaded, "prepare_s": prepared - warm}
    print(json.dumps({key: round(value, 3) for key, value in answer.items()} | {"iteration_s": seconds}))


if __name__ == "__main__":
    main()
