"""The maps of what is served: made once, beside the requests, and kept."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from tastemap.artifacts import tensors
from tastemap.errors import ArtifactError
from tastemap.inspection.item_map import LARGEST_MAP, N_NEAREST, N_STEPS
from tastemap.inspection.items import item_vectors
from tastemap.linalg.types import Float32Array
from tastemap.models.recommender import Recommender
from tastemap.plurals import plural
from tastemap.service.answers.map import layout, on_map, principal
from tastemap.service.live.lay_out import MISSING

Fields = dict[str, Any]

RECIPE = 1
"""Rises when a layout of the same vectors comes out otherwise, so that older files are no longer read."""


def map_folder() -> Path:
    """Where maps are kept on disk: the user's cache."""
    return platformdirs.user_cache_path("tastemap") / "maps"


@dataclass(eq=False)
class Maps:
    """Where the items of one model lie: by their principal components at once, by t-SNE when it is done."""

    recommender: Recommender
    folder: Path
    done: int = 0
    failure: str = ""
    places: Float32Array | None = None
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    @cached_property
    def principal(self) -> Fields:
        """As :func:`tastemap.service.answers.map.principal`."""
        return principal(self.recommender)

    @cached_property
    def vectors(self) -> Float32Array:
        """Of the items on the map, the most popular first, shape (n, d)."""
        vectors = item_vectors(self.recommender.model)
        chosen = on_map(self.recommender)
        return (
            np.zeros((0, 1), np.float32)
            if vectors is None
            else np.ascontiguousarray(vectors[chosen], np.float32)
        )

    @cached_property
    def file(self) -> Path:
        """Where the places are kept: the name changes with all that they depend on."""
        about = f"{RECIPE} {N_STEPS} {LARGEST_MAP} {N_NEAREST} {self.vectors.shape}".encode()
        return (
            self.folder / f"map-{hashlib.sha256(about + self.vectors.tobytes()).hexdigest()[:32]}.safetensors"
        )

    @cached_property
    def _ready(self) -> Fields:
        n_placed = min(len(self.vectors), LARGEST_MAP)
        said = (
            "What is liked by the same people lies close together, by the direction of the learned vectors "
            "(t-SNE); how far apart distant things lie means little."
        )
        if n_placed < len(self.vectors):
            said = (
                f"{said} Laid out are the {n_placed:,} most popular items; each of the others lies among "
                f"the {N_NEAREST} of these that it is most like."
            )
        return layout("tsne", "ready", sentence=said, places=self.places)

    def neighborly(self) -> Fields:
        """The layout by t-SNE as far as it is: nothing is waited for."""
        if not len(self.vectors):
            return layout("tsne", "absent", sentence=self.principal["sentence"])
        if self.places is not None:
            return self._ready
        if self.failure:
            return layout("tsne", "failed", sentence=self.failure)
        said = f"t-SNE lays out {plural(min(len(self.vectors), LARGEST_MAP), 'item')}."
        return layout("tsne", "working", sentence=said, done=self.done, total=N_STEPS)

    def start(self) -> None:
        """Begin to lay out, unless that was begun; needs a running event loop."""
        if self.task is None and len(self.vectors):
            self.task = asyncio.create_task(self._lay_out())

    def stop(self) -> None:
        """End a layout that is under way: nobody looks at it any more."""
        if self.task is not None:
            self.task.cancel()

    async def _lay_out(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            kept = self._read()
            status = 0 if kept is not None else await self._run()
            self.places = self._read() if kept is None else kept
        except OSError as error:
            self.failure = f"The map cannot be kept in {self.folder.name}: {error.strerror}. PCA is shown."
            return
        if self.places is None:
            missing = "scikit-learn, which is not installed. Run: pip install 'tastemap[explore]'"
            self.failure = f"t-SNE needs {missing}" if status == MISSING else "t-SNE ended early; PCA is shown."

    async def _run(self) -> int:
        """Lay out in a process of its own, which does not hold up requests; its exit status."""
        shape = [str(size) for size in self.vectors.shape]
        command = [sys.executable, "-m", "tastemap.service.live.lay_out", str(self.file), *shape]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        try:
            assert process.stdin is not None, "a pipe was asked for"
            assert process.stdout is not None, "a pipe was asked for"
            process.stdin.write(self.vectors.tobytes())
            process.stdin.write_eof()
            async for line in process.stdout:
                self.done = int(line)
            return await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    def _read(self) -> Float32Array | None:
        """What is on disk; None if there is nothing, or it is damaged, which has it made again."""
        if not self.file.exists():
            return None
        try:
            places: Float32Array = tensors.decode(memoryview(self.file.read_bytes()), self.file.name)["places"]
        except ArtifactError:
            self.file.unlink()
            return None
        return places


class AllMaps:
    """The maps of the model that is served, as it was fitted; those of the one before go with it."""

    def __init__(self, folder: Callable[[], Path] = map_folder) -> None:
        self._folder = folder
        self._latest: Maps | None = None

    def of(self, recommender: Recommender) -> Maps:
        """The maps of a model, not yet laid out."""
        if self._latest is None or self._latest.recommender is not recommender:
            if self._latest is not None:
                self._latest.stop()
            self._latest = Maps(recommender, self._folder())
        return self._latest
