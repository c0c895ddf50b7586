"""Durations and sizes as people write them: ``60s``, ``1.5h``, ``4GB``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from tastemap.errors import InvalidValueError

_WRITTEN = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([A-Za-z]+)\s*")
_NUMBER = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*")
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_BYTES = {"b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def duration_s(argument: str, value: str | float) -> float:
    """Seconds of a duration: a number of seconds, or text such as ``60s``, ``5m`` or ``1.5h``.

    >>> duration_s("budget", "1.5h"), duration_s("budget", 20)
    (5400.0, 20.0)

    Raises
    ------
    InvalidValueError
        If it is none, or not above 0.
    """
    return _read(argument, value, _SECONDS, "a time above 0", "write for example 60s, 5m or 1.5h")


def size_bytes(argument: str, value: str | float) -> int:
    """Bytes of a size: a number of bytes, or text such as ``512MB`` or ``4GB`` (1 GB is 10^9 bytes).

    >>> size_bytes("max_memory", "4GB"), size_bytes("max_memory", "1GiB")
    (4000000000, 1073741824)

    Raises
    ------
    InvalidValueError
        If it is none, or not above 0.
    """
    return int(_read(argument, value, _BYTES, "a size above 0", "write for example 512MB or 4GB"))


def _read(argument: str, value: str | float, units: Mapping[str, float], wanted: str, remedy: str) -> float:
    number = math.nan
    if isinstance(value, str):
        found = _WRITTEN.fullmatch(value)
        if found is not None:
            number = float(found[1]) * units.get(found[2].lower(), math.nan)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        number = float(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        remedy = f"a unit is missing: {remedy}"
    if not math.isfinite(number) or number <= 0.0:
        raise InvalidValueError(f"{argument} must be {wanted}. Got {value!r}; {remedy}.", argument=argument)
    return number


def written_s(seconds: float) -> str:
    """A duration for people.

    >>> written_s(0.43), written_s(12.6), written_s(300)
    ('0.4 s', '13 s', '5.0 min')
    """
    if seconds < 10.0:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120.0 else f"{seconds / 60.0:.1f} min"


def written_bytes(size: float) -> str:
    """A size for people, in powers of 1000.

    >>> written_bytes(512_000_000), written_bytes(4.2e9)
    ('512 MB', '4.2 GB')
    """
    for unit in ("bytes", "kB", "MB"):
        if size < 1000.0:
            return f"{size:.3g} {unit}"
        size /= 1000.0
    return f"{size:.3g} GB"
