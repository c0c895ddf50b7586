"""The machine as a plan sees it: its memory, and how long each kind of work takes."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from time import thread_time

import numpy as np

from tastemap.linalg.threads import single_threaded_blas, thread_count

CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
"""Where Linux says how much memory a container may use; the word ``max`` if all."""

REFERENCE_GEMM = 90e9
"""Operations a second of a float32 product of 256 x 256 matrices, one thread, where the rates were measured."""
REFERENCE_COPY = 5e9
"""Bytes a second of a copy of 4 MB there, one thread."""

GEMM_SIZE = 256
COPY_BYTES = 4 * 2**20
REPEATS = 3


@dataclass(frozen=True)
class Work:
    """How much there is to do, by kind.

    Parameters
    ----------
    solves : float
        Multiplications of compiled kernels that solve a small problem for each row.
    products : float
        Operations of float32 matrix products.
    precise_products : float
        Operations of float64 factorizations.
    counts : float
        Counters raised at places that jump.
    entries : float
        Numbers read or written once, in passes over all rows.
    gathered : float
        Numbers of vectors that are picked from a table and summed, and of their gradients: once for both.
    elements : float
        Parameters that an optimizer moves.
    steps : float
        Calls of PyTorch's functions for one batch, forth and back.
    """

    solves: float = 0.0
    products: float = 0.0
    precise_products: float = 0.0
    counts: float = 0.0
    entries: float = 0.0
    gathered: float = 0.0
    elements: float = 0.0
    steps: float = 0.0

    def plus(self, other: Work) -> Work:
        """Both, one after the other."""
        return Work(*(getattr(self, kind.name) + getattr(other, kind.name) for kind in fields(self)))


@dataclass(frozen=True)
class _Rate:
    """Units of work a second in one thread, whether threads share it, and whether memory bounds it."""

    a_second: float
    is_shared: bool = False
    is_moving: bool = False


# Measured by benchmarks/bench_plan.py: processor seconds of whole fits on ml-100k and on a million made-up
# ratings, on a virtual machine with two cores of a Xeon of 2023 (AVX-512).
RATES = {
    "solves": _Rate(6e9, is_shared=True),
    "products": _Rate(50e9),
    "precise_products": _Rate(40e9),
    "counts": _Rate(400e6, is_shared=True, is_moving=True),
    "entries": _Rate(70e6, is_moving=True),
    "gathered": _Rate(2.5e9, is_moving=True),
    "elements": _Rate(600e6, is_moving=True),
    "steps": _Rate(1.6e3),
}


@dataclass(frozen=True)
class Speed:
    """How fast this machine is beside the one of the rates: 1 is as fast."""

    arithmetic: float
    memory: float

    def seconds(self, work: Work) -> float:
        """How long `work` takes with as many threads as Tastemap uses."""
        return sum(self._seconds(kind.name, getattr(work, kind.name)) for kind in fields(work))

    def _seconds(self, kind: str, amount: float) -> float:
        rate = RATES[kind]
        threads = thread_count() if rate.is_shared else 1
        return amount / (rate.a_second * threads * (self.memory if rate.is_moving else self.arithmetic))


def measure_speed() -> Speed:
    """Time a small matrix product and a copy in the calling thread, the best of three; about 15 ms."""
    matrix = np.ones((GEMM_SIZE, GEMM_SIZE), np.float32)
    source = np.ones(COPY_BYTES, np.uint8)
    target = np.empty_like(source)
    with single_threaded_blas():
        product = _best_seconds(lambda: matrix @ matrix)
    copy = _best_seconds(lambda: np.copyto(target, source))
    return Speed(2 * GEMM_SIZE**3 / product / REFERENCE_GEMM, COPY_BYTES / copy / REFERENCE_COPY)


def _best_seconds(work: Callable[[], object]) -> float:
    """Processor seconds of the quickest run: what else runs on the machine does not count."""
    work()  # the first run waits for memory
    taken = []
    for _ in range(REPEATS):
        start = thread_time()
        work()
        taken.append(thread_time() - start)
    return max(min(taken), 1e-9)


def machine_memory() -> int | None:
    """Bytes of memory that this process may use: the machine's, or a container's if that is less.

    None where the system does not say, such as on Windows.
    """
    limit = CGROUP_LIMIT.read_text().strip() if CGROUP_LIMIT.is_file() else "max"
    known = [_physical_bytes(), int(limit) if limit.isdecimal() else None]
    return min((one for one in known if one is not None), default=None)


def _physical_bytes() -> int | None:
    if not {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= getattr(os, "sysconf_names", {}).keys():
        return None
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return total if total > 0 else None
