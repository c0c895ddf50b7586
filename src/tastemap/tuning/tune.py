"""Search the settings of one model with Optuna, then fit it with the best ones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace

from tastemap.data import Dataset
from tastemap.data.dataset import check_dataset
from tastemap.errors import DataError, InvalidValueError, TastemapError
from tastemap.models.recommender import Recommender
from tastemap.progress import SILENT, Progress, announce_compilation
from tastemap.rng import Rng, seed_of
from tastemap.training import fit, get, make_config
from tastemap.training.fit import check_ratings
from tastemap.tuning.arena import Arena, make_arena
from tastemap.tuning.budget import CAREFUL, Budget, EpochClock
from tastemap.tuning.candidates import Candidate
from tastemap.tuning.caps import ensure_memory
from tastemap.tuning.forecast import Forecast, can_be_cut
from tastemap.tuning.search import Proposal, ensure_optuna, proposals
from tastemap.tuning.space import dimensions
from tastemap.tuning.trial import Trial, run_trial
from tastemap.tuning.units import written_s

N_TRIALS = 30
"""Trials where neither their number nor a time is given."""

MOST_TRIALS = 1_000
"""Trials where only a time is given."""


@dataclass(frozen=True)
class TriedSettings:
    """One trial of a search.

    Parameters
    ----------
    settings : dict
        Those that differ from the defaults.
    value : float
        The figure on the held-out rows.
    n_epochs : int or None
        Epochs at the figure; None for a closed form.
    seconds : float
    is_whole : bool
        Whether it ran to its end; others were worse than the median of those before, or the time was up.
    """

    settings: Mapping[str, object]
    value: float
    n_epochs: int | None
    seconds: float
    is_whole: bool

    def as_json(self) -> dict[str, object]:
        """The fields as data."""
        return asdict(self)


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
        None: 30, or as many as fit into the budget.
    budget : str, float, Budget or None
        Time for everything, as in :func:`tastemap.auto`.
    max_memory : str, float or None
        Settings that are predicted to need more are not tried.
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
        If nothing is left to search, or the budget, the memory or the data is too small for a single trial.
    """
    budget = Budget.of(budget)
    check_dataset("data", data)
    entry, seed = get(model), seed_of(rng)
    check_ratings(data.interactions, entry)
    shared = {} if positive_min is None else {"positive_min": positive_min}
    fixed = {**(settings or {}), **shared}
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

    def run(self, proposed: Iterator[Proposal], most: int) -> None:
        """Try the given settings, then proposals, until `most` trials or the time are over, or Ctrl-C."""
        self._check_time()
        try:
            self._try(self._given, None)
            for number in range(1, most):
                # The first trial also loads and compiles.
                longest_s = max(trial.seconds for trial, _ in self._tried[1:] or self._tried)
                if not self._budget.fits(longest_s + self._kept_s()):
                    break
                self._progress.step(f"tune {self._given.model}", number, most, {})
                proposal = next(proposed)
                settings = {**proposal.settings, **self._given.settings}
                self._try(Candidate(self._given.model, settings), proposal)
        except KeyboardInterrupt:
            if not self._tried:
                raise
            self._notes.append("Ctrl-C ended the search; the best so far is taken.")

    def finish(self) -> Tuned:
        """Fit all rows with the best settings."""
        ranked = sorted(self._tried, key=lambda one: self._arena.cost(one[0].figure))
        best = ranked[0][0]
        recommender = fit(
            self._data,
            self._given.model,
            settings=best.resolved.model_dump(exclude_defaults=True),
            rng=self._seed,
            progress=self._progress,
            stop=EpochClock(self._budget, self._forecast.save_s(best.candidate) + best.export_s),
        )
        trials = [
            TriedSettings(one.candidate.settings, one.figure, one.n_epochs, one.seconds, is_whole)
            for one, is_whole in ranked
        ]
        # Where the clock has cut the fit, its settings are those that repeat it, as if they had been given.
        recommender = replace(recommender, config=recommender.resolved)
        return Tuned(recommender, self._arena.metric, tuple(trials), tuple(self._notes))

    def _check_time(self) -> None:
        needed_s = 2.0 * self._forecast.planned_s(self._given) + self._forecast.save_s(self._given)
        if can_be_cut(self._given.model):
            needed_s = self._forecast.save_s(self._given)
        if not self._budget.fits(needed_s):
            least_s = math.ceil(self._budget.used_s + CAREFUL * needed_s)
            raise InvalidValueError(
                f"budget must be at least about {least_s}s to try settings of {self._given.model}. "
                f"Got {written_s(self._budget.limit_s)}, of which {written_s(self._budget.used_s)} are "
                "over; allow more time.",
                argument="budget",
            )

    def _kept_s(self) -> float:
        """What fitting all rows with the best settings so far and saving will take."""
        best = min(
            (trial for trial, _ in self._tried), key=lambda one: self._arena.cost(one.figure), default=None
        )
        return self._forecast.save_s(self._given) + (best.refit_s if best else 0.0)

    def _try(self, candidate: Candidate, proposal: Proposal | None) -> None:
        """Run one trial and keep it; settings that cannot be fitted are noted."""

        def is_over(epoch: int, figure: float, next_s: float) -> bool:
            if proposal is None and epoch == 1:  # which may have waited for kernels
                next_s = min(next_s, self._forecast.fit_s(candidate))
            is_poor = proposal is not None and proposal.is_poor(epoch, self._arena.cost(figure))
            return is_poor or not self._budget.fits(next_s + self._kept_s())

        try:
            config = make_config(candidate.model, candidate.settings)
            ensure_memory(self._data, candidate.model, candidate.settings, self._max_memory)
            with announce_compilation(self._progress):
                trial = run_trial(candidate, config, self._arena, self._seed, self._budget.clock, is_over)
        except TastemapError as error:
            if proposal is None:
                raise
            proposal.tell_failure()
            self._notes.append(f"Not tried: {candidate.label}: {error}")
            return
        self._forecast.learn(candidate, trial, self._arena.growth)
        self._tried.append((trial, not trial.was_cut))
        if proposal is not None:
            proposal.tell(self._arena.cost(trial.figure), is_whole=not trial.was_cut)
        self._progress.note(
            f"{candidate.label}: {self._arena.metric} {trial.figure:.4f} in {written_s(trial.seconds)}"
            f"{' (ended early)' if trial.was_cut else ''}."
        )
