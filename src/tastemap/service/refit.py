"""From an artifact and its events to the next version."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from tastemap.artifacts import forget_earlier, identify, load_identified, save
from tastemap.data import Dataset
from tastemap.models.recommender import Recommender
from tastemap.progress import SILENT, Progress
from tastemap.service.database.store import Store
from tastemap.service.live.replay import Replayed, replayed
from tastemap.training import fit


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
        Users whose rows were left out.
    """

    recommender: Recommender
    version: int
    n_events: int
    events_through: int
    n_erased: int


def refit(folder: Path, store: Store, *, source: Dataset | None = None, progress: Progress = SILENT) -> Refit:
    """Fit the model of an artifact again, to its interactions with all events laid over them, and publish it.

    *Stability: caller-stable.*

    Model, settings and seed are those of the artifact. Servers of the same database follow within two seconds.
    After an erasure earlier versions are deleted with their files: they hold what was to be erased.

    Parameters
    ----------
    folder : Path
        The artifact; its next version is saved there.
    store : Store
    source : Dataset, optional
        Fit this instead of the artifact's own interactions; all events ever kept are laid over it.
    progress : Progress

    Raises
    ------
    ArtifactError, DatabaseError, DataError
        If one of them cannot be read or written; what is served stays.
    """
    before, identity = load_identified(folder)
    since = 0 if source is not None else store.events_through(identity.digest)
    found = replayed(source or before.train, store.events(after=since), since=since)
    config = before.config.model_dump(exclude_unset=True)
    made = fit(found.data, before.name, settings=config, rng=before.seed, progress=progress, keep_partial=False)
    save(made, folder)
    return _published(folder, store, made, found)


def _published(folder: Path, store: Store, made: Recommender, found: Replayed) -> Refit:
    now = identify(folder)
    store.serve(now.version, now.digest, found.through, time.time())
    if found.erased:
        forget_earlier(folder)
        store.audit("refit", f"version {now.version}", f"without {len(found.erased)} erased", time.time())
    return Refit(made, now.version, found.n_events, found.through, len(found.erased))
