"""Threads beside the event loop: for what waits, and for what would hold up every other request of a worker.

A request that is cut off, by its time or by the end of the service, waits no longer, but nothing stops the
thread that works for it. So a place is a thread: it is free when the work is over, not when nobody waits for
it, and the service closes its database when all are free. (anyio gives a place back with the request.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar, TypeVarTuple
from weakref import WeakKeyDictionary

AT_ONCE = 2
"""Pieces of long work at one time; others wait. More would share the interpreter with the event loop."""
MOST = 40
"""Calls that wait for a database or a disk, at one time."""

Given = TypeVarTuple("Given")
T = TypeVar("T")


class _Threads:
    """Those of one event loop."""

    def __init__(self) -> None:
        self.waiting = ThreadPoolExecutor(MOST, "tastemap-waiting")
        self.long = ThreadPoolExecutor(AT_ONCE, "tastemap-long")

    def end(self) -> None:
        """Return when no thread works any more; what has not begun does not begin."""
        for pool in (self.waiting, self.long):
            pool.shutdown(cancel_futures=True)


_OF_LOOP = WeakKeyDictionary[asyncio.AbstractEventLoop, _Threads]()


async def beside(work: Callable[[*Given], T], *given: *Given) -> T:
    """``work(*given)`` in one of two threads: for what takes longer than some milliseconds."""
    return await _run(_threads().long, work, given)


async def in_thread(work: Callable[[*Given], T], *given: *Given) -> T:
    """``work(*given)`` in a thread: for what waits, or is asked seldom."""
    return await _run(_threads().waiting, work, given)


async def threads_end() -> None:
    """Wait for all that runs beside this event loop, whoever has ceased to wait for it."""
    threads = _OF_LOOP.pop(asyncio.get_running_loop(), None)
    if threads is not None:
        await asyncio.to_thread(threads.end)


async def _run(pool: ThreadPoolExecutor, work: Callable[[*Given], T], given: tuple[*Given]) -> T:
    context = copy_context()
    return await asyncio.get_running_loop().run_in_executor(pool, lambda: context.run(work, *given))


def _threads() -> _Threads:
    loop = asyncio.get_running_loop()
    found = _OF_LOOP.get(loop)
    if found is None:
        found = _OF_LOOP[loop] = _Threads()
    return found
