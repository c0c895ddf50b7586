"""Evaluate models, or one fitted recommender, under the ranking protocol; baselines are always there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from time import perf_counter
from types import NoneType

from tastemap.data import Dataset
from tastemap.data.dataset import check_dataset
from tastemap.data.splits import make_splits, parts_of
from tastemap.errors import InvalidValueError, check_type, unknown_name
from tastemap.evaluation.fold import Fold, Tested, make_fold, relevance_bound, renumbered
from tastemap.evaluation.measure import Measured, measure
from tastemap.evaluation.names import METRICS, choose
from tastemap.evaluation.notes import count, notes_of
from tastemap.evaluation.records import EvaluationRecord, ModelResult, Protocol
from tastemap.evaluation.slices import item_slices, user_slices
from tastemap.evaluation.summary import differences, summarize
from tastemap.models.base import Objective
from tastemap.models.recommender import Recommender, check_recommender
from tastemap.progress import SILENT, Progress
from tastemap.rng import Rng, seed_of, stream
from tastemap.training import fit, get
from tastemap.training.registry import BASELINE_OF

BASELINES = (BASELINE_OF["ranking"], BASELINE_OF["rating"])


@dataclass(frozen=True, eq=False)
class _Plan:
    """What is done on every fold."""

    names: Sequence[str]
    settings: Mapping[str, Mapping[str, object]]
    chosen: Sequence[str]
    k: int
    bound: float | None
    also_mask: Dataset | None
    seed: int
    progress: Progress


@dataclass(frozen=True, eq=False)
class _Run:
    """One model on one fold; the model itself is gone, for those of all folds would fill the memory."""

    objective: Objective
    settings: dict[str, object]
    measured: Measured
    fit_s: float
    predict_s: float


_Runs = dict[str, list[_Run]]
"""The runs of each model, one a fold."""


def evaluate(
    data: Dataset,
    models: Sequence[str],
    *,
    split: str = "random",
    k: int = 10,
    relevant_min: float | None = None,
    also_mask: Dataset | None = None,
    metrics: Sequence[str] | None = None,
    settings: Mapping[str, Mapping[str, object]] | None = None,
    rng: Rng = 0,
    n_draws: int = 1000,
    progress: Progress = SILENT,
) -> EvaluationRecord:
    """Fit models to the training part of a split and measure them on the rest.

    *Stability: caller-stable.*

    Every item of the training data is ranked for every test user with a relevant test row; only
    training rows are masked. The other test users are left out of the ranking metrics and counted.
    A relevant item that training does not know counts as one that was not listed; a user that it
    does not know gets the list of the model without a user side.

    Parameters
    ----------
    data : Dataset
    models : sequence of str
        Registered names. `popularity` is added, and `bias` where there are ratings.
    split : str
        ``random``, ``folds``, ``fold:K``, ``leave-last``, ``temporal`` or ``users``; the last folds in
        the visible part of the histories of held-out users.
    k : int
        Length of lists, >= 1.
    relevant_min : float or None
        Test rows with at least this value are relevant. None: every row of implicit feedback; ratings
        from three quarters of the scale up, which is 4 on a scale of 1 to 5.
    also_mask : Dataset or None
        Interactions that are masked besides the training rows; counted in the record.
    metrics : sequence of str or None
        Names such as ``rmse`` and ``ndcg@10``; None for all.
    settings : mapping of model to its settings, or None
    rng : int, Generator or None
        The seed of the split, the fits and the bootstrap.
    n_draws : int
        Bootstrap draws of users behind the 95 % intervals.
    progress : Progress

    Returns
    -------
    EvaluationRecord
        Baselines first, then the models in the order given.

    Raises
    ------
    UnknownNameError
        If a model, a setting, a split or a metric is unknown.
    InvalidValueError
        If `k`, `n_draws` or `metrics` is out of range, or a model does not fit the data.

    Notes
    -----
    Costs a fit per model and fold, then O(T I d) to rank for T test users; memory is one fold's
    training data, one model, a block of scores a thread, and about 22 bytes for each user, fold, model
    and metric: 0.5 GiB for 100,000 users, 5 folds, 5 models and 10 metrics. The same data, arguments and
    seed give the same figures at any thread count.
    """
    check_dataset("data", data)
    given = settings or {}
    names = _names(models, has_ratings=not data.interactions.is_implicit)
    _check(k, n_draws, relevant_min, also_mask, given, names)
    chosen = choose(metrics, k, has_ratings=not data.interactions.is_implicit)
    seed = seed_of(rng)
    bound = relevance_bound(data.interactions, data.interactions, relevant_min)
    plan = _Plan(names, given, chosen, k, bound, also_mask, seed, progress)
    runs: _Runs = {name: [] for name in names}
    parts = parts_of(data, split)
    tested = [_run_part(data, parts, number, plan, runs) for number in range(len(parts))]
    return _record(data, renumbered(tested), runs, plan, Protocol(split, len(parts), k, bound, n_draws, seed))


def evaluate_recommender(
    recommender: Recommender,
    test: Dataset,
    *,
    k: int = 10,
    relevant_min: float | None = None,
    also_mask: Dataset | None = None,
    metrics: Sequence[str] | None = None,
    rng: Rng = 0,
    n_draws: int = 1000,
    progress: Progress = SILENT,
) -> EvaluationRecord:
    """Measure a fitted recommender on test rows of your own.

    *Stability: caller-stable.*

    The baselines are fitted to the recommender's training data. What counts and what is masked is as
    in :func:`evaluate`; test rows that were training rows cannot be listed, and a note counts them.
    The recommender's ``fit_s`` is 0: it was fitted earlier.

    Parameters
    ----------
    recommender : Recommender
    test : Dataset
        Ids that the recommender does not know are allowed and counted.
    k, relevant_min, also_mask, metrics, rng, n_draws, progress
        As in :func:`evaluate`.

    Returns
    -------
    EvaluationRecord
        Of the split ``test``; name and fingerprint are those of `test`.

    Raises
    ------
    UnknownNameError, InvalidValueError
        As in :func:`evaluate`.
    """
    check_recommender(recommender)
    check_dataset("test", test)
    train, rows = recommender.train, test.interactions
    names = _names([recommender.name], has_ratings=not train.interactions.is_implicit)
    _check(k, n_draws, relevant_min, also_mask, {}, names)
    chosen = choose(metrics, k, has_ratings=not rows.is_implicit)
    seed = seed_of(rng)
    bound = relevance_bound(rows, train.interactions, relevant_min)
    plan = _Plan(names, {}, chosen, k, bound, also_mask, seed, progress)
    fold = make_fold(train, test, rows.users, bound=bound, also_mask=also_mask)
    runs: _Runs = {}
    for done, name in enumerate(names):
        progress.step(f"evaluate {name}", done, len(names), {})
        runs[name] = [_run(fold, name, plan, recommender if name == recommender.name else None)]
    return _record(test, [fold.tested], runs, plan, Protocol("test", 1, k, bound, n_draws, seed))


def _run_part(data: Dataset, parts: Sequence[str], number: int, plan: _Plan, runs: _Runs) -> Tested:
    """Split, fit and measure one part; its training data is gone when this returns."""
    (part,) = make_splits(data, parts[number], rng=plan.seed)
    fold = make_fold(
        part.train,
        part.test,
        data.interactions.users,
        bound=plan.bound,
        fold_in=part.fold_in,
        also_mask=plan.also_mask,
    )
    which = f", fold {number + 1} of {len(parts)}" if len(parts) > 1 else ""
    for done, name in enumerate(plan.names, start=number * len(plan.names)):
        plan.progress.step(f"evaluate {name}{which}", done, len(parts) * len(plan.names), {})
        runs[name].append(_run(fold, name, plan))
    return replace(fold.tested, n_users_without_test=part.n_users_without_test)


def _run(fold: Fold, name: str, plan: _Plan, fitted: Recommender | None = None) -> _Run:
    """Fit, unless there is a fitted one; measure; time both."""
    start = perf_counter()
    recommender = fitted or fit(
        fold.train,
        name,
        settings=plan.settings.get(name),
        rng=plan.seed,
        progress=plan.progress,
        keep_partial=False,
    )
    ready = perf_counter()
    measured = measure(recommender, fold, plan.chosen, plan.k)
    fit_s = 0.0 if fitted else ready - start
    settings = recommender.config.model_dump(mode="json")
    return _Run(recommender.objective, settings, measured, fit_s, perf_counter() - ready)


def _record(
    data: Dataset, tested: Sequence[Tested], runs: _Runs, plan: _Plan, protocol: Protocol
) -> EvaluationRecord:
    k = protocol.k
    measured = {name: [run.measured for run in of_model] for name, of_model in runs.items()}
    rng = stream(protocol.seed, "bootstrap")
    figures = summarize(tested, measured, plan.chosen, n_draws=protocol.bootstrap_draws, rng=rng)
    sliced = [METRICS[stem].name(k) for stem in ("rmse", "ndcg", "recall")]
    wanted = [name for name in sliced if name in plan.chosen]
    given = None if plan.also_mask is None else len(plan.also_mask.interactions)
    also_masked = sum(fold.n_also_masked for fold in tested)
    return EvaluationRecord(
        data=data.name,
        fingerprint=data.fingerprint,
        is_implicit=data.interactions.is_implicit,
        protocol=replace(protocol, also_masked=also_masked, also_given=given),
        counts=count(tested),
        models=tuple(
            ModelResult(
                model=name,
                objective=of_model[0].objective,
                is_baseline=name in BASELINES,
                settings=of_model[0].settings,
                metrics=figures.estimates[name],
                fit_s=sum(run.fit_s for run in of_model),
                predict_s=sum(run.predict_s for run in of_model),
            )
            for name, of_model in runs.items()
        ),
        differences=differences(figures, k),
        slices=(*user_slices(tested, figures, wanted), *item_slices(tested, measured, wanted, k)),
        notes=notes_of(tested, data.name, given),
    )


def _names(models: Sequence[str], *, has_ratings: bool) -> list[str]:
    """Baselines, then the models, each once."""
    if isinstance(models, str) or not isinstance(models, Iterable):
        raise InvalidValueError(f"models must be a list of names. Got {models!r}; write [{models!r}].")
    baselines = [name for name in BASELINES if has_ratings or name != "bias"]
    names = list(dict.fromkeys([*baselines, *models]))
    for name in names:
        get(name)  # raises before anything is fitted
    return names


def _check(
    k: int,
    n_draws: int,
    relevant_min: float | None,
    also_mask: Dataset | None,
    settings: Mapping[str, object],
    names: Sequence[str],
) -> None:
    if also_mask is not None:
        check_dataset("also_mask", also_mask)
    check_type("relevant_min", relevant_min, (Real, NoneType), "a number", "write for example 4.0")
    check_type("settings", settings, Mapping, "a mapping", "write for example {'als': {'n_factors': 32}}")
    for argument, value in (("k", k), ("n_draws", n_draws)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InvalidValueError(f"{argument} must be an int >= 1. Got {value!r}.")
    for name in settings:
        if name not in names:
            raise unknown_name("model in settings", name, names)
