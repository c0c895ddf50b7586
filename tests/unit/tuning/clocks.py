"""Clocks that a test moves, so that nothing is timed; ears; and what a saved model consists of."""

from __future__ import annotations

from pathlib import Path


def files_of(folder: Path) -> dict[str, bytes]:
    """The files of a saved model by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class Hand:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time in seconds."""
        return self.now


class Ticking:
    """A clock that moves by the same step whenever it is read."""

    def __init__(self, step: float) -> None:
        self.now = 0.0
        self.step = step

    def __call__(self) -> float:
        """The time in seconds."""
        self.now += self.step
        return self.now


class Listener:
    """Progress as a list; may press Ctrl-C when a sentence comes."""

    def __init__(self, interrupt_at: str | None = None) -> None:
        self.notes: list[str] = []
        self.steps: list[tuple[str, int, int]] = []
        self.interrupt_at = interrupt_at

    def note(self, message: str) -> None:
        """Keep the sentence."""
        self.notes.append(message)
        if self.interrupt_at is not None and message.startswith(self.interrupt_at):
            raise KeyboardInterrupt

    def step(self, task: str, done: int, total: int, figures: dict[str, float]) -> None:
        """Keep where the bar stands."""
        self.steps.append((task, done, total))
