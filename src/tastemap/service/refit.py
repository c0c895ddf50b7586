"""From an artifact and its events to the next version."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tastemap.artifacts import forget_earlier, identify, load_identified, save
from tastemap.data import Dataset
from tastemap.data.sql.newer import Newer, add_newer
from tastemap.errors import ArtifactError
from tastemap.models.recommender import Recommender
from tastemap.progress import SILENT, Progress
from tastemap.training import fit

if TYPE_CHECKING:  # rows of a database are added without events, and without SQLAlchemy, too
    from tastemap.service.database.store import Store
    from tastemap.service.live.replay import Replayed


@dataclass(frozen=True, eq=False)
class Refit:
    """What a refit did.

    Parameters
    ----------
    recommender : Recommender
    version : int
        Of the artifact now.
    n_events : int
        Events that came into it.
    events_through : int
        The last of them.
    n_erased : int
        Users whose rows were left out, and earlier versions deleted for that.
    n_unfit : int
        Events left out since the training data could not hold their values.
    n_newer : int
        Rows of a database that were added.
    """

    recommender: Recommender
    version: int
    n_events: int
    events_through: int
    n_erased: int
    n_unfit: int
    n_newer: int = 0


def refit(
    folder: Path,
    store: Store | None,
    *,
    source: Dataset | None = None,
    newer: str | None = None,
    progress: Progress = SILENT,
) -> Refit:
    """Fit the model of an artifact again, to its interactions with all events laid over them, and publish it.

    *Stability: caller-stable.*

    Model, settings and seed are those of the newest version of the artifact, whichever is served. Servers of
    the same database follow within two seconds. After an erasure earlier versions are deleted with their files:
    they hold what was to be erased.

    Parameters
    ----------
    folder : Path
        The artifact; its next version is saved there.
    store : Store or None
        None where there are no events.
    source : Dataset, optional
        Fit this instead of the artifact's own interactions; all events ever kept are laid over it.
    newer : str, optional
        The URL of the database that the artifact's interactions were read from: its newer rows are added
        before the events are laid over them. Users who were ever erased stay out.
    progress : Progress

    Raises
    ------
    ArtifactError, DatabaseError, DataError
        If one of them cannot be read or written, or another refit runs; what is served stays.
    """
    with _alone(folder):
        before, identity = load_identified(folder)
        added = Newer(source or before.train, 0)
        if newer is not None:
            added = add_newer(before.train, newer, without=() if store is None else store.erased_since(0))
        found = (
            None if store is None else _replayed(added.data, store, identity.digest, whole=source is not None)
        )
        config = before.config.model_dump(exclude_unset=True)
        data = added.data if found is None else found.data
        made = fit(data, before.name, settings=config, rng=before.seed, progress=progress, keep_partial=False)

        def announce(digest: str, current: str | None) -> None:
            # Before anybody can load it, so that no event is ever counted twice.
            if current != identity.digest:
                raise ArtifactError(f"{folder} was saved by another fit meanwhile; run tastemap refit again.")
            if store is not None and found is not None:
                store.record_fit(digest, found.through, time.time())

        save(made, folder, announce=announce)
        if store is None or found is None:
            return Refit(made, identify(folder).version, 0, 0, 0, 0, added.n_rows)
        return replace(_published(folder, store, made, found), n_newer=added.n_rows)


def _replayed(data: Dataset, store: Store, digest: str, *, whole: bool) -> Replayed:
    """The data with the events that they do not hold; `whole` data hold none."""
    from tastemap.service.live.replay import replayed

    since = 0 if whole else store.events_through(digest)
    return replayed(data, store.events(after=since), since=since)


def _published(folder: Path, store: Store, made: Recommender, found: Replayed) -> Refit:
    """Name the new version, once no file holds anybody who was erased."""
    erasure = store.erasure_to_forget(found.through)
    if erasure is not None:
        forget_earlier(folder)
        store.forgotten(erasure, time.time())
    now = identify(folder)
    store.serve(now.version, now.digest, time.time())
    n_forgotten = len(found.erased) if erasure is not None else 0
    return Refit(made, now.version, found.n_events, found.through, n_forgotten, found.n_unfit)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One refit of an artifact at a time; the lock goes with its process."""
    import fcntl  # not on Windows, where loading must still work

    path = folder.absolute()
    with path.with_name(f"{path.name}.refit.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArtifactError(
                f"{folder} is being refitted already; wait for that, and run it again."
            ) from None
        yield
