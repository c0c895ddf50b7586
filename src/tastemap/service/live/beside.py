"""Work that would hold up every other request of a worker, done beside the event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from anyio import CapacityLimiter
from anyio.lowlevel import RunVar
from anyio.to_thread import run_sync

AT_ONCE = 2
"""Pieces of long work at one time; others wait. More would share the interpreter with the event loop."""

Given = TypeVarTuple("Given")
T = TypeVar("T")
_LIMITER = RunVar[CapacityLimiter]("tastemap_beside")  # of an event loop, as a limiter is


async def beside(work: Callable[[*Given], T], *given: *Given) -> T:
    """``work(*given)`` in a thread: for what takes longer than some milliseconds."""
    return await run_sync(work, *given, limiter=_limiter())


def _limiter() -> CapacityLimiter:
    try:
        return _LIMITER.get()
    except LookupError:
        limiter = CapacityLimiter(AT_ONCE)
        _LIMITER.set(limiter)
        return limiter
