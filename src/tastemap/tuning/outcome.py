"""What a race says in the end: whom to take first, and how all stand."""

from __future__ import annotations

from dataclasses import replace

from tastemap.tuning.arena import Arena
from tastemap.tuning.leaderboard import Standing, preferred, standings
from tastemap.tuning.race import Race
from tastemap.tuning.trial import Trial


def ranked(race: Race, seed: int) -> tuple[list[Trial], list[Standing], list[str]]:
    """The trials in the order in which to take them, the standings of all, and notes.

    The last round in which at least two took part decides; those that went out before stand below, without a
    difference, since they were measured on other users.
    """
    notes = ["Ctrl-C ended the race; the best so far is taken."] if race.interrupted else []
    rounds = [one for one in race.rounds if one[2]]
    if not rounds:
        return [], [], [*notes, "No models could be compared: the baseline is taken."]
    deciding = next((one for one in reversed(rounds) if len(one[2]) > 1), rounds[-1])
    share, arena, trials = deciding
    found = standings(arena, trials, share, seed)
    order = preferred(arena, trials, found)
    board = _sorted(found, arena)
    if board[0].model != order[0].candidate.model:
        notes.append(
            f"{order[0].candidate.model} is about as good as {board[0].model}, the best, and simpler: within "
            "one standard error of their paired difference, or 2 %."
        )
    latest = {trial.candidate.label: trial for _, _, of_round in rounds for trial in of_round}
    order = [latest[trial.candidate.label] for trial in order]  # whose epochs come from more rows
    known = {trial.candidate.label for trial in trials}
    for share, arena, trials in reversed(rounds):
        out = [trial for trial in trials if trial.candidate.label not in known]
        known |= {trial.candidate.label for trial in out}
        board += _sorted([_without_difference(one) for one in standings(arena, out, share, seed)], arena)
    return order, board, notes


def _sorted(found: list[Standing], arena: Arena) -> list[Standing]:
    return sorted(found, key=lambda one: arena.cost(one.value))


def _without_difference(one: Standing) -> Standing:
    return replace(one, difference=None, difference_low=None, difference_high=None, as_good=False)
