"""How long work reports itself: the library stays silent unless somebody gives it an ear."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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

_ears: list[Progress] = []
"""Who would hear of a compilation, from the outermost block to the innermost."""
_told: list[Progress] = []
"""Who has heard of one since the outermost block began."""


@contextmanager
def announce_compilation(progress: Progress) -> Iterator[None]:
    """Within this block, the first kernel that is really compiled (not read from disk) is announced.

    Of blocks within each other the innermost that listens is told, and it is told once.
    """
    _ears.append(progress)
    try:
        yield
    finally:
        _ears.remove(progress)
        if not _ears:
            _told.clear()


def tell_of_compilation() -> None:
    """Say that a kernel is about to be compiled, unless that was said."""
    for ear in reversed(_ears):
        if ear is not SILENT and not _told:
            _told.append(ear)
            ear.note("Compiling a numeric kernel for its first use; it is kept for later runs.")
