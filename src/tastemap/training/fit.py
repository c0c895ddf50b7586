"""Fit a registered model: stop early on a validation part of the training set, then refit on all of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import NoneType

import numpy as np
import polars as pl

from tastemap.data import Dataset, Interactions
from tastemap.data.dataset import check_dataset
from tastemap.errors import DataError, DivergedError, InvalidValueError, check_type
from tastemap.models.base import Model
from tastemap.models.config import IterativeConfig, ModelConfig, positive_min_of
from tastemap.models.recommender import Recommender
from tastemap.plurals import plural
from tastemap.progress import SILENT, Progress, announce_compilation
from tastemap.rng import Rng, seed_of, stream
from tastemap.training.registry import BASELINE_OF, ModelEntry, get, make_config
from tastemap.training.remarks import with_remarks
from tastemap.training.validation import Validation, hold_out

Stop = Callable[[str, int], bool]
"""Asked after each epoch with its phase, ``search`` or ``final``, and the epochs done in it; true ends it."""


class _TimeUp(Exception):
    """What `stop` said."""


@dataclass(frozen=True)
class _Search:
    """What the validation part said: how many epochs, its losses, and predictions at the best epoch."""

    n_epochs: int
    losses: list[dict[str, object]]
    predictions: pl.DataFrame | None
    interrupted: bool


def fit(
    train: Dataset,
    model: str,
    *,
    settings: Mapping[str, object] | None = None,
    positive_min: float | None = None,
    rng: Rng = None,
    progress: Progress = SILENT,
    keep_partial: bool = True,
    stop: Stop | None = None,
) -> Recommender:
    """Fit a model to a data set.

    *Stability: caller-stable.*

    An iterative model is first fitted to a part of `train` while the rest, a random
    ``validation_fraction`` of the rows, tells when to stop; then it is fitted to all of `train`
    for that many epochs. Ctrl-C, or a loss that is no longer finite, ends the search there if it comes during
    the first part, and keeps the last whole epoch if during the second. Either way ``resolved`` repeats the
    run.

    Parameters
    ----------
    train : Dataset
    model : str
        A registered name: ``bias``, ``als``, ``gibbs``, ``dot``, ``mlp``, ``popularity``, ``itemknn``,
        ``ease``, ``ials``, ``softmax``.
    settings : mapping of str to object, optional
        Settings that differ from the model's defaults.
    positive_min : float, optional
        The setting of that name of a ranking model: learn from ratings of at least this. Lower ones still
        keep items out of their users' lists.
    rng : int, Generator or None
        An int seed repeats the run bit for bit; None draws a fresh one and records it.
    progress : Progress
        Hears about compilation and epochs.
    keep_partial : bool
        Whether Ctrl-C and a loss that is no longer finite keep the best so far; if not, they end the fit (an
        evaluation must not compare a model that was cut short).
    stop : callable or None
        Asked after each epoch with the phase, ``search`` or ``final``, and the epochs done in it. Where it says
        true the fit ends there as by Ctrl-C: that is how a clock ends it.

    Returns
    -------
    Recommender
        The notes of ``train.report`` also tell what can hardly be meant: too few users or items, ratings that
        are all the same, more `n_factors` than items or users.

    Raises
    ------
    UnknownNameError, InvalidValueError
        For an unknown model or setting, a setting out of range, a rating model with `positive_min`, or
        `positive_min` leaving fewer than two users or items.
    DataError
        If there are fewer than two users or items at all, or no ratings for a rating model.
    DivergedError
        If the loss is no longer finite within the first epoch, or later without `keep_partial`.
    MissingExtraError
        If the model needs an optional package that is not installed.
    """
    _check_arguments(train, model, settings)
    entry, seed = get(model), seed_of(rng)
    config = make_config(model, with_positive_min(entry, settings or {}, positive_min))
    suitable = _suitable(train.interactions, entry, positive_min_of(config))
    train = with_remarks(train, entry.objective, config)
    learned = replace(train, interactions=suitable)
    with announce_compilation(progress):
        if isinstance(config, IterativeConfig):
            return _fit_in_epochs(train, learned, entry, config, seed, progress, keep_partial, stop)
        fitted = entry.fit(learned, config, rng=stream(seed, "fit"))
    return _recommender(fitted, entry, config, config, seed, train, [], None)


def _check_arguments(train: Dataset, model: str, settings: Mapping[str, object] | None) -> None:
    check_dataset("train", train)
    check_type("model", model, str, "the name of a model", "write for example 'als'")
    check_type("settings", settings, (Mapping, NoneType), "a mapping", "write for example {'n_factors': 32}")


def with_positive_min(
    entry: ModelEntry, settings: Mapping[str, object], positive_min: float | None
) -> Mapping[str, object]:
    """The settings with `positive_min` among them; raises for a rating model, or for two values of it."""
    if positive_min is None:
        return settings
    if entry.objective == "rating":
        raise InvalidValueError(
            f"positive_min is for ranking models; {entry.name} predicts ratings and needs the low ones too."
        )
    if "positive_min" in settings and settings["positive_min"] != positive_min:
        raise InvalidValueError(
            f"positive_min must have one value. Got {positive_min!r} and, among the settings, "
            f"{settings['positive_min']!r}; give it once."
        )
    return {**settings, "positive_min": positive_min}


def check_ratings(data: Interactions, entry: ModelEntry) -> None:
    """Raise a DataError unless `data` has the ratings that the model predicts, if it predicts ratings."""
    if entry.objective == "rating" and data.is_implicit:
        raise DataError(
            f"{entry.name} predicts ratings, but the data has no rating column. Use a ranking model: ials, "
            "ease or popularity; or name the column with --rating-col."
        )


def _suitable(data: Interactions, entry: ModelEntry, positive_min: float | None) -> Interactions:
    """What the model is fitted to: the interactions of `data` that it learns from."""
    check_ratings(data, entry)
    learned = data.at_least(positive_min)
    n_users = int(np.count_nonzero(learned.by_user.row_lengths))
    n_items = int(np.count_nonzero(learned.popularity))
    if n_users < 2 or n_items < 2:
        said = f"Fitting needs at least two users and two items. Got {n_users} and {n_items}; "
        if learned is not data:
            raise InvalidValueError(said + "lower positive_min.")
        raise DataError(said + "check that the columns are the right ones.")
    return learned


def _fit_in_epochs(
    train: Dataset,
    learned: Dataset,
    entry: ModelEntry,
    config: IterativeConfig,
    seed: int,
    progress: Progress,
    keep_partial: bool,
    stop: Stop | None,
) -> Recommender:
    validation = hold_out(
        train.interactions, entry.objective, config.validation_fraction, seed, positive_min_of(config)
    )
    search = None
    if validation is not None:
        search = _search(train, entry, config, seed, validation, progress, keep_partial, stop)
    del validation  # nearly as large as the data: the fit to all rows has the memory
    resolved = config.resolved(search.n_epochs) if search else config
    losses: list[dict[str, object]] = list(search.losses) if search else []
    total = search.n_epochs if search else config.n_epochs
    epochs = entry.epochs
    assert epochs is not None, "an iterative config belongs to a model with epochs"
    fitted: Callable[[], Model] | None = None
    done, interrupted = 0, search is not None and search.interrupted
    try:
        for epoch in epochs(learned, resolved, rng=stream(seed, "fit")):
            fitted, done = epoch.later(), done + 1
            for note in epoch.notes if search is None else ():
                progress.note(note)
            losses.append({"phase": "final", "epoch": done, **epoch.losses})
            progress.step(f"fit {entry.name}", done, total, epoch.losses)
            _ask(stop, "final", done, total)
    except (KeyboardInterrupt, DivergedError, _TimeUp) as reason:
        if fitted is None or not keep_partial:
            raise
        progress.note(
            f"{_reason(reason)}Stopped after {done} of {plural(total, 'epoch')}; the model so far is kept."
        )
        resolved, interrupted = config.resolved(done), True
    assert fitted is not None, "epochs yields at least one model"
    recommender = _recommender(
        fitted(), entry, config, resolved, seed, train, losses, search.predictions if search else None
    )
    return replace(recommender, interrupted=interrupted)


def _search(
    train: Dataset,
    entry: ModelEntry,
    config: IterativeConfig,
    seed: int,
    validation: Validation,
    progress: Progress,
    keep_partial: bool,
    stop: Stop | None,
) -> _Search:
    """Fit to the inner part until ``patience`` epochs have not improved the figure by ``tolerance``."""
    epochs = entry.epochs
    assert epochs is not None, "an iterative config belongs to a model with epochs"
    losses: list[dict[str, object]] = []
    best, best_epoch, best_model, interrupted = float("inf"), 0, None, False
    try:
        inner = replace(train, interactions=validation.learned)
        baseline = _baseline_figure(inner, entry, validation)
        for number, epoch in enumerate(epochs(inner, config, rng=stream(seed, "fit")), start=1):
            for note in epoch.notes:
                progress.note(note)
            figures = {**epoch.losses, validation.metric: validation.figure(epoch.model)}
            losses.append({"phase": "search", "epoch": number, **figures, **baseline})
            progress.step(f"search {entry.name}", number, config.n_epochs, figures)
            cost = validation.cost(figures[validation.metric])
            if cost < best - config.tolerance * abs(cost):
                best, best_epoch, best_model = cost, number, epoch.model
            elif number - best_epoch >= config.patience:
                break
            _ask(stop, "search", number, config.n_epochs)
    except (KeyboardInterrupt, DivergedError, _TimeUp) as reason:
        if best_model is None or not keep_partial:
            raise
        progress.note(
            f"{_reason(reason)}Search stopped; fitting to all rows for {plural(best_epoch, 'epoch')}. "
            "Ctrl-C stops that too."
        )
        interrupted = True
    assert best_model is not None, "epochs yields at least one model"
    return _Search(best_epoch, losses, validation.predictions(best_model), interrupted)


def _baseline_figure(inner: Dataset, entry: ModelEntry, validation: Validation) -> dict[str, float]:
    """What the objective's baseline reaches on the validation part, whatever the epoch."""
    baseline = get(BASELINE_OF[entry.objective])
    model = baseline.fit(inner, make_config(baseline.name, {}), rng=stream(0, "fit"))
    return {f"{validation.metric}_of_{baseline.name}": validation.figure(model)}


def _ask(stop: Stop | None, phase: str, done: int, total: int) -> None:
    if stop is not None and done < total and stop(phase, done):
        raise _TimeUp("The time is up.")


def _reason(stop: BaseException) -> str:
    """What a note says first of a fit that was not finished: nothing to whoever pressed Ctrl-C."""
    return "" if isinstance(stop, KeyboardInterrupt) else f"{stop} "


def _recommender(
    model: Model,
    entry: ModelEntry,
    config: ModelConfig,
    resolved: ModelConfig,
    seed: int,
    train: Dataset,
    losses: list[dict[str, object]],
    predictions: pl.DataFrame | None,
) -> Recommender:
    return Recommender(
        model=model,
        name=entry.name,
        objective=entry.objective,
        config=config,
        resolved=resolved,
        seed=seed,
        train=train,
        losses=pl.DataFrame(losses, infer_schema_length=None),
        validation=predictions,
    )


def with_evaluation(recommender: Recommender, evaluation: dict[str, object]) -> Recommender:
    """The same recommender with the record of an evaluation, as it is saved."""
    return replace(recommender, evaluation=evaluation)
