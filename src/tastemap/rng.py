"""Randomness is an argument: a seed, made once at the entry, from which named streams are spawned."""

from __future__ import annotations

import zlib

import numpy as np

from tastemap.errors import InvalidValueError

Rng = int | np.random.Generator | None
"""What a public function accepts as ``rng`` (SPEC 7 of Scientific Python)."""


def seed_of(rng: Rng) -> int:
    """The integer seed that `rng` stands for, so that a run can be recorded and repeated.

    An int is itself; a Generator gives its next 32-bit draw; None gives a fresh one from the
    operating system.

    Raises
    ------
    InvalidValueError
        If `rng` is a negative int or of another type.
    """
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(2**32))
    if rng is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(rng, bool) or not isinstance(rng, (int, np.integer)) or rng < 0:
        raise InvalidValueError(f"rng must be an int >= 0, a numpy.random.Generator or None. Got {rng!r}.")
    return int(rng)


def stream(seed: int, purpose: str) -> np.random.Generator:
    """An independent generator for one `purpose` of a run.

    Streams of other purposes do not shift when one of them draws more: a refit draws the same
    numbers whether or not a validation part was split off before it.
    """
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(purpose.encode())]))


def generator(seed: int) -> np.random.Generator:
    """The plain generator of a seed, for splits that others can repeat without Tastemap."""
    return np.random.default_rng(seed)
