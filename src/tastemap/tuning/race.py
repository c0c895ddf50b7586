"""Successive halving: all candidates on few users, the better half on more, the last ones on all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from tastemap.data import Dataset
from tastemap.errors import TastemapError
from tastemap.models.base import Objective
from tastemap.progress import Progress, announce_compilation
from tastemap.training import make_config
from tastemap.tuning.arena import Arena, make_arena
from tastemap.tuning.budget import CAREFUL, Budget
from tastemap.tuning.candidates import Candidate
from tastemap.tuning.forecast import Forecast, can_be_cut
from tastemap.tuning.trial import Trial, run_trial, why
from tastemap.tuning.units import written_s

STEP = 3
"""How many times as many users the next round has."""

FEWEST_USERS = 1_000
"""A round on fewer users would say little."""

LEAST_SHARE = 0.25
"""Of its epochs, what must fit of a candidate that may be cut short."""


@dataclass(frozen=True)
class LeftOut:
    """A candidate that did not take part, and why."""

    candidate: Candidate
    reason: str

    def as_json(self) -> dict[str, object]:
        """The fields as data."""
        return {
            "model": self.candidate.model,
            "settings": dict(self.candidate.settings),
            "reason": self.reason,
        }


@dataclass(eq=False)
class Race:
    """What was raced; filled in while the race runs, so that whatever stops it leaves its results.

    Parameters
    ----------
    rounds : list of (share, arena, trials)
        The rounds, the share of users rising to 1.
    repeats : list of (arena, trials)
        The finalists of the last round on other parts of the rows, in the order of the first repeat.
    left_out : list of LeftOut
        Candidates that were never measured, or then could not be fitted to more rows.
    notes : list of str
        Which candidates that had been measured went out for lack of time.
    interrupted : bool
        Whether Ctrl-C ended the race.
    """

    rounds: list[tuple[float, Arena, list[Trial]]] = field(default_factory=list)
    repeats: list[tuple[Arena, list[Trial]]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    interrupted: bool = False


def shares(n_users: int, total_s: float, left_s: float) -> list[float]:
    """The share of users in each round, rising to 1.

    A single round where all candidates, `total_s` in all, fit into a third of the time; else each round before
    has a third of the users of the next.

    >>> shares(10_000, total_s=10.0, left_s=60.0), shares(90_000, total_s=100.0, left_s=60.0)
    ([1.0], [0.1111111111111111, 0.3333333333333333, 1.0])
    """
    found = [1.0]
    while total_s * found[0] > left_s / 3 and n_users * found[0] >= STEP * FEWEST_USERS:
        found.insert(0, found[0] / STEP)
    return found


def better_half(trials: Sequence[Trial], arena: Arena) -> list[Candidate]:
    """The better half of a round, rounded up, in the order in which they ran."""
    ranked = sorted(trials, key=lambda trial: arena.cost(trial.figure))
    kept = {trial.candidate.label for trial in ranked[: -(-len(trials) // 2)]}
    return [trial.candidate for trial in trials if trial.candidate.label in kept]


def run_race(
    data: Dataset,
    entrants: Sequence[Candidate],
    objective: Objective,
    *,
    forecast: Forecast,
    budget: Budget,
    seed: int,
    progress: Progress,
    positive_min: float | None = None,
) -> Race:
    """Race the candidates, cheapest first, for as long as the best could still be fitted to all data."""
    race = Race()
    total_s = sum(forecast.fit_s(candidate) + forecast.first_s(candidate) for candidate in entrants)
    try:
        for share in shares(data.interactions.n_users, total_s, budget.left_s):
            arena = make_arena(data, objective, share, seed, positive_min)
            if arena is None:
                break
            finished: list[Trial] = []
            race.rounds.append((share, arena, finished))
            for place, candidate in enumerate(entrants):
                show = partial(budget.show, progress, "auto", candidate.label, place, len(entrants))
                _enter(race, finished, candidate, arena, forecast, budget, seed, progress, show)
            entrants = better_half(finished, arena)
    except KeyboardInterrupt:
        race.interrupted = True
    return race


def _enter(
    race: Race,
    finished: list[Trial],
    candidate: Candidate,
    arena: Arena,
    forecast: Forecast,
    budget: Budget,
    seed: int,
    progress: Progress,
    show: Callable[[], None],
) -> None:
    best = min(finished, key=lambda trial: arena.cost(trial.figure), default=None)
    kept_s = best.refit_s if best else 0.0  # the best so far must still be fitted to all rows
    refused = _refusal(candidate, arena, forecast, budget, kept_s)
    if refused is not None:
        if any(trial.candidate == candidate for _, _, trials in race.rounds for trial in trials):
            race.notes.append(f"{candidate.label} went out before the round on more users: {refused}.")
        else:
            race.left_out.append(LeftOut(candidate, refused))
        return
    reserve_s = forecast.save_s(candidate)

    is_first = forecast.is_first(candidate)

    def is_over(epoch: int, figure: float, next_s: float) -> bool:
        show()
        if is_first and epoch == 1:  # which may have waited for kernels
            next_s = min(next_s, forecast.fit_s(candidate))
        return not budget.fits(max(next_s, kept_s) + reserve_s)

    show()
    try:
        config = make_config(candidate.model, candidate.settings)
        with announce_compilation(progress):
            trial = run_trial(candidate, config, arena, seed, budget.clock, is_over)
    except (TastemapError, MemoryError) as error:
        race.left_out.append(LeftOut(candidate, why(error)))
        return
    forecast.learn(candidate, trial, arena.growth)
    finished.append(trial)
    progress.note(f"{candidate.label}: {arena.metric} {trial.figure:.4f} in {written_s(trial.seconds)}.")


def _refusal(
    candidate: Candidate, arena: Arena, forecast: Forecast, budget: Budget, kept_s: float
) -> str | None:
    """Why there is no time for a candidate; None if there is."""
    share = LEAST_SHARE if can_be_cut(candidate.model) else 1.0
    fit_s = forecast.fit_s(candidate)
    needed_s = max(share * fit_s, kept_s) + share * fit_s / arena.growth + forecast.first_s(candidate)
    needed_s += forecast.save_s(candidate)
    left_s = budget.left_s
    if CAREFUL * needed_s <= left_s:
        return None
    return f"it would need about {written_s(CAREFUL * needed_s)}, and {written_s(max(left_s, 0.0))} are left"
