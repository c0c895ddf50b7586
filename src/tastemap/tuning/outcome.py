"""What a race says in the end: whom to take first, and how all stand."""

from __future__ import annotations

from dataclasses import replace

from tastemap.tuning.arena import Arena
from tastemap.tuning.leaderboard import NEAR, Standing, preferred, standings
from tastemap.tuning.race import Race, better_half
from tastemap.tuning.trial import Trial

Round = tuple[float, Arena, list[Trial]]


def ranked(race: Race, seed: int) -> tuple[list[Trial], list[Standing], list[str]]:
    """The trials in the order in which to take them, the standings of all, and notes.

    The last whole round decides. Those that went out before stand below, without a difference, since they were
    measured on other users; those that could not be fitted have no place.
    """
    stopped = ["Ctrl-C ended the race; the best so far is taken."] if race.interrupted else []
    notes, rounds = [*stopped, *race.notes], _rounds(race)
    if not rounds:
        return [], [], [*notes, "No models could be compared: the baseline is taken."]
    share, arena, trials = _deciding(race, rounds)
    found = _with_repeats(race, arena, trials, standings(arena, trials, share, seed), seed)
    order = preferred(arena, trials, found)
    board = sorted(found, key=lambda one: (-one.n_folds, arena.cost(one.value)))
    if race.repeats:
        parts = f"{board[0].n_folds} different parts of the rows"
        notes.append(f"The {len(race.repeats[0][1])} best were measured on {parts} each.")
    if board[0].model != order[0].candidate.model:
        taken = next(one for one in board if one.model == order[0].candidate.model)
        notes.append(_simpler(taken, board[0], arena))
    latest = {trial.candidate.label: trial for _, _, of_round in rounds for trial in of_round}
    order = [_usual(latest[trial.candidate.label], race) for trial in order]  # whose epochs come from more rows
    known = {trial.candidate.label for trial in trials}
    for share, arena, trials in reversed(rounds):
        out = [trial for trial in trials if trial.candidate.label not in known]
        known |= {trial.candidate.label for trial in out}
        board += _sorted([_without_difference(one) for one in standings(arena, out, share, seed)], arena)
    return order, board, notes


def deciding_round(race: Race) -> Round | None:
    """The round that decides; None if nothing was measured."""
    rounds = _rounds(race)
    return _deciding(race, rounds) if rounds else None


def _with_repeats(
    race: Race, arena: Arena, trials: list[Trial], found: list[Standing], seed: int
) -> list[Standing]:
    """The standings with those of the finalists over all parts of the rows; others are not as good as these."""
    if not race.repeats:
        return found
    labels = [trial.candidate.label for trial in race.repeats[0][1]]
    finalists = [trial for trial in trials if trial.candidate.label in labels]
    pooled = dict(zip(labels, standings(arena, finalists, 1.0, seed, race.repeats), strict=True))
    return [pooled.get(trial.candidate.label, one) for trial, one in zip(trials, found, strict=True)]


def _usual(trial: Trial, race: Race) -> Trial:
    """Of the trials of a candidate on all parts of the rows, the one with the middle number of epochs."""
    own = [one for _, again in race.repeats for one in again if one.candidate.label == trial.candidate.label]
    ranked_ones = sorted([trial, *own], key=lambda one: one.n_epochs or 0)
    return ranked_ones[len(ranked_ones) // 2]


def _simpler(taken: Standing, best: Standing, arena: Arena) -> str:
    """Why a simpler model is taken, by whichever of the two rules allows it."""
    error, name = taken.difference_error, arena.metric.upper()
    gap = abs(taken.value - best.value)
    rule = f"{100 * NEAR[arena.objective]:g} % of the best"
    if error is not None and gap <= error:
        rule = f"one standard error of their paired difference ({error:.4f})"
    return (
        f"{taken.model} is about as good as {best.model}, the best, and simpler: "
        f"its {name} is {gap:.4f} worse, within {rule}."
    )


def _rounds(race: Race) -> list[Round]:
    """The rounds without those that could not be fitted."""
    failed = {one.candidate.label for one in race.left_out}
    rounds = [
        (share, arena, [trial for trial in trials if trial.candidate.label not in failed])
        for share, arena, trials in race.rounds
    ]
    return [one for one in rounds if one[2]]


def _deciding(race: Race, rounds: list[Round]) -> Round:
    """The last round that compares all who went on to it, or the first one.

    A round that Ctrl-C or the clock ended lacks some, and the best may be among them, since the simple ones run
    first: of those the round before says more.
    """
    failed = {one.candidate.label for one in race.left_out}
    for place in range(len(rounds) - 1, 0, -1):
        _, arena, before = race.rounds[place - 1]
        entered = {candidate.label for candidate in better_half(before, arena)} - failed
        trials = rounds[place][2]
        if len(trials) > 1 and entered == {trial.candidate.label for trial in trials}:
            return rounds[place]
    return rounds[0]


def _sorted(found: list[Standing], arena: Arena) -> list[Standing]:
    return sorted(found, key=lambda one: arena.cost(one.value))


def _without_difference(one: Standing) -> Standing:
    return replace(
        one, difference=None, difference_low=None, difference_high=None, difference_error=None, as_good=False
    )
