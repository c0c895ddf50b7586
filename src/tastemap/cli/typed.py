"""What was typed, and when."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from tastemap.errors import without_passwords


class Typed(tuple[str, ...]):
    """The words of a command line, with the time at which its process started, by ``perf_counter``."""

    started: float

    @classmethod
    def of(cls, words: Iterable[str], started: float) -> Self:
        """Words that were typed at a time, passwords of URLs aside: they are shown in what to type next."""
        typed = cls(map(without_passwords, words))
        typed.started = started
        return typed


def process_start() -> float:
    """When this process started, by ``perf_counter``; now where the system does not tell, as Linux does."""
    now, stat, uptime = time.perf_counter(), Path("/proc/self/stat"), Path("/proc/uptime")
    if not stat.is_file() or not uptime.is_file():
        return now
    # The 22nd field; the second one, the name of the program in brackets, may hold blanks.
    ticks = int(stat.read_text().rpartition(")")[2].split()[19])
    return now - (float(uptime.read_text().split()[0]) - ticks / os.sysconf("SC_CLK_TCK"))
