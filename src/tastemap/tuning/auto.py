"""``auto``: race the models that suit the data, take the simplest of the best, fit it to all rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec

from tastemap.data import Dataset
from tastemap.data.dataset import check_dataset
from tastemap.errors import InvalidValueError, TastemapError
from tastemap.models.base import Objective
from tastemap.models.recommender import Recommender
from tastemap.progress import SILENT, Progress
from tastemap.rng import Rng, seed_of
from tastemap.training import fit
from tastemap.tuning.arena import METRIC
from tastemap.tuning.budget import Budget, EpochClock
from tastemap.tuning.candidates import Candidate, candidates
from tastemap.tuning.caps import within_memory
from tastemap.tuning.finals import run_finals
from tastemap.tuning.forecast import Forecast, can_be_cut, is_neural
from tastemap.tuning.leaderboard import Standing
from tastemap.tuning.outcome import ranked
from tastemap.tuning.race import LEAST_SHARE, LeftOut, run_race
from tastemap.tuning.trial import Trial, not_fitted
from tastemap.tuning.units import written_s

DEFAULT_BUDGET = "60s"


@dataclass(frozen=True, eq=False)
class Auto:
    """What :func:`auto` found.

    Parameters
    ----------
    recommender : Recommender
        The chosen model, fitted to all rows. ``recommender.resolved`` and ``seed`` repeat it by
        :func:`tastemap.fit`.
    metric : str
        ``rmse`` or ``ndcg@10``, on rows held out of the training data.
    leaderboard : tuple of Standing
        Candidates of the last whole round, best first; then those that went out before.
    left_out : tuple of LeftOut
        Candidates that did not take part or could not be fitted, and why; none of them stands above.
    notes : tuple of str
        What a person should know of the choice.
    """

    recommender: Recommender
    metric: str
    leaderboard: tuple[Standing, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """The choice as data, without the model."""
        return {
            "metric": self.metric,
            "leaderboard": [standing.as_json() for standing in self.leaderboard],
            "left_out": [one.as_json() for one in self.left_out],
            "choice": list(self.notes),
        }


def auto(
    data: Dataset,
    *,
    objective: Objective | None = None,
    budget: Budget | str | float | None = DEFAULT_BUDGET,
    max_memory: str | float | None = None,
    positive_min: float | None = None,
    rng: Rng = None,
    progress: Progress = SILENT,
) -> Auto:
    """Choose a model for the data, and fit it to all rows, within a time.

    *Stability: caller-stable.*

    A few settings of each model, from the baseline up, are fitted to one part of the data and measured on the
    rest; where time is short, first on few users, and where there is time, the best on several parts. Of the
    models within one standard error of the paired
    difference to the best, or within 2 % of its NDCG@10 or 0.5 % of its RMSE, the simplest is taken. Ctrl-C
    ends the race and takes the best so far; a second one ends the fit to all rows.

    Parameters
    ----------
    data : Dataset
    objective : {"rating", "ranking"} or None
        None: rating where there are ratings.
    budget : str, float, Budget or None
        Time for everything, saving included: ``"60s"``, ``"5m"`` or seconds. A :class:`Budget` may have been
        started before the data was read. None: no end.
    max_memory : str, float or None
        Such as ``"4GB"``: candidates that are predicted to need more are left out. None: what this machine
        has.
    positive_min : float or None
        Ranking models learn from ratings of at least this.
    rng : int, Generator or None
        The seed of the split, of every fit and of the intervals. What is chosen also depends on the time.
    progress : Progress

    Returns
    -------
    Auto

    Raises
    ------
    InvalidValueError
        If the objective does not suit the data, or `budget` or `max_memory` is too small for any model.
    """
    budget = Budget.of(budget)
    check_dataset("data", data)
    objective = _objective(data, objective, positive_min)
    seed = seed_of(rng)
    forecast = Forecast(data, objective)
    entrants, missing = _installed(candidates(objective, positive_min))
    entrants, left_out = within_memory(entrants, forecast, max_memory)
    fallback = _baseline(data, entrants[0], forecast, budget, seed, progress)
    race = run_race(
        data,
        entrants,
        objective,
        forecast=forecast,
        budget=budget,
        seed=seed,
        progress=progress,
        positive_min=positive_min,
    )
    run_finals(
        race,
        data,
        objective,
        forecast=forecast,
        budget=budget,
        seed=seed,
        progress=progress,
        positive_min=positive_min,
    )
    order, board, notes = ranked(race, seed)
    recommender, more = _refit(data, order, fallback, forecast, budget, seed, progress)
    recommender = replace(recommender, interrupted=recommender.interrupted or race.interrupted)
    return Auto(
        recommender, METRIC[objective], tuple(board), (*missing, *left_out, *race.left_out), (*notes, *more)
    )


def _objective(data: Dataset, objective: Objective | None, positive_min: float | None) -> Objective:
    if objective not in (None, "rating", "ranking"):
        raise InvalidValueError(f"objective must be rating or ranking. Got {objective!r}.")
    found: Objective = objective or ("ranking" if data.interactions.is_implicit else "rating")
    if found == "rating" and data.interactions.is_implicit:
        raise InvalidValueError(
            "objective must be ranking for data without ratings. Got 'rating'; leave it out, or name the "
            "column with --rating-col."
        )
    if found == "rating" and positive_min is not None:
        raise InvalidValueError(
            "positive_min is for ranking models; a rating model needs the low ones too. Choose the objective "
            "ranking, or leave positive_min out."
        )
    return found


def _installed(entrants: Sequence[Candidate]) -> tuple[list[Candidate], list[LeftOut]]:
    """Those that can be fitted here, and those that need PyTorch where it is not installed."""
    missing = [] if find_spec("torch") else [one for one in entrants if is_neural(one.model)]
    reason = "PyTorch is not installed; install it with: pip install 'tastemap[torch]'"
    return [one for one in entrants if one not in missing], [LeftOut(one, reason) for one in missing]


def _baseline(
    data: Dataset, baseline: Candidate, forecast: Forecast, budget: Budget, seed: int, progress: Progress
) -> Recommender:
    """The first usable model; raises if the budget does not hold even this one."""
    needed_s = forecast.planned_s(baseline) + forecast.save_s(baseline)
    if budget.left_s < needed_s:
        raise budget.refusal(needed_s, f"fit even {baseline.model} to this data")
    started_s = budget.used_s
    found = fit(data, baseline.model, settings=baseline.settings, rng=seed, progress=progress)
    forecast.learn_start(baseline, budget.used_s - started_s)
    return found


def _refit(
    data: Dataset,
    order: Sequence[Trial],
    fallback: Recommender,
    forecast: Forecast,
    budget: Budget,
    seed: int,
    progress: Progress,
) -> tuple[Recommender, list[str]]:
    """The first trial in `order` for which there is time, fitted to all rows; and notes."""
    notes: list[str] = []
    for trial in order:
        model, save_s = trial.candidate.model, forecast.save_s(trial.candidate)
        if model == fallback.name:
            return fallback, notes
        share = LEAST_SHARE if can_be_cut(model) else 1.0
        if not budget.fits(share * trial.refit_s + save_s):
            notes.append(
                f"{trial.candidate.label} could not be fitted to all rows in the "
                f"{written_s(max(budget.left_s, 0.0))} that were left: the next one is taken."
            )
            continue
        settings = trial.resolved.model_dump(exclude_defaults=True)
        clock = EpochClock(budget, save_s + trial.export_s)
        try:
            found = fit(data, model, settings=settings, rng=seed, progress=progress, stop=clock)
        except KeyboardInterrupt:
            notes.append(f"Ctrl-C ended the fit to all rows: the baseline {fallback.name} is taken.")
            return replace(fallback, interrupted=True), notes
        except (TastemapError, MemoryError) as error:
            notes.append(not_fitted(trial, error))
            continue
        # Where the clock has cut the fit, its settings are those that repeat it, as if they had been given.
        return replace(found, config=found.resolved), notes
    return fallback, notes
