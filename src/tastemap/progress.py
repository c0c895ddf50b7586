"""How long work reports itself: the library stays silent unless somebody gives it an ear."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """What long work calls. The command line implements it with Rich; tests with a list."""

    def note(self, message: str) -> None:
        """Say one sentence, such as that kernels are compiled for the first time."""

    def step(self, task: str, done: int, total: int, figures: dict[str, float]) -> None:
        """Report that `done` of `total` steps of `task` are over, with the latest figures."""


class Silent:
    """The default: reports nothing."""

    def note(self, message: str) -> None:
        """Ignore the sentence."""

    def step(self, task: str, done: int, total: int, figures: dict[str, float]) -> None:
        """Ignore the step."""


SILENT: Progress = Silent()
