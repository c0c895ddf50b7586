"""Lays items out by t-SNE, as a process of its own: it takes up to a minute of one processor.

``python -m tastemap.service.live.lay_out FILE N_ITEMS N_FACTORS`` reads vectors (float32, rows) from the
standard input, says on the standard output how many steps are over, a number a line, and writes the places into
the file. Of processes with one file the first works; the others wait for it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO, TextIO

import numpy as np

from tastemap.artifacts import tensors
from tastemap.artifacts.store import locked
from tastemap.errors import MissingExtraError
from tastemap.inspection.item_map import FEWEST_ITEMS, LARGEST_MAP, lay_out, plane, settle
from tastemap.linalg.types import Float32Array

MISSING = 3
"""The exit status without scikit-learn."""


class _Told:
    """Writes the number of each step; the layout itself listens to what is printed."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def note(self, message: str) -> None:
        """Say nothing: whoever started this asked for steps."""

    def step(self, task: str, done: int, total: int, figures: dict[str, float]) -> None:
        """Say how many steps are over."""
        self._out.write(f"{done}\n")
        self._out.flush()


def places_of(vectors: Float32Array, out: TextIO) -> Float32Array:
    """Places (n, 2): by t-SNE for the first 10,000 rows, the rest among their neighbors."""
    first = vectors[:LARGEST_MAP]
    if len(first) < FEWEST_ITEMS:
        return plane(vectors).astype(np.float32)
    placed = lay_out(first, progress=_Told(out))
    whole = settle(vectors, placed) if len(vectors) > len(first) else placed
    return np.ascontiguousarray(whole, dtype=np.float32)


def main(arguments: list[str], source: BinaryIO, out: TextIO) -> int:
    """Run, and give the exit status."""
    target, n_items, n_factors = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    vectors = np.frombuffer(source.read(), np.float32).reshape(n_items, n_factors)
    with locked(target.parent):
        if target.exists():
            return 0
        try:
            places = places_of(vectors, out)
        except MissingExtraError:
            return MISSING
        temporary = target.with_suffix(".tmp")
        temporary.write_bytes(b"".join(tensors.encode({"places": places})))
        temporary.replace(target)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdin.buffer, sys.stdout))
