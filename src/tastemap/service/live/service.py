"""What all routes of one worker share: the version that is served, and the way to events."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tastemap.artifacts import find_version
from tastemap.data import Id
from tastemap.errors import ArtifactError, InvalidValueError
from tastemap.service.database.errors import DatabaseError
from tastemap.service.database.records import Event
from tastemap.service.database.store import Store
from tastemap.service.live.beside import beside, in_thread
from tastemap.service.live.effort import folds_in_long
from tastemap.service.live.newcomers import Newcomers
from tastemap.service.live.person import Person, person_of_history, person_of_user
from tastemap.service.live.reading import MOST_EVENTS, TOO_MANY, erasure_of, later_events, n_entries
from tastemap.service.live.serving import Serving, load_serving
from tastemap.service.live.shown import known_of
from tastemap.service.live.taking_in import last_change, rows_of, with_items

LOG = logging.getLogger("tastemap.service")
WITHOUT_EVENTS = "The database of events cannot be reached: this is the model's answer without live events."


async def person_of_told(
    user_id: Id, serving: Serving, events: Sequence[Event], notes: Sequence[str]
) -> Person:
    """A user by what :meth:`Service.told_of` tells; beside the event loop where folding in takes long."""
    # Who is fitted and has no later events is not folded in.
    n_folded_in = n_entries(serving, user_id, events) if events else 0
    if folds_in_long(serving.recommender, n_folded_in):
        person = await beside(person_of_user, serving, user_id, events)
    else:
        person = person_of_user(serving, user_id, events)
    return person.noted(*notes) if notes else person


async def person_of_ratings(serving: Serving, ratings: Mapping[Id, float | None]) -> Person:
    """Somebody known only by some ratings; beside the event loop where folding in takes long."""
    if folds_in_long(serving.recommender, len(ratings)):
        return await beside(person_of_history, serving, ratings)
    return person_of_history(serving, ratings)


class Service:
    """The served version, replaced as a whole; and reads of what came after it.

    Parameters
    ----------
    folder : Path
        The artifact.
    store : Store
        Events, and which version all workers serve.
    unnamed : str, optional
        Digest of the version to serve where none was named, or that one is gone; default: the current one.

    Attributes
    ----------
    serving : Serving
        What every answer starts from: erased users are not in it, as of a second ago.
    """

    def __init__(self, folder: Path, store: Store, unnamed: str | None = None) -> None:
        self.folder = folder
        self.store = store
        self._loading = threading.Lock()
        self._to_hide: list[tuple[frozenset[str], int]] = []
        self._showing = threading.Lock()  # held for as long as rows are copied, not for as long as one loads
        self.serving: Serving
        self._whole: Serving  # the same with the erased
        self._newcomers: Newcomers | None  # None: the model can take in nothing
        self._wanted: tuple[int, int]
        self._put(self._load_first(unnamed))

    async def known_of(self, user_id: Id) -> tuple[Serving, list[Event]]:
        """What is served, and the events of a user that its fit has not seen.

        Raises
        ------
        DatabaseError
            If they cannot be read.
        """
        serving = self.serving
        return serving, await later_events(self.store, serving, user_id)

    async def stored_of(self, user_id: Id) -> list[Event]:
        """Every event of a user that is stored, whatever the served fit has seen; raises DatabaseError."""
        return await in_thread(self.store.events_of, str(user_id), 0)

    async def told_of(self, user_id: Id) -> tuple[Serving, list[Event], tuple[str, ...]]:
        """As :meth:`known_of`, with what to say where the database does not answer.

        Then nothing is known of later events, but for erasures seen before: an outage brings nobody back.
        """
        serving = self.serving
        try:
            events = await later_events(self.store, serving, user_id)
            return serving, events, (TOO_MANY,) if len(events) >= MOST_EVENTS else ()
        except DatabaseError:
            id = str(user_id)
            erasure = erasure_of(id, serving.events_through)
            return serving, [erasure] if id in serving.erased else [], (WITHOUT_EVENTS,)

    async def person(self, user_id: Id) -> Person:
        """A user with all events so far; without the database, as the model knows the user, and it says so."""
        return await person_of_told(user_id, *await self.told_of(user_id))

    def reload(self, version: int | None, actor: str | None = None) -> Serving:
        """Serve a version, here at once and in all other workers within a second or two; blocks while it loads.

        Raises
        ------
        ArtifactError
            If it cannot be loaded; what was served stays.
        DatabaseError
            If the other workers cannot be told; what was served stays. Where the database goes away after they
            were told, all follow as soon as it is back.
        """
        with self._loading:
            serving = load_serving(self.folder, version, self.store)
            self.store.serve(serving.version, serving.digest, time.time(), actor)
            self._put(serving)
        return serving

    def erase(self, user_id: Id, actor: str | None = None) -> int:
        """Erase a user, whom nothing here shows when this returns; the seq of the erasure.

        Other workers know it of the user by their next read of the user's events, of items within a second.

        Raises
        ------
        DatabaseError
            If it cannot be written.
        """
        seq = self.store.erase(str(user_id), time.time(), actor)
        self._hide(frozenset([str(user_id)]), seq - 1)
        return seq

    def hide_erased(self) -> None:
        """Hide whom another worker has erased; raises DatabaseError."""
        after = self.serving.events_through
        self._hide(self.store.erased_since(after), after)

    def follow(self) -> bool:
        """Serve what another worker or a refit has named, if that is another one; whether there was.

        Raises
        ------
        ArtifactError
            If it is not there or cannot be loaded; what was served stays.
        DatabaseError
            If the database does not answer.
        """
        named = self.store.served()
        served = self.serving.digest, self.serving.events_through
        if named is None or (named.digest, named.events_through) == served:
            return False
        version = find_version(self.folder, named.digest)
        if version is None:
            raise ArtifactError(f"Version {named.version} is to be served, and {self.folder} has it no more.")
        with self._loading:
            serving = load_serving(self.folder, version, self.store)
            if serving.digest != named.digest:  # a save came between: look again in a second
                return False
            self._put(serving)
        return True

    def take_in_items(self, before: float | None = None) -> bool:
        """Let items of events be listed once enough users have them; whether there are others than before.

        Parameters
        ----------
        before : float, optional
            Events received from then on do not count yet, but for erasures. The default makes all workers
            change at one moment, every 10 s.

        Raises
        ------
        InvalidValueError
            If there are some and the model cannot take in items; said once for a version.
        DatabaseError
            If events cannot be read.
        """
        with self._loading:
            newcomers = self._newcomers
            if newcomers is None:
                return False
            newcomers.look(self.store, last_change(time.time()) if before is None else before)
            wanted = newcomers.through, newcomers.n_lost
            if wanted == self._wanted:
                return False
            rows, tag = rows_of(self._loaded, self.store, newcomers), self.serving.tag
            try:
                whole = with_items(self._loaded, rows, self._whole)
            except InvalidValueError:
                self._newcomers = None
                raise
            if whole is not self._whole:
                self._show(whole)
            self._wanted = wanted
            return self.serving.tag != tag

    def _put(self, serving: Serving) -> None:
        """Serve what was loaded; the one place where a version takes the place of another."""
        self._show(serving)
        self._loaded = serving
        self._newcomers = Newcomers(serving.recommender.items, serving.events_through)
        self._wanted = 0, 0

    def _show(self, whole: Serving) -> None:
        """Serve something without the users who were erased since its fit."""
        with self._showing:  # who is erased from now on is hidden from what is shown here
            self.serving = whole.hiding(self.store.erased_since(whole.events_through))
            self._whole = whole

    def _hide(self, erased: frozenset[str], after: int) -> None:
        """Hide users who were erased after an event; in one version nobody who is hidden comes back.

        Rows are copied once for all who wait: many erasures at a time take little longer than one.
        """
        self._to_hide.append((erased, after))
        with self._showing:
            wished = [self._to_hide.pop() for _ in range(len(self._to_hide))]
            # A later fit may hold those who came back before it, by right.
            wanted = [those for those, since in wished if since >= self._whole.events_through]
            if wanted:
                known = known_of(self._whole.recommender.users, frozenset().union(*wanted))
                everybody = known | self.serving.erased
                if everybody != self.serving.erased:
                    self.serving = self._whole.hiding(everybody)

    def _load_first(self, unnamed: str | None) -> Serving:
        """What the database names, else what the other workers began with, else the current version."""
        named = self.store.served()
        for digest in (None if named is None else named.digest, unnamed):
            version = None if digest is None else find_version(self.folder, digest)
            if version is not None:
                return load_serving(self.folder, version, self.store)
            if digest is not None:
                LOG.warning("the version with digest %.12s is no longer there; another one is served", digest)
        return load_serving(self.folder, None, self.store)
