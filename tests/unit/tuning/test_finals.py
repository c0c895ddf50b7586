"""The end of a race: the best are measured on other parts of the rows, as long as the time allows."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tastemap.training import make_config
from tastemap.tuning import finals
from tastemap.tuning.arena import N_FOLDS, Arena, make_arena
from tastemap.tuning.budget import Budget
from tastemap.tuning.candidates import Candidate
from tastemap.tuning.finals import run_finals
from tastemap.tuning.forecast import Forecast
from tastemap.tuning.leaderboard import standings
from tastemap.tuning.outcome import ranked
from tastemap.tuning.race import Race
from tastemap.tuning.trial import Trial, run_trial
from tests.toys import communities
from tests.unit.tuning.clocks import Hand, Listener

DATA = communities()[0]
GOOD, ALIKE = (Candidate("ease", {"regularization": value}) for value in (300.0, 301.0))
POOR = Candidate("popularity")


def arena_of(number: int) -> Arena:
    """All users, with one part of the rows held out."""
    arena = make_arena(DATA, "ranking", 1.0, 0, None, number)
    assert arena is not None
    return arena


def raced(*entrants: Candidate) -> Race:
    """A race of one round on all users."""
    arena = arena_of(0)
    trials = [run_trial(one, make_config(one.model, one.settings), arena, 0, Hand()) for one in entrants]
    return Race([(1.0, arena, trials)])


def worthless(trial: Trial) -> Trial:
    """The same without a hit."""
    above, counted = trial.measured.sums["ndcg@10"]
    measured = replace(trial.measured, sums={"ndcg@10": (np.zeros(len(above)), counted)})
    return replace(trial, measured=measured, figure=0.0)


def finish(race: Race, budget: Budget, progress: Listener | None = None) -> None:
    """Run the finals of a race."""
    run_finals(
        race,
        DATA,
        "ranking",
        forecast=Forecast(DATA, "ranking"),
        budget=budget,
        seed=0,
        progress=progress or Listener(),
    )


@pytest.fixture
def alike() -> Race:
    """A race whose two models of the same kind are as good as each other; the third is not."""
    race = raced(POOR, GOOD, ALIKE)
    _, arena, trials = race.rounds[0]
    trials[0] = worthless(trials[0])
    said = [one.as_good for one in standings(arena, trials, 1.0, 0)]
    assert said == [False, True, True]
    return race


def test_the_parts_of_the_rows_are_disjoint_and_together_all_rows() -> None:
    held = [arena_of(number).fold.tested.rows for number in range(N_FOLDS)]
    pairs = [
        (user, item)
        for rows in held
        for user, item in zip(
            rows.users.take(rows.user_index).to_list(), rows.items.take(rows.item_index).to_list(), strict=True
        )
    ]
    assert len(pairs) == len(set(pairs)) == len(DATA.interactions)


def test_the_best_alone_are_measured_on_every_part_where_there_is_time(alike: Race) -> None:
    finish(alike, Budget("60s", clock=Hand()))
    assert [[trial.candidate for trial in trials] for _, trials in alike.repeats] == [[GOOD, ALIKE]] * 4
    _, board, notes = ranked(alike, 0)
    assert [one.n_folds for one in board] == [N_FOLDS, N_FOLDS, 1]
    assert notes[-1] == "The 2 best were measured on 5 different parts of the rows each."


def test_the_figure_of_a_finalist_is_the_mean_over_the_parts(alike: Race) -> None:
    finish(alike, Budget("60s", clock=Hand()))
    _, board, _ = ranked(alike, 0)
    own = [trial.figure for _, trials in alike.repeats for trial in trials if trial.candidate == GOOD]
    own.append(alike.rounds[0][2][1].figure)
    value = next(one.value for one in board if one.settings == GOOD.settings)
    assert value == pytest.approx(np.mean(own))


def test_repeats_narrow_the_error_of_a_difference_and_may_turn_the_choice() -> None:
    arenas = [arena_of(number) for number in range(N_FOLDS)]
    good, worse = (noisy(arenas, seed, mean) for seed, mean in ((1, 0.5), (2, 0.45)))
    first = standings(arenas[0], [good[0], worse[0]], 1.0, 0)
    repeats = [(arena, [one, two]) for arena, one, two in zip(arenas, good, worse, strict=True)][1:]
    pooled = standings(arenas[0], [good[0], worse[0]], 1.0, 0, repeats)
    errors = [max(one.difference_error or 0.0 for one in found) for found in (first, pooled)]
    assert errors[1] < 0.75 * errors[0]
    assert math.isclose(pooled[0].value, float(np.mean([trial.figure for trial in good])))


def noisy(arenas: list[Arena], seed: int, mean: float) -> list[Trial]:
    """Trials whose users have figures around a mean, on each part."""
    random = np.random.default_rng(seed)
    trial = run_trial(POOR, make_config("popularity"), arenas[0], 0, Hand())
    found = []
    for arena in arenas:
        counted = arena.fold.tested.counted
        values = counted * random.normal(mean, 0.3, len(counted))
        measured = replace(trial.measured, sums={"ndcg@10": (values, counted)})
        found.append(replace(trial, measured=measured, figure=float(values.sum() / counted.sum())))
    return found


def test_a_repeat_for_which_there_is_no_time_does_not_begin(alike: Race) -> None:
    alike.rounds[0] = (*alike.rounds[0][:2], [replace(one, seconds=9.0) for one in alike.rounds[0][2]])
    finish(alike, Budget("20s", clock=Hand()))
    assert alike.repeats == []
    assert all(one.n_folds == 1 for one in ranked(alike, 0)[1])


def test_a_repeat_that_ctrl_c_ends_does_not_count_and_those_before_do(alike: Race) -> None:
    class Late(Listener):
        def note(self, message: str) -> None:
            super().note(message)
            if len(self.notes) == 3:  # in the midst of the second repeat
                raise KeyboardInterrupt

    finish(alike, Budget("60s", clock=Hand()), Late())
    assert alike.interrupted
    assert len(alike.repeats) == 1
    assert [one.n_folds for one in ranked(alike, 0)[1]] == [2, 2, 1]


def test_a_finalist_that_cannot_be_fitted_again_ends_the_repeats_and_is_named(
    alike: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> Trial:
        raise MemoryError

    monkeypatch.setattr(finals, "run_trial", failing)
    finish(alike, Budget("60s", clock=Hand()))
    assert alike.repeats == []
    assert alike.notes == [
        "ease regularization=300.0 could not be measured again: it needs more memory than there is."
    ]


def test_a_single_best_needs_no_repeat() -> None:
    race = raced(POOR, GOOD)
    race.rounds[0][2][0] = worthless(race.rounds[0][2][0])
    finish(race, Budget("60s", clock=Hand()))
    assert race.repeats == []


def test_the_fit_to_all_rows_takes_the_middle_number_of_epochs_of_all_parts() -> None:
    ials = Candidate("ials", {"n_factors": 4})
    race = raced(ials, Candidate("ials", {"n_factors": 4, "regularization": 0.0021}))
    finish(race, Budget("60s", clock=Hand()))
    assert len(race.repeats) == N_FOLDS - 1
    order, _, _ = ranked(race, 0)
    label = order[0].candidate.label
    trials = [*race.rounds[0][2], *(trial for _, again in race.repeats for trial in again)]
    epochs = sorted(trial.n_epochs or 0 for trial in trials if trial.candidate.label == label)
    assert order[0].n_epochs == epochs[N_FOLDS // 2]
