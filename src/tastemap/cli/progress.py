"""Progress on a terminal: what is being done, how far, the latest figure, the speed and the time left."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

import typer

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


SPANNING = "evaluate"
"""The task within which others report; of these only the current one is shown below it."""


SECONDS = "(s)"
"""A task that ends so counts seconds."""


class TerminalProgress:
    """Shows notes as lines, and steps as bars that vanish at the end; bars on a terminal only.

    Silent under ``--json``.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._said: set[str] = set()
        self._bar: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._started: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def note(self, message: str) -> None:
        """Print the sentence, unless it has been said: each of several fits may compile something."""
        if not self._quiet and message not in self._said:
            self._said.add(message)
            typer.echo(message, err=True)

    def step(self, task: str, done: int, total: int, figures: dict[str, float]) -> None:
        """Move the bar of `task`."""
        if self._quiet or not sys.stderr.isatty():
            return
        bar = self._bar or self._open()
        # Behind a colon stands what runs now, in a task that goes on.
        key = SPANNING if task.startswith(SPANNING) else task.partition(": ")[0]
        # The last figure is the one that decides; all of them do not fit into 80 columns.
        said = "  ".join(f"{name} {value:.4f}" for name, value in list(figures.items())[-1:])
        if key not in self._tasks:
            for over in self._tasks.keys() - {SPANNING}:
                bar.remove_task(self._tasks.pop(over))
            self._tasks[key] = bar.add_task(task, total=total, figures=said, speed="")
            self._started[key] = time.perf_counter()
        passed = time.perf_counter() - self._started[key]
        # The clock starts when the first step is over.
        speed = f"{(done - 1) / passed:.1f}/s" if done > 1 and not key.endswith(SECONDS) else ""
        bar.update(self._tasks[key], description=task, completed=done, total=total, figures=said, speed=speed)

    def _open(self) -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            speed_estimate_period=3600.0,  # s; steps may take minutes
        )
        self._bar.start()
        return self._bar
