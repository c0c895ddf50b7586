"""Which items were ever listed: a byte an item, shared by the workers through files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from tastemap.linalg.types import Int32Array

ENDING = ".listed"


class Listed:
    """Marks the items of one version that were listed since the start.

    Parameters
    ----------
    n_items : int
    folder : Path or None
        Where the workers keep their marks, a file each; None: there is one worker, and they stay in memory.
    name : str
        Names the version in the folder.
    """

    def __init__(self, n_items: int, folder: Path | None, name: str) -> None:
        self._n_items = n_items
        self._folder = folder
        self._name = name
        if folder is None or not n_items:
            self._marks = np.zeros(n_items, np.uint8)
        else:
            path = folder / f"{name}-{os.getpid()}{ENDING}"
            self._marks = np.memmap(path, np.uint8, "r+" if path.exists() else "w+", shape=(n_items,))

    def mark(self, item_index: Int32Array) -> None:
        """These items, shape (k,), were listed."""
        self._marks[item_index] = 1

    def share(self) -> float:
        """Share of the items that any worker has listed, 0 to 1; reads a byte an item and worker."""
        if not self._n_items:
            return 0.0
        marks = np.array(self._marks)
        for path in self._folder.glob(f"{self._name}-*{ENDING}") if self._folder is not None else ():
            others = np.fromfile(path, np.uint8)
            if len(others) == self._n_items:  # else that worker is just making it
                marks |= others
        return float(np.count_nonzero(marks)) / self._n_items
