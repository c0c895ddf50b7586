"""Where large arrays live: in memory, or in files that the operating system pages in and out.

Code that makes an array of the size of the data asks a placement for it. Whoever reads the data decides once;
everything made from it then lives in the same place.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from tastemap.errors import StorageError
from tastemap.linalg.types import BoolArray, IntArray

T = TypeVar("T", bound=np.generic)


class Placement(Protocol):
    """Gives arrays, and says how many entries to hold in memory at a time while one is made."""

    @property
    def block(self) -> int | None:
        """Entries to work on at a time; None: all at once."""

    def empty(self, n: int, dtype: type[np.generic] | np.dtype[Any]) -> NDArray[Any]:
        """An array of shape (n,), not filled."""


@dataclass(frozen=True)
class InMemory:
    """Ordinary arrays."""

    block: None = None

    def empty(self, n: int, dtype: type[np.generic] | np.dtype[Any]) -> NDArray[Any]:
        """An array of shape (n,), not filled."""
        return np.empty(n, dtype)


@dataclass(frozen=True)
class OnDisk:
    """Arrays in files of a folder, mapped; each goes with the last reference to it, whatever ends the process.

    Parameters
    ----------
    folder : Path
    block : int
        Entries to work on at a time.
    """

    folder: Path
    block: int

    def empty(self, n: int, dtype: type[np.generic] | np.dtype[Any]) -> NDArray[Any]:
        """An array of shape (n,), zeros.

        Raises
        ------
        StorageError
            If the disk has not the room for it.
        """
        made = np.dtype(dtype)
        size = n * made.itemsize
        if not size:
            return np.empty(n, made)
        try:
            # Reserved as a whole: a mapped page that a full disk cannot hold would end the process by a signal.
            with tempfile.TemporaryFile(dir=self.folder, prefix="tastemap-") as file:
                _reserve(file, size)
                mapped = mmap.mmap(file.fileno(), size)
        except OSError as error:
            raise StorageError(
                f"Could not set {size:,} bytes aside in {self.folder}: {error.strerror or error}. Make room "
                "there, name another folder with TMPDIR, or allow more memory."
            ) from error
        return np.frombuffer(mapped, made)


def _reserve(file: IO[bytes], size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    zeros = bytes(1 << 20)  # not every system can reserve
    for start in range(0, size, len(zeros)):
        file.write(zeros[: size - start])
    file.flush()


IN_MEMORY = InMemory()


def spans(n: int, block: int | None) -> Iterator[slice]:
    """Slices of at most `block` entries that cover `n`; one where there is no block."""
    step = max(n, 1) if block is None else block
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))


def chosen(array: NDArray[T], rows: BoolArray, placement: Placement) -> NDArray[T]:
    """``array[rows]`` for a mask, made where `placement` says."""
    if placement.block is None:
        return array[rows]
    made, end = placement.empty(int(np.count_nonzero(rows)), array.dtype), 0
    for span in spans(len(array), placement.block):
        kept = array[span][rows[span]]
        made[end : end + len(kept)] = kept
        end += len(kept)
    return made


def looked_up(table: NDArray[T], places: IntArray, placement: Placement) -> NDArray[T]:
    """``table[places]``, made where `placement` says."""
    if placement.block is None:
        return table[places]
    made = placement.empty(len(places), table.dtype)
    for span in spans(len(places), placement.block):
        made[span] = table[places[span]]
    return made
