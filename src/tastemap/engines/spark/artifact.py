"""A saved model on the executors: each loads the folder once, from where it lies or from the copy that Spark
sends along.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tastemap.artifacts import identify, info, load
from tastemap.engines.spark.session import Cluster
from tastemap.errors import ArtifactError
from tastemap.models.recommender import Recommender


@dataclass(frozen=True)
class Placed:
    """Where an executor finds a version of an artifact.

    Parameters
    ----------
    folder : str
        The absolute path on the driver, which an executor may see or not.
    digest : str
        Of the version's manifest: an executor takes nothing else for it.
    """

    folder: str
    digest: str

    @property
    def archive(self) -> str:
        """What the copy is called, another one for each version: Spark never replaces what it has sent."""
        return f"{self.digest}.zip"

    def load(self) -> Recommender:
        """The recommender, on an executor; arrays are mapped, and loaded once a process."""
        return _loaded(self)


def place(cluster: Cluster, folder: Path) -> Placed:
    """Make the current version of an artifact known to the executors, those that join later too.

    Whether an executor sees the path only it can tell, so the copy is on offer in every case.

    Raises
    ------
    ArtifactError
        If there is no artifact, or no room for its copy.
    """
    placed = Placed(str(folder.resolve()), identify(folder).digest)
    if not cluster.is_one_process:
        cluster.spark.sparkContext.addArchive(str(_archive(cluster, folder, placed)))
    return placed


def _archive(cluster: Cluster, folder: Path, placed: Placed) -> Path:
    """The files of the current version alone, as they are: factors hardly get smaller."""
    archive = cluster.scratch / placed.archive
    if archive.exists():
        return archive
    files = info(folder)["files"]
    assert isinstance(files, dict), "a manifest names its files by role"
    draft = archive.with_suffix(".tmp")
    try:
        with zipfile.ZipFile(draft, "w", strict_timestamps=False) as file:
            for name in ("manifest.json", *sorted(str(facts["name"]) for facts in files.values())):
                file.write(folder / name, name)
    except OSError as error:
        raise ArtifactError(
            f"Could not copy {folder} for the executors: {error.strerror or error}; make room in "
            f"{cluster.scratch.parent}, or name another folder by TMPDIR."
        ) from error
    return draft.replace(archive)


def _has(folder: str, digest: str) -> bool:
    try:
        return identify(Path(folder)).digest == digest
    except (ArtifactError, OSError):
        return False


@lru_cache(maxsize=1)
def _loaded(placed: Placed) -> Recommender:
    from pyspark import SparkFiles

    if _has(placed.folder, placed.digest):
        return load(placed.folder, verify=False)
    copy = SparkFiles.get(placed.archive)
    if not _has(copy, placed.digest):
        raise ArtifactError(f"{placed.folder} has changed while Spark worked with it; start again.")
    return load(copy)
