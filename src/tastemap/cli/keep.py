"""``tastemap evaluate --keep``: the figures of a saved model, saved with it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tastemap.cli import options

if TYPE_CHECKING:
    from tastemap.artifacts import Identity
    from tastemap.evaluation import EvaluationRecord
    from tastemap.models.recommender import Recommender


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

        if identify(self.folder).digest != self.identity.digest:
            raise ArtifactError(
                f"The figures were not kept: another version of {self.folder} was saved while version "
                f"{self.identity.version} was measured. Run the command again to measure that one."
            )
        save(with_evaluation(self.recommender, record.as_json()), self.folder)
        now = identify(self.folder)
        if now.digest == self.identity.digest:
            return [f"Version {now.version} of {self.folder} has these figures already."]
        said = [f"Kept these figures with the model: version {now.version} of {self.folder}."]
        if (database is not None or _default_database(self.folder).exists()) and self._hand_on(now, database):
            said.append("Running servers follow within two seconds.")
        return said

    def _hand_on(self, now: Identity, database: str | None) -> bool:
        """Serve the new version in place of the one that was read, if that one is served.

        Without this a refit would lay all events over rows that hold them already, and counts would double.
        """
        with options.service_extra():
            from tastemap.service.database.store import Store
            from tastemap.service.database.urls import default_url

        store = Store.open(database or default_url(self.folder))
        try:
            served = store.served()
            if served is None or served.digest != self.identity.digest:
                return False
            store.serve(now.version, now.digest, served.events_through, time.time())
            return True
        finally:
            store.close()


def _default_database(folder: Path) -> Path:
    """The file of events beside an artifact; known without the extra `service`."""
    folder = folder.resolve()
    return folder.with_name(f"{folder.name}.events.db")


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
