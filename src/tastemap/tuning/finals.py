"""After a race: those that are about as good as the best are measured on other parts of the rows too.

One part leaves a paired difference unsure by a few percent, which is more than most settings differ by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from tastemap.data import Dataset
from tastemap.errors import TastemapError
from tastemap.models.base import Objective
from tastemap.progress import Progress
from tastemap.training import make_config
from tastemap.tuning.arena import N_FOLDS, Arena, make_arena
from tastemap.tuning.budget import Budget
from tastemap.tuning.forecast import Forecast
from tastemap.tuning.leaderboard import standings
from tastemap.tuning.outcome import deciding_round
from tastemap.tuning.race import Race
from tastemap.tuning.trial import Trial, run_trial, why
from tastemap.tuning.units import written_s


def run_finals(
    race: Race,
    data: Dataset,
    objective: Objective,
    *,
    forecast: Forecast,
    budget: Budget,
    seed: int,
    progress: Progress,
    positive_min: float | None = None,
) -> None:
    """Repeat the finalists of a round on all users, as long as a whole repeat fits; adds to ``race.repeats``.

    A repeat that the clock, Ctrl-C or an error ends is left out: all finalists are compared on the same parts.
    """
    found = deciding_round(race)
    if race.interrupted or found is None or found[0] < 1.0:
        return
    share, arena, trials = found
    standing = standings(arena, trials, share, seed)
    finalists = [trial for trial, one in zip(trials, standing, strict=True) if one.as_good]
    if len(finalists) < 2:
        return
    reserve_s = max(trial.refit_s + forecast.save_s(trial.candidate) for trial in finalists)
    try:
        for number in range(1, N_FOLDS):
            if not budget.fits(sum(trial.seconds for trial in finalists) + reserve_s):
                return
            other = make_arena(data, objective, share, seed, positive_min, number)
            again = None if other is None else _again(race, finalists, other, budget, reserve_s, seed, progress)
            if other is None or again is None:
                return
            race.repeats.append((other, again))
            finalists = _as_quick(finalists, again)
    except KeyboardInterrupt:
        race.interrupted = True


def _again(
    race: Race,
    finalists: Sequence[Trial],
    arena: Arena,
    budget: Budget,
    reserve_s: float,
    seed: int,
    progress: Progress,
) -> list[Trial] | None:
    """The finalists on another part of the rows; None if not all could be measured to their ends."""
    found: list[Trial] = []
    for place, finalist in enumerate(finalists):
        candidate = finalist.candidate

        show = partial(budget.show, progress, "auto", candidate.label, place, len(finalists))

        def is_over(epoch: int, figure: float, next_s: float, show: Callable[[], None] = show) -> bool:
            show()
            return not budget.fits(max(next_s, reserve_s))

        try:
            config = make_config(candidate.model, candidate.settings)
            trial = run_trial(candidate, config, arena, seed, budget.clock, is_over)
        except (TastemapError, MemoryError) as error:
            race.notes.append(f"{candidate.label} could not be measured again: {why(error).removesuffix('.')}.")
            return None
        if trial.was_cut:
            return None
        progress.note(
            f"{candidate.label}: {arena.metric} {trial.figure:.4f} on other rows in {written_s(trial.seconds)}."
        )
        found.append(trial)
    return found


def _as_quick(finalists: Sequence[Trial], again: Sequence[Trial]) -> list[Trial]:
    """Of each finalist the quicker trial: the first one may have compiled."""
    return [min(pair, key=lambda trial: trial.seconds) for pair in zip(finalists, again, strict=True)]
