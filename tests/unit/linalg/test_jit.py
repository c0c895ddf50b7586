from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from numba import njit

from tastemap.linalg.jit import announce_compilation, fast_kernel, kernel

needs_jit = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled without the JIT"
)


class Ear:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        """Remember the sentence."""
        self.notes.append(message)

    def step(self, task: str, done: int, total: int, figures: dict[str, float]) -> None:
        """Steps are of no interest here."""


@needs_jit
def test_the_first_compilation_is_announced_once() -> None:
    ear = Ear()
    with announce_compilation(ear):
        assert njit(lambda x: x + 1)(1) == 2
        assert njit(lambda x: x + 2)(1) == 3
    assert len(ear.notes) == 1
    assert "compil" in ear.notes[0].lower()


@needs_jit
def test_nothing_is_announced_outside_the_block_or_for_a_compiled_kernel() -> None:
    ear = Ear()
    compiled = njit(lambda x: x * 2)
    assert compiled(3) == 6
    with announce_compilation(ear):
        assert compiled(4) == 8
    assert njit(lambda x: x * 3)(2) == 6
    assert ear.notes == []


def add(left: float, right: float) -> float:
    """Something to compile."""
    return left + right


@needs_jit
@pytest.mark.parametrize("decorate", [kernel, fast_kernel])
def test_kernels_release_the_interpreter_lock_and_are_kept_on_disk(decorate: Callable[[object], Any]) -> None:
    compiled = decorate(add)
    assert compiled.targetoptions["nogil"]
    assert type(compiled._cache).__name__ == "FunctionCache"


@needs_jit
def test_only_fast_kernels_may_reorder_sums() -> None:
    exact: Any = kernel(add)
    fast: Any = fast_kernel(add)
    assert not exact.targetoptions.get("fastmath")
    # Neither nnan nor ninf: a NaN must stay one.
    assert fast.targetoptions["fastmath"] == {"reassoc", "contract", "nsz"}
