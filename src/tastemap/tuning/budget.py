"""How much time is left: a budget with a clock, and what ends training between two epochs."""

from __future__ import annotations

import math
import textwrap
import time
from collections.abc import Callable

from tastemap.errors import InvalidValueError
from tastemap.progress import Progress
from tastemap.tuning.units import duration_s, written_s

CAREFUL = 1.3
"""Predicted times are multiplied by this before they are held against what is left."""

MORE_ROWS = 1.3
"""How much longer an epoch on all rows takes than one without the validation part."""


NAMED = 36
"""Characters of what runs now, at most, beside a bar."""


class Budget:
    """An amount of time that runs from its creation.

    Parameters
    ----------
    limit : str, float or None
        Such as ``"60s"`` or 60.0; None: without end.
    used_s : float
        Seconds that are over already.
    clock : callable
        Gives seconds that only rise; tests pass one of their own.

    Raises
    ------
    InvalidValueError
        If `limit` is not a time above 0.
    """

    def __init__(
        self,
        limit: str | float | None = None,
        *,
        used_s: float = 0.0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.limit_s = math.inf if limit is None else duration_s("budget", limit)
        self.clock = clock
        self._start = clock() - used_s
        self._read_s = used_s

    @classmethod
    def of(cls, value: Budget | str | float | None) -> Budget:
        """A budget as it is, or a new one that starts now."""
        return value if isinstance(value, Budget) else cls(value)

    @property
    def used_s(self) -> float:
        """Seconds since its creation."""
        self._read_s = self.clock() - self._start
        return self._read_s

    @property
    def left_s(self) -> float:
        """Seconds left; below 0 when it is overdrawn."""
        return self.limit_s - self.used_s

    def fits(self, seconds: float) -> bool:
        """Whether work of a predicted time, with a margin, still fits."""
        return CAREFUL * seconds <= self.left_s

    def show(self, progress: Progress, task: str, now: str, done: int, most: int) -> None:
        """Name what runs now, and move the bar of `task` to the seconds that were over when last asked for.

        Without an end it moves to `done` of `most`.
        """
        running = textwrap.shorten(now, NAMED, placeholder=" …")
        if math.isinf(self.limit_s):
            progress.step(f"{task}: {running}", done, most, {})
        else:
            whole_s = math.ceil(self.limit_s)
            progress.step(f"{task} (s): {running}", min(int(self._read_s), whole_s), whole_s, {})

    def refusal(self, needed_s: float, purpose: str, remedy: str = "") -> InvalidValueError:
        """The error for work that does not fit: with how much time there must be, what is over included."""
        least_s = math.ceil(CAREFUL * (self.used_s + needed_s))
        return InvalidValueError(
            f"budget must be at least about {least_s}s to {purpose}. Got {written_s(self.limit_s)}, and "
            f"{written_s(self.used_s)} were over once the data was read; allow more time{remedy}.",
            argument="budget",
        )


class EpochClock:
    """Ends a fit between two epochs, when another one would not fit into the budget; see ``Stop``.

    A search also leaves the time to fit all rows for as many epochs.

    Parameters
    ----------
    budget : Budget
    reserve_s : float
        Seconds that whatever follows the fit needs.
    """

    def __init__(self, budget: Budget, reserve_s: float) -> None:
        self._budget = budget
        self._reserve_s = reserve_s
        self._before_s = budget.used_s

    def __call__(self, phase: str, done: int) -> bool:
        """Whether the phase (``search`` or ``final``) must end after `done` epochs."""
        now_s = self._budget.used_s
        epoch_s, self._before_s = now_s - self._before_s, now_s
        refit_s = MORE_ROWS * epoch_s * (done + 1) if phase == "search" else 0.0
        return not self._budget.fits(epoch_s + refit_s + self._reserve_s)
