"""Progress on a terminal: one line a task, with the latest figures, the speed and the time left."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

import typer

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class TerminalProgress:
    """Shows notes as lines, and steps as a bar where stderr is a terminal; silent under ``--json``."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bar: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def note(self, message: str) -> None:
        """Print the sentence."""
        if not self._quiet:
            typer.echo(message, err=True)

    def step(self, task: str, done: int, total: int, figures: dict[str, float]) -> None:
        """Move the bar of `task`."""
        if self._quiet or not sys.stderr.isatty():
            return
        bar = self._bar or self._open()
        said = "  ".join(f"{name} {value:.4f}" for name, value in figures.items())
        if task not in self._tasks:
            self._tasks[task] = bar.add_task(task, total=total, figures=said)
        bar.update(self._tasks[task], completed=done, total=total, figures=said)

    def _open(self) -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TextColumn("{task.speed:.1f}/s"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._bar.start()
        return self._bar
