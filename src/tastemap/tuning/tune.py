"""Search the settings of one model with Optuna, then fit it with the best ones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tastemap.data import Dataset
from tastemap.data.dataset import check_dataset
from tastemap.errors import DataError, InvalidValueError, TastemapError
from tastemap.models.recommender import Recommender
from tastemap.progress import SILENT, Progress, announce_compilation
from tastemap.rng import Rng, seed_of
from tastemap.training import fit, get, make_config
from tastemap.training.fit import check_ratings, with_positive_min
from tastemap.tuning.arena import Arena, make_arena
from tastemap.tuning.budget import Budget, EpochClock
from tastemap.tuning.candidates import Candidate
from tastemap.tuning.caps import ensure_memory
from tastemap.tuning.forecast import Forecast, can_be_cut
from tastemap.tuning.search import Proposal, ensure_optuna, proposals
from tastemap.tuning.space import dimensions
from tastemap.tuning.trial import Trial, TriedSettings, not_fitted, run_trial, why
from tastemap.tuning.units import written_s

N_TRIALS = 30
"""Trials where neither their number nor a time is given."""

MOST_TRIALS = 1_000
"""Trials where only a time is given."""


@dataclass(frozen=True, eq=False)
class Tuned:
    """What :func:`tune` found.

    Parameters
    ----------
    recommender : Recommender
        Fitted to all rows with the best settings.
    metric : str
    trials : tuple of TriedSettings
        Best first.
    notes : tuple of str
    """

    recommender: Recommender
    metric: str
    trials: tuple[TriedSettings, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """The search as data, without the model."""
        return {
            "metric": self.metric,
            "trials": [one.as_json() for one in self.trials],
            "choice": list(self.notes),
        }


def tune(
    data: Dataset,
    model: str,
    *,
    settings: Mapping[str, object] | None = None,
    n_trials: int | None = None,
    budget: Budget | str | float | None = None,
    max_memory: str | float | None = None,
    positive_min: float | None = None,
    rng: Rng = None,
    progress: Progress = SILENT,
) -> Tuned:
    """Search the settings of a model on a split of the data, then fit it to all rows.

    *Stability: caller-stable.*

    The first trial has the settings as given, so that the search never chooses what is worse on the held-out
    rows. The next ones are proposed by Optuna's tree-structured Parzen estimator. A trial that is worse than
    the median of those before it after as many epochs ends there. Ctrl-C ends the search.

    Parameters
    ----------
    data : Dataset
    model : str
        A registered name, not ``auto``.
    settings : mapping of str to object, optional
        These stay as they are.
    n_trials : int or None
        At least 1. None: 30, or as many as fit into the budget.
    budget : str, float, Budget or None
        Time for everything, as in :func:`tastemap.auto`.
    max_memory : str, float or None
        Settings that are predicted to need more are not tried. None: what this machine has.
    positive_min : float or None
    rng : int, Generator or None
    progress : Progress

    Returns
    -------
    Tuned

    Raises
    ------
    MissingExtraError
        If Optuna is not installed.
    InvalidValueError
        If nothing is left to search, `n_trials` is below 1, or the budget, the memory or the data is too
        small for a single trial.
    """
    budget = Budget.of(budget)
    check_dataset("data", data)
    entry, seed = get(model), seed_of(rng)
    check_ratings(data.interactions, entry)
    _check_trials(n_trials)
    fixed = with_positive_min(entry, settings or {}, positive_min)
    make_config(model, fixed)
    space = dimensions(model, fixed)
    if not space:
        raise InvalidValueError(
            f"There is no setting of {model} to search that is not fixed; fit it without tune."
        )
    ensure_optuna()
    ensure_memory(data, model, fixed, max_memory)
    arena = make_arena(data, entry.objective, 1.0, seed, positive_min)
    if arena is None:
        raise DataError(
            "There are too few interactions to hold some out and compare settings; fit without tune."
        )
    search = _Search(data, Candidate(model, fixed), arena, budget, seed, max_memory, progress)
    most = n_trials or (N_TRIALS if math.isinf(budget.limit_s) else MOST_TRIALS)
    search.run(proposals(space, seed), most)
    return search.finish()


def _check_trials(n_trials: int | None) -> None:
    if n_trials is not None and not (type(n_trials) is int and n_trials >= 1):
        raise InvalidValueError(
            f"n_trials must be a whole number of at least 1. Got {n_trials!r}; leave it out for {N_TRIALS}, or "
            "for as many as fit into budget.",
            argument="n_trials",
        )


class _Search:
    """Trials so far, the best first when it ends."""

    def __init__(
        self,
        data: Dataset,
        given: Candidate,
        arena: Arena,
        budget: Budget,
        seed: int,
        max_memory: str | float | None,
        progress: Progress,
    ) -> None:
        self._data, self._given, self._arena = data, given, arena
        self._budget, self._seed, self._max_memory, self._progress = budget, seed, max_memory, progress
        self._forecast = Forecast(data, arena.objective)
        self._tried: list[tuple[Trial, bool]] = []
        self._notes: list[str] = []
        self._interrupted = False
        self._most = 1

    def run(self, proposed: Iterator[Proposal], most: int) -> None:
        """Try the given settings, then proposals, until `most` trials or the time are over, or Ctrl-C."""
        self._check_time()
        self._most = most
        try:
            self._try(self._given, None)
            for _ in range(1, most):
                # The first trial also loads and compiles.
                longest_s = max(trial.seconds for trial, _ in self._tried[1:] or self._tried)
                if not self._budget.fits(longest_s + self._kept_s()):
                    break
                proposal = next(proposed)
                settings = {**proposal.settings, **self._given.settings}
                self._try(Candidate(self._given.model, settings), proposal)
        except KeyboardInterrupt:
            if not self._tried:
                raise
            self._notes.append("Ctrl-C ended the search; the best so far is taken.")
            self._interrupted = True

    def finish(self) -> Tuned:
        """Fit all rows with the best settings that can be fitted to them."""
        ranked = sorted(self._tried, key=lambda one: self._arena.cost(one[0].figure))
        recommender = self._refit([trial for trial, _ in ranked])
        trials = [
            TriedSettings(
                one.candidate.settings,
                one.figure,
                one.n_epochs,
                one.seconds,
                is_whole,
                is_given=one.candidate == self._given,
            )
            for one, is_whole in ranked
        ]
        return Tuned(recommender, self._arena.metric, tuple(trials), tuple(self._notes))

    def _refit(self, order: Sequence[Trial]) -> Recommender:
        for place, trial in enumerate(order, start=1):
            try:
                found = fit(
                    self._data,
                    self._given.model,
                    settings=trial.resolved.model_dump(exclude_defaults=True),
                    rng=self._seed,
                    progress=self._progress,
                    stop=EpochClock(self._budget, self._forecast.save_s(trial.candidate) + trial.export_s),
                )
            except (TastemapError, MemoryError) as error:
                if place == len(order):
                    raise
                self._notes.append(not_fitted(trial, error))
                continue
            # Where the clock has cut the fit, its settings repeat it, as if they had been given.
            stopped = found.interrupted or self._interrupted
            return replace(found, config=found.resolved, interrupted=stopped)
        raise AssertionError("at least one trial has been kept")

    def _check_time(self) -> None:
        needed_s = 2.0 * self._forecast.planned_s(self._given) + self._forecast.save_s(self._given)
        if can_be_cut(self._given.model):
            needed_s = self._forecast.save_s(self._given)
        if not self._budget.fits(needed_s):
            raise self._budget.refusal(needed_s, f"try settings of {self._given.model}")

    def _kept_s(self) -> float:
        """What fitting all rows with the best settings so far and saving will take."""
        best = min(
            (trial for trial, _ in self._tried), key=lambda one: self._arena.cost(one.figure), default=None
        )
        return self._forecast.save_s(self._given) + (best.refit_s if best else 0.0)

    def _show(self, candidate: Candidate) -> None:
        now = Candidate("", candidate.settings).label.strip() or "the defaults"
        self._budget.show(self._progress, f"tune {self._given.model}", now, len(self._tried), self._most)

    def _try(self, candidate: Candidate, proposal: Proposal | None) -> None:
        """Run one trial and keep it; settings that cannot be fitted are noted."""

        def is_over(epoch: int, figure: float, next_s: float) -> bool:
            self._show(candidate)
            if proposal is None and epoch == 1:  # which may have waited for kernels
                next_s = min(next_s, self._forecast.fit_s(candidate))
            is_poor = proposal is not None and proposal.is_poor(epoch, self._arena.cost(figure))
            return is_poor or not self._budget.fits(next_s + self._kept_s())

        self._show(candidate)
        try:
            config = make_config(candidate.model, candidate.settings)
            ensure_memory(self._data, candidate.model, candidate.settings, self._max_memory)
            with announce_compilation(self._progress):
                trial = run_trial(candidate, config, self._arena, self._seed, self._budget.clock, is_over)
        except (TastemapError, MemoryError) as error:
            if proposal is None:
                raise
            proposal.tell_failure()
            self._notes.append(f"Not tried: {candidate.label}: {why(error).removesuffix('.')}.")
            return
        self._forecast.learn(candidate, trial, self._arena.growth)
        self._tried.append((trial, not trial.was_cut))
        if proposal is not None:
            proposal.tell(self._arena.cost(trial.figure), is_whole=not trial.was_cut)
        self._progress.note(
            f"{candidate.label}: {self._arena.metric} {trial.figure:.4f} in {written_s(trial.seconds)}"
            f"{' (ended early)' if trial.was_cut else ''}."
        )
