"""Checkpoints of a fit: one file, beside the folder where the artifact will be, gone once that is saved.

The file is in the layout of :mod:`tastemap.artifacts.tensors`. What is no array, a JSON object and a table of
predictions, stands in it as bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl

from tastemap.artifacts import arrow_guard, store, strict_json, tables, tensors
from tastemap.artifacts.tensors import Array, Buffer
from tastemap.errors import ArtifactError
from tastemap.models.config import State
from tastemap.progress import SILENT, Progress
from tastemap.training.checkpoint import Standing

FACTS, PREDICTIONS, DIGEST = "facts", "predictions", "digest"
STATE, BEST = "state.", "best."

FIRST_AFTER_S = 5.0
"""Seconds of a fit before anything is kept: what is done again sooner needs no file."""
LARGEST_SHARE = 0.1
"""Of the time of a fit that may go into keeping."""


class FileCheckpoints:
    """The last epoch of a fit that takes long, in the file ``NAME.unfinished`` beside the folder ``NAME``.

    Parameters
    ----------
    folder : Path
        Where the artifact will be.
    progress : Progress
        Is told once if the disk refuses; the fit goes on, and keeps nothing any more.
    first_after_s : float
        Seconds of the fit before the first epoch is kept. Later ones are kept as often as a tenth of the time
        allows: every epoch, if epochs take longer than ten times what it takes to write their state.
    """

    def __init__(
        self, folder: Path, *, progress: Progress = SILENT, first_after_s: float = FIRST_AFTER_S
    ) -> None:
        self.path = folder.absolute().with_name(f"{folder.name or folder.absolute().name}.unfinished")
        self._draft = self.path.with_name(store.draft_name(self.path.name))
        self._progress = progress
        self._due = perf_counter() + first_after_s

    def last(self, key: str) -> Standing | None:
        """What was kept of the fit with this key; None where there is nothing, another fit, or damage."""
        try:
            return _standing(tensors.decode(self.path.read_bytes(), self.path.name), key)
        except (OSError, ArtifactError):  # what cannot be read is done again
            return None

    def keep(self, key: str, standing: Standing) -> None:
        """Write the standing, if one is due; the file is whole at any time."""
        began = perf_counter()
        if began < self._due:
            return
        try:
            self._write(tensors.encode(_arrays(standing, key)))
        except OSError as error:
            self._due = float("inf")
            self._progress.note(
                f"Where the fit stands cannot be kept in {self.path}: {error.strerror or error}. It goes on, "
                "but would begin anew if it were cut off."
            )
            return
        ended = perf_counter()
        self._due = ended + (ended - began) / LARGEST_SHARE

    def forget(self) -> None:
        """Remove the file: the artifact is saved."""
        for path in (self._draft, self.path):
            if path.is_file():
                path.unlink()

    def _write(self, chunks: Iterable[Buffer]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._draft.unlink(missing_ok=True)  # of a process that was killed while it wrote
        try:
            store.write_whole(self.path.parent, self.path.name, chunks)
        finally:
            self._draft.unlink(missing_ok=True)


def _arrays(standing: Standing, key: str) -> dict[str, Array]:
    facts: dict[str, object] = {
        "key": key,
        "phase": standing.phase,
        "epoch": standing.epoch,
        "losses": standing.losses,
        "best_epoch": standing.best_epoch,
    }
    text = json.dumps(facts, allow_nan=False)  # as ordered: the table of losses has its columns in this order
    arrays = {FACTS: _as_array(text.encode())}
    if standing.predictions is not None:
        arrays[PREDICTIONS] = _as_array(tables.encode(standing.predictions, PREDICTIONS))
    for prefix, state in ((STATE, standing.state), (BEST, standing.best_state or {})):
        arrays |= {prefix + name: np.ascontiguousarray(array) for name, array in state.items()}
    return arrays | {DIGEST: _digest(arrays)}


def _standing(arrays: Mapping[str, Array], key: str) -> Standing | None:
    """The standing in a file; None if it is another fit's, or not as it was written."""
    rest = {name: array for name, array in arrays.items() if name != DIGEST}
    if FACTS not in rest or not np.array_equal(arrays.get(DIGEST, ()), _digest(rest)):
        return None
    facts = strict_json.decode(rest[FACTS].tobytes(), FACTS)
    if facts.pop("key") != key:
        return None
    predictions = None
    if PREDICTIONS in rest:
        predictions = _table(rest[PREDICTIONS].tobytes())
    return Standing(
        **facts,  # type: ignore[arg-type]  # as this version wrote them: the digest and the key say so
        state=_part(rest, STATE),
        best_state=_part(rest, BEST) or None,
        predictions=predictions,
    )


def _part(arrays: Mapping[str, Array], prefix: str) -> State:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _table(content: bytes) -> pl.DataFrame:
    arrow_guard.check(memoryview(content), PREDICTIONS)
    return pl.read_ipc(content)


def _as_array(content: bytes) -> Array:
    return np.frombuffer(content, np.int8)


def _digest(arrays: Mapping[str, Array]) -> Array:
    """The sha256 over all arrays and their names: a file that was cut or changed is not gone on from."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].shape} {arrays[name].dtype} ".encode())
        if arrays[name].nbytes:
            digest.update(np.ascontiguousarray(arrays[name]).data)
    return np.frombuffer(digest.digest(), np.int8)
