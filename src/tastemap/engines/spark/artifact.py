"""A saved model on the executors: each loads the folder once, from where it lies or from a copy that Spark
sends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tastemap.artifacts import Identity, identify, load
from tastemap.engines.spark.session import Cluster
from tastemap.errors import ArtifactError
from tastemap.models.recommender import Recommender

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Placed:
    """Where an executor finds a version of an artifact.

    Parameters
    ----------
    folder : str
        The absolute path on the driver.
    digest : str
        Of the version's manifest: an executor takes nothing else for it.
    sent : bool
        Whether Spark has sent the folder along, because not every executor sees the path.
    """

    folder: str
    digest: str
    sent: bool

    def load(self) -> Recommender:
        """The recommender, on an executor; arrays are mapped, and loaded once a process."""
        return _loaded(self)


@dataclass(frozen=True)
class _Look:
    """Asks an executor whether it sees the version at its path."""

    placed: Placed
    schema = "sees boolean"

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for _ in batches:
            yield pa.RecordBatch.from_pydict({"sees": [_has(self.placed.folder, self.placed.digest)]})


def place(cluster: Cluster, folder: Path) -> Placed:
    """Make an artifact known to the executors: by its path if all see it, else as a copy for each of them."""
    known: Identity = identify(folder)
    placed = Placed(str(folder.resolve()), known.digest, sent=False)
    n = 4 * cluster.n_tasks
    look = _Look(placed)
    found = cluster.spark.range(0, n, 1, n).mapInArrow(look, look.schema).collect()
    if all(one["sees"] for one in found):
        return placed
    cluster.spark.sparkContext.addFile(placed.folder, recursive=True)
    return Placed(placed.folder, known.digest, sent=True)


def _has(folder: str, digest: str) -> bool:
    try:
        return identify(Path(folder)).digest == digest
    except (ArtifactError, OSError):
        return False


@lru_cache(maxsize=1)
def _loaded(placed: Placed) -> Recommender:
    from pyspark import SparkFiles

    folder = SparkFiles.get(Path(placed.folder).name) if placed.sent else placed.folder
    if not _has(folder, placed.digest):
        raise ArtifactError(f"{folder} has changed while Spark worked with it; start again.")
    return load(folder, verify=placed.sent)
