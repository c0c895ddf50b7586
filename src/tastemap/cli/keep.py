"""``tastemap evaluate --keep``: the figures of a saved model, saved with it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tastemap.cli import options

if TYPE_CHECKING:
    from tastemap.artifacts import Identity
    from tastemap.evaluation import EvaluationRecord
    from tastemap.models.recommender import Recommender
    from tastemap.service.database.store import Store


@dataclass(frozen=True, eq=False)
class Saved:
    """A saved model as it was when it was read.

    Parameters
    ----------
    folder : Path
    recommender : Recommender
    identity : Identity
        Of the version that was read.
    """

    folder: Path
    recommender: Recommender
    identity: Identity

    @classmethod
    def read(cls, folder: Path, *, to_keep: bool) -> Saved:
        """Load the current version; `to_keep` refuses before any work a folder that cannot be written.

        Raises
        ------
        ArtifactError
            If the folder cannot be read, or written.
        """
        from tastemap.artifacts import ensure_writable, load_identified

        if to_keep:
            ensure_writable(folder)
        return cls(folder, *load_identified(folder))

    def keep(self, record: EvaluationRecord, database: str | None) -> list[str]:
        """Save the model with this record as the next version, and say so; nothing else of it changes.

        A database of events learns that the new version holds the same events as the one that was read.

        Raises
        ------
        ArtifactError
            If another version was saved meanwhile, which this one must not replace, or the disk refuses.
        DatabaseError
            If the database of events cannot be read or written.
        """
        from tastemap.artifacts import identify, save
        from tastemap.errors import ArtifactError
        from tastemap.training import with_evaluation

        with self._database(database) as store:

            def announce(digest: str, current: str | None) -> None:
                if current != self.identity.digest:
                    raise ArtifactError(
                        f"The figures were not kept: another version of {self.folder} was saved while version "
                        f"{self.identity.version} was measured. Run the command again to measure that one."
                    )
                if store is not None:  # else a refit would lay events over rows that hold them, and count twice
                    store.record_fit(digest, store.events_through(self.identity.digest), time.time())

            save(with_evaluation(self.recommender, record.as_json()), self.folder, announce=announce)
            now = identify(self.folder)
            if now.digest == self.identity.digest:
                return [f"Version {now.version} of {self.folder} has these figures already."]
            said = [f"Kept these figures with the model: version {now.version} of {self.folder}."]
            served = None if store is None else store.served()
            if store is not None and served is not None and served.digest == self.identity.digest:
                store.serve(now.version, now.digest, time.time())
                said.append("Running servers follow within two seconds.")
            return said

    @contextmanager
    def _database(self, database: str | None) -> Iterator[Store | None]:
        """The database of events; None where there is none."""
        from tastemap.data.sql.urls import default_file, default_url

        if database is None and not default_file(self.folder).exists():
            yield None
            return
        with options.service_extra():
            from tastemap.service.database.store import Store

        store = Store.open(database or default_url(self.folder))
        try:
            yield store
        finally:
            store.close()


def check_keep(*, keep: bool, test: str | None) -> None:
    """Refuse `--keep` where no saved model is measured.

    Raises
    ------
    UsageError
        If there is no test data.
    """
    if keep and test is None:
        raise options.UsageError(
            "--keep saves the figures of a saved model with it and needs test data: "
            "tastemap evaluate DIR --test SOURCE --keep."
        )
