"""Train what a recipe says, split by split, and take its figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from tastemap.data import Dataset
from tastemap.evaluation import evaluate
from tastemap.inference.predict import score_pairs
from tastemap.models.base import Model
from tastemap.models.config import Epoch
from tastemap.models.neural_config import NeuralConfig
from tastemap.progress import Progress
from tastemap.reproduction.data import Parts, inner_split, misalign, split
from tastemap.reproduction.recipe import Figure, Neighbors, Recipe, Run
from tastemap.rng import generator
from tastemap.training.registry import get

VALIDATION_FRACTION = 0.1
"""Share of the training rows by which the honest figure chooses its epoch."""

N_NEIGHBORS = 5


@dataclass(frozen=True)
class Point:
    """What one epoch measured."""

    epoch: int
    test_mse: float
    losses: dict[str, float]


@dataclass(frozen=True)
class Measured:
    """The figures of one run on one split, in the order of the recipe.

    Parameters
    ----------
    values : tuple of float
    honest : tuple of (float or None)
        What a figure of the best epoch is if the epoch is chosen inside the training part.
    beside : dict of str to float
        The first figure of other models.
    seconds : float
        Of the training behind the values, without measuring on the test rows.
    n_unknown : int
        Test rows left out, since their user or item is not in the training part.
    """

    values: tuple[float, ...]
    honest: tuple[float | None, ...]
    beside: dict[str, float]
    seconds: float
    n_unknown: int


def run_split(recipe: Recipe, run: Run, data: Dataset, seed: int, progress: Progress, task: str) -> Measured:
    """One run on the split of one seed."""
    if recipe.split == "leave-last":
        return _ranked(run, data, seed, progress)
    parts = split(data, recipe.test_fraction, seed)
    if run.targets == "misaligned":
        parts = misalign(parts, seed)
    points, model, seconds = _curve(run, parts, seed, progress, task)
    values = tuple(_value(figure, run, points, model, parts.train) for figure in run.figures)
    honest: tuple[float | None, ...] = (None,) * len(values)
    if any(figure.at == "best" for figure in run.figures):
        inner, *_ = _curve(
            run, inner_split(parts.train, VALIDATION_FRACTION, seed), seed, progress, f"{task}, honest epoch"
        )
        chosen = choose_epoch(inner, run)
        honest = tuple(points[chosen].test_mse if figure.at == "best" else None for figure in run.figures)
    return Measured(values, honest, {}, seconds, parts.n_unknown)


def choose_epoch(inner: Sequence[Point], run: Run) -> int:
    """The place of the lowest error of a curve, among the steps at the last rate where rates change in steps.

    At the rates before that, full batches swing so widely that the lowest error is one of chance.
    """
    changes = run.config.step_epochs if isinstance(run.config, NeuralConfig) else ()
    settled = max(changes, default=0)
    costs = [point.test_mse if point.epoch > settled else np.inf for point in inner]
    return int(np.argmin(costs))


def _curve(
    run: Run, parts: Parts, seed: int, progress: Progress, task: str
) -> tuple[list[Point], Model, float]:
    """Train on one part and measure on the other as the run says; the last model, seconds of training."""
    seconds = 0.0
    points: list[Point] = []
    wanted = {figure.at for figure in run.figures}
    for number, (epoch, took) in enumerate(_timed(_epochs(run, parts.train, seed)), start=1):
        seconds += took
        if number % run.every == 0 or number == run.n_epochs or number in wanted:
            points.append(Point(number, mean_squared_error(epoch.model, parts), epoch.losses))
            progress.step(task, number, run.n_epochs, {"test MSE": points[-1].test_mse})
    return points, epoch.model, seconds


def _timed(epochs: Iterator[Epoch[Model]]) -> Iterator[tuple[Epoch[Model], float]]:
    """Each epoch and its seconds, without what is done between the epochs."""
    start = perf_counter()
    for epoch in epochs:
        yield epoch, perf_counter() - start
        start = perf_counter()


def _epochs(run: Run, train: Dataset, seed: int) -> Iterator[Epoch[Model]]:
    epochs = get(run.model).epochs
    assert epochs is not None, "recipes of rating figures name models that are fitted in epochs"
    return epochs(train, run.config, rng=generator(seed))


def mean_squared_error(model: Model, parts: Parts) -> float:
    """Of the predictions as the network gives them: within the sigmoid's range, but not cut at the scale."""
    score = score_pairs(model, parts.user_index, parts.item_index)
    predicted = model.link.apply(score) if model.link.kind == "sigmoid" else score
    return float(np.square(predicted - parts.values).mean())


def _value(figure: Figure, run: Run, points: Sequence[Point], model: Model, train: Dataset) -> float:
    if figure.measure == "alike_neighbors":
        assert run.neighbors is not None, "a test holds that the recipe names them"
        return float(alike_neighbors(model, train, run.neighbors))
    if figure.at == "best":
        return min(point.test_mse for point in points)
    last = points[-1].epoch if figure.at == "last" else figure.at
    point = next(point for point in points if point.epoch == last)
    if figure.measure == "test_mse":
        return point.test_mse
    return point.losses["train_rmse"] ** 2 if figure.measure == "train_mse" else point.losses[figure.measure]


def alike_neighbors(model: Model, train: Dataset, neighbors: Neighbors) -> int:
    """How many of the five nearest items by cosine have one of the genres."""
    items = train.catalog.aligned(train.interactions.items)
    item = items["title"].to_list().index(neighbors.of)
    nearest = np.argsort(-model.similarity(item, "cosine"), kind="stable")
    genres = items["genres"].gather(nearest[nearest != item][:N_NEIGHBORS])
    return sum(not set(neighbors.genres).isdisjoint(of_item) for of_item in genres)


def _ranked(run: Run, data: Dataset, seed: int, progress: Progress) -> Measured:
    """Leave-last-out, full ranking, every test row relevant; the epoch is chosen inside the training part."""
    (figure,) = run.figures
    record = evaluate(
        data,
        [*run.beside, run.model],
        split="leave-last",
        relevant_min=-np.inf,
        metrics=[figure.measure],
        settings={run.model: run.settings},
        rng=seed,
        n_draws=1,
        progress=progress,
    )
    value = {row.model: row.metrics[figure.measure].value for row in record.models if row.metrics}
    beside = {name: value[name] for name in run.beside}
    seconds = record.result(run.model).fit_s
    return Measured((value[run.model],), (None,), beside, seconds, record.counts.n_rows_unknown)
