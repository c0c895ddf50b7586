"""Which version of an artifact was loaded: for a server, which must know when there is another one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tastemap.artifacts import store
from tastemap.artifacts.artifact import load, versions
from tastemap.errors import ArtifactError
from tastemap.models.recommender import Recommender

ATTEMPTS = 5
"""Saves that may come between before a reader gives up."""


@dataclass(frozen=True)
class Identity:
    """One version of one artifact.

    Parameters
    ----------
    version : int
        Its number, as in :func:`tastemap.artifacts.versions`.
    digest : str
        sha256 of its manifest, in hexadecimal.
    saved : float
        When the manifest was written, in seconds since 1970.
    """

    version: int
    digest: str
    saved: float


def identify(folder: Path, version: int | None = None) -> Identity:
    """What a version is, by its manifest alone; None means the current one.

    Raises
    ------
    ArtifactError
        If there is no artifact, or no such version.
    """
    numbers = versions(folder)
    number = numbers[-1] if version is None else version
    name = store.manifest_name(folder, number)
    try:
        text, saved = (folder / name).read_bytes(), (folder / name).stat().st_mtime
    except OSError as error:
        listed = ", ".join(map(str, numbers))
        raise ArtifactError(f"{folder} has no version {number}; there are {listed}.") from error
    return Identity(number, store.digest_of(text), saved)


def find_version(folder: Path, digest: str) -> int | None:
    """The number of the version with this digest; None where there is none."""
    for number in reversed(versions(folder)):
        if identify(folder, number).digest == digest:
            return number
    return None


def load_identified(folder: str | Path, *, version: int | None = None) -> tuple[Recommender, Identity]:
    """Load a version and say which it is, though another process may be saving.

    *Stability: experimental.*

    Raises
    ------
    ArtifactError
        As :func:`tastemap.artifacts.load`, or if versions come faster than they can be read.
    """
    folder = Path(folder)
    for _ in range(ATTEMPTS):
        before = identify(folder, version)
        recommender = load(folder, version=version)
        if identify(folder, version).digest == before.digest:
            return recommender, before
    raise ArtifactError(f"{folder} changed {ATTEMPTS} times while it was read; load it again later.")


def forget_earlier(folder: str | Path) -> None:
    """Delete every version of an artifact but the current one, with the files that only they need.

    *Stability: experimental.* For what must not be kept: people who asked to be forgotten. Who has loaded such
    a version keeps it until it is let go.

    Raises
    ------
    ArtifactError
        If `folder` is no artifact, or the disk refuses.
    """
    folder = Path(folder)
    versions(folder)  # raises unless it is an artifact
    try:
        with store.locked(folder):
            store.forget_earlier(folder)
    except OSError as error:
        raise ArtifactError(
            f"Earlier versions stay in {folder}: {error.strerror or error}. Mend its permissions."
        ) from error
