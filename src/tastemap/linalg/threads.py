"""Tastemap owns its threads: no environment homework, the same bits at any thread count.

Work is cut into blocks whose size does not depend on the number of threads; each block is computed
by one thread with single-threaded BLAS, and results are combined in block order.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from threading import Lock
from typing import TypeVar

import threadpoolctl

from tastemap.errors import InvalidValueError

T = TypeVar("T")

_chosen: ContextVar[int | None] = ContextVar("tastemap_threads", default=None)


def thread_count() -> int:
    """Threads in use: :func:`use_threads`, else ``TASTEMAP_THREADS``, else the processors we may run on."""
    chosen = _chosen.get()
    if chosen is not None:
        return chosen
    asked = os.environ.get("TASTEMAP_THREADS", "")
    if asked:
        if not asked.isdecimal() or int(asked) < 1:
            raise InvalidValueError(
                f"TASTEMAP_THREADS must be an integer >= 1. Got {asked!r}; correct it, or unset it to use all."
            )
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def use_threads(count: int) -> Iterator[None]:
    """Run the block with `count` threads."""
    if count < 1:
        raise InvalidValueError(f"count must be >= 1. Got {count}.")
    token = _chosen.set(count)
    try:
        yield
    finally:
        _chosen.reset(token)


@lru_cache(maxsize=1)
def _libraries(n_modules: int) -> threadpoolctl.ThreadpoolController:
    """The BLAS libraries of the process: 1 ms to find, so they are kept until the number of modules changes.

    An import may have brought another library.
    """
    return threadpoolctl.ThreadpoolController()


def _set_threads(library: threadpoolctl.LibController, count: int) -> None:
    """Set the threads of a library, whichever thread of ours did so before."""
    # Newer versions of threadpoolctl obey the first thread that asks, as long as it lives, and silently ignore
    # all others, unless control is taken from it.
    take_control = getattr(library, "clear_controlling_thread", None)
    if take_control is not None:
        take_control(force=True)
    library.set_num_threads(count)
    if take_control is not None:
        take_control(force=True)


class _OneThread:
    """The limit is the whole process's: the first block that needs it sets it, the last one lifts it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._users = 0
        self._before: list[tuple[threadpoolctl.LibController, int]] = []

    def renew_lock(self) -> None:
        """After a fork: another thread of the parent may have held the lock."""
        self._lock = Lock()

    def enter(self) -> None:
        with self._lock:
            if not self._users:
                libraries = _libraries(len(sys.modules)).lib_controllers
                found = [(one, one.num_threads) for one in libraries if one.user_api == "blas"]
                self._before = [(one, count) for one, count in found if count not in (None, 1)]
                for library, _ in self._before:
                    _set_threads(library, 1)
            self._users += 1

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                for library, count in self._before:
                    _set_threads(library, count)


_one_thread = _OneThread()


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Within this block BLAS runs in the calling thread: its sums no longer depend on a thread count."""
    _one_thread.enter()
    try:
        yield
    finally:
        _one_thread.leave()


@contextmanager
def single_threaded_openmp() -> Iterator[None]:
    """Within this block the OpenMP loops of other libraries run in the calling thread, for the same reason."""
    with _libraries(len(sys.modules)).limit(limits=1, user_api="openmp"):
        yield


@cache
def _pool(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=count, thread_name_prefix="tastemap")


def _start_anew() -> None:
    """A forked child has none of its parent's threads, and must not wait for them."""
    _pool.cache_clear()
    _one_thread.renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)


def map_blocks(work: Callable[[int, int], T], n_rows: int, block: int) -> list[T]:
    """``[work(0, block), work(block, 2 block), …]`` over `n_rows` rows; see :func:`map_spans`."""
    return map_spans(work, [(start, min(start + block, n_rows)) for start in range(0, n_rows, block)])


def map_spans(work: Callable[[int, int], T], spans: Sequence[tuple[int, int]]) -> list[T]:
    """``work(start, stop)`` of each span of rows, in parallel, results in order.

    `work` should spend its time without the interpreter lock (a compiled kernel, or NumPy). The
    first error is raised when all running spans have ended.
    """
    count = min(thread_count(), len(spans)) if len(spans) > 1 else 1
    if count == 1:
        return [work(start, stop) for start, stop in spans]
    futures = [_pool(count).submit(work, start, stop) for start, stop in spans]
    try:
        return [future.result() for future in futures]
    except BaseException:  # Ctrl-C too: nothing may go on in the background
        for future in futures:
            future.cancel()
        wait(futures)
        raise
