"""A fit of one model within a time and a memory."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tastemap import training
from tastemap.data import Dataset
from tastemap.models.recommender import Recommender
from tastemap.progress import SILENT, Progress
from tastemap.rng import Rng
from tastemap.training.checkpoint import Checkpoints
from tastemap.training.fit import with_positive_min
from tastemap.training.registry import BASELINE_OF, get
from tastemap.tuning.budget import Budget, EpochClock
from tastemap.tuning.candidates import Candidate
from tastemap.tuning.caps import ensure_memory
from tastemap.tuning.forecast import Forecast, can_be_cut, is_neural


def fit_within(
    data: Dataset,
    model: str,
    *,
    settings: Mapping[str, object] | None = None,
    positive_min: float | None = None,
    budget: Budget | str | float | None = None,
    max_memory: str | float | None = None,
    rng: Rng = None,
    progress: Progress = SILENT,
    checkpoints: Checkpoints | None = None,
) -> Recommender:
    """Like :func:`tastemap.fit`, within a time for fitting and saving, and within a memory.

    *Stability: caller-stable.*

    A model that is fitted in epochs is ended by the clock and records in ``resolved`` how many they were; of
    another one the time is predicted.

    Parameters
    ----------
    data, model, settings, positive_min, rng, progress
        As in :func:`tastemap.fit`.
    checkpoints : Checkpoints or None
        As there; with a `budget` nothing is kept, since a clock ends such a fit.
    budget : str, float, Budget or None
        Such as ``"60s"``; None: no end.
    max_memory : str, float or None
        Such as ``"4GB"``; None: all that this machine has. Data that :func:`tastemap.load_data` has left on
        disk, and models that are fitted by alternating, need little beside their factors.

    Raises
    ------
    InvalidValueError
        If the prediction is above `max_memory` or, for a model without epochs, does not fit into `budget`.
    """
    budget = Budget.of(budget)
    settings = with_positive_min(get(model), settings or {}, positive_min)
    ensure_memory(data, model, settings, max_memory)
    clock = None if math.isinf(budget.limit_s) else _clock(data, model, settings, budget)
    return training.fit(
        data,
        model,
        settings=settings,
        rng=rng,
        progress=progress,
        stop=clock,
        checkpoints=checkpoints if clock is None else None,
    )


def _clock(data: Dataset, model: str, settings: Mapping[str, object], budget: Budget) -> EpochClock:
    """What ends the fit in time for saving; raises if it is predicted not to fit into the budget."""
    candidate = Candidate(model, dict(settings))
    forecast = Forecast(data, get(model).objective)
    save_s = forecast.save_s(candidate)
    in_epochs = can_be_cut(model) or is_neural(model)
    needed_s = save_s + (0.0 if in_epochs else forecast.planned_s(candidate))
    if not budget.fits(needed_s):
        remedy = f", or take a quicker model such as {BASELINE_OF[get(model).objective]}"
        raise budget.refusal(needed_s, f"fit {model} to this data", remedy)
    return EpochClock(budget, save_s)
