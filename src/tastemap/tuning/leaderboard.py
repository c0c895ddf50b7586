"""The candidates of a race beside each other, and the one to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from tastemap.evaluation.fold import renumbered
from tastemap.evaluation.summary import paired_interval, ratios_of, without_noise
from tastemap.linalg.threads import single_threaded_blas
from tastemap.metrics.bootstrap import Ratio, bootstrap, interval, mean_of_folds
from tastemap.models.base import Objective
from tastemap.rng import stream
from tastemap.tuning.arena import Arena
from tastemap.tuning.candidates import simplicity
from tastemap.tuning.trial import Trial

DRAWS = 1_000
NEAR: dict[Objective, float] = {"rating": 0.005, "ranking": 0.02}
"""Share of the best figure by which another one may be worse and still be as good.

RMSEs of all models lie within a few percent, so 2 % of one would call nearly everything equal.
"""


@dataclass(frozen=True)
class Standing:
    """A candidate's place.

    Parameters
    ----------
    model : str
    settings : dict
        Those that differ from the defaults.
    value, low, high : float
        The figure on the held-out rows and its 95 % interval; no ends if fewer than six users count.
    difference, difference_low, difference_high : float or None
        Paired with the best candidate; None for one that was measured on fewer users.
    difference_error : float or None
        The standard error of the paired difference; None as before.
    n_epochs : int or None
        Epochs at the figure; None for a closed form.
    was_cut : bool
        Whether it was stopped for lack of time; more epochs might have been better.
    seconds : float
    share : float
        Share of the users that it was measured with; below 1 it went out early.
    n_folds : int
        Parts of the rows that were held out in turn; figures are means over them.
    as_good : bool
        Within one standard error of the paired difference, or within :data:`NEAR` of the best figure.
    """

    model: str
    settings: Mapping[str, object]
    value: float
    low: float | None
    high: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    difference_error: float | None
    n_epochs: int | None
    was_cut: bool
    seconds: float
    share: float
    n_folds: int
    as_good: bool

    def as_json(self) -> dict[str, object]:
        """The fields as data."""
        return asdict(self)


def standings(
    arena: Arena,
    trials: Sequence[Trial],
    share: float,
    seed: int,
    repeats: Sequence[tuple[Arena, Sequence[Trial]]] = (),
) -> list[Standing]:
    """All candidates of one round, in the order of `trials`; `repeats` are theirs on other parts of the rows.

    Figures are means over the parts. Users are drawn in all parts together, so a repeat narrows differences.
    """
    if not trials:
        return []
    folds = [(arena, trials), *repeats]
    ratios = _ratios(arena.metric, folds)
    figures = [float(mean_of_folds(ratio.fold_figures())) for ratio in ratios]
    with single_threaded_blas():  # sums must not depend on the number of threads
        draws = bootstrap(ratios, n_draws=DRAWS, rng=stream(seed, "auto bootstrap"))  # (R, candidates)
    best = min(range(len(trials)), key=lambda place: arena.cost(figures[place]))
    found = []
    for place, trial in enumerate(trials):
        change = draws[:, place] - draws[:, best]
        ends = interval(draws[:, place], int(ratios[place].counted.sum())) or (None, None)
        difference = without_noise(figures[place] - figures[best])
        error = float(np.nanstd(change))
        within = max(error, NEAR[arena.objective] * abs(figures[best]))
        paired = paired_interval(change, ratios[place], ratios[best])
        found.append(
            Standing(
                model=trial.candidate.model,
                settings=trial.candidate.settings,
                value=figures[place],
                low=ends[0],
                high=ends[1],
                difference=difference,
                difference_low=paired[0],
                difference_high=paired[1],
                difference_error=error,
                n_epochs=trial.n_epochs,
                was_cut=trial.was_cut,
                seconds=trial.seconds,
                share=share,
                n_folds=len(folds),
                as_good=abs(difference) <= within,
            )
        )
    return found


def _ratios(metric: str, folds: Sequence[tuple[Arena, Sequence[Trial]]]) -> list[Ratio]:
    """The statistic of each candidate over all parts of the rows, whose users stand in one table."""
    sums = {
        (str(place), metric): [trials[place].measured.sums[metric] for _, trials in folds]
        for place in range(len(folds[0][1]))
    }
    tested = renumbered([each.fold.tested for each, _ in folds])
    n_users = 1 + max(int(fold.population.max()) for fold in tested)
    return list(ratios_of(sums, [fold.population for fold in tested], n_users).values())


def preferred(arena: Arena, trials: Sequence[Trial], found: Sequence[Standing]) -> list[Trial]:
    """The trials in the order in which to take them.

    First the simplest model that is as good as the best, with its best settings; then others by their figures.
    """

    def rank(place: int) -> tuple[bool, int, float]:
        is_far = not found[place].as_good
        order = 0 if is_far else simplicity(arena.objective, found[place].model)
        return is_far, order, arena.cost(found[place].value)

    return [trials[place] for place in sorted(range(len(trials)), key=rank)]
