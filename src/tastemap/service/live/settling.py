"""What several interactions of one user with one item come to: the rule of live histories and of refits.

An erasure takes out all that came in before it. Then, in order of time in whole seconds (of equal times, of
``seq``; the training row comes first), a rating replaces the one before, counts add up, and a withdrawal takes
all away that is earlier. Values that the training data could not hold take no part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tastemap.data.interactions import RatingScale
from tastemap.service.database.records import Event

NO_TIME = -1
"""The time of a training row of a data set without times: every event is later."""
LARGEST_COUNT = 1e6
"""Counts above are taken as this: a sum beyond float32 would end every later fit."""
SMALLEST_COUNT = 2.0**-149
"""Counts below would be 0 in float32, which no fit takes."""

Standing = tuple[float, int, bool]
"""A value, its time in seconds, and whether an event says so."""
Moment = tuple[int, int, bool, float]
"""When an event was, its ``seq``, whether it is a withdrawal, and its value: they sort as the rule says."""


def since_erasure(events: Sequence[Event]) -> Sequence[Event]:
    """Events, given by rising ``seq``, after the last erasure; all of them where there is none."""
    last = max((place for place, event in enumerate(events) if event.kind == "erasure"), default=-1)
    return events[last + 1 :]


def is_erased(events: Iterable[Event]) -> bool:
    """Whether one of a user's events is an erasure."""
    return any(event.kind == "erasure" for event in events)


def moment_of(event: Event) -> Moment:
    """An event in the terms of :func:`settled`."""
    return int(event.time), event.seq, event.kind == "withdrawal", event.value


def fits(value: float, scale: RatingScale | None) -> bool:
    """Whether the training data could hold a value."""
    return value >= SMALLEST_COUNT if scale is None else scale.low <= value <= scale.high


def settled(trained: Standing | None, moments: Iterable[Moment], scale: RatingScale | None) -> Standing | None:
    """What the training row of a pair and events come to; None for nothing."""
    rows: list[tuple[Moment, bool]] = [(moment, True) for moment in moments]
    if trained is not None:
        value, time, _ = trained
        rows.append(((time, 0, False, value), False))
    outcome: Standing | None = None
    for (time, _, is_withdrawal, value), from_event in sorted(rows):
        if is_withdrawal:
            outcome = None
        elif fits(value, scale):
            before = 0.0 if outcome is None or scale is not None else outcome[0]
            was_event = scale is None and outcome is not None and outcome[2]
            largest = LARGEST_COUNT if scale is None else value
            outcome = min(before + value, largest), time, from_event or was_event
    return outcome
