"""A recommender as it is served: with what many requests need, made once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from tastemap.artifacts import load_identified
from tastemap.data import Id
from tastemap.inference import Rules
from tastemap.inference.explain import reasons
from tastemap.inference.ranking import rank
from tastemap.inference.rules import Prepared
from tastemap.linalg.types import BoolArray
from tastemap.models.base import Model
from tastemap.models.recommender import Recommender
from tastemap.service.database.store import Store
from tastemap.service.live.effort import adds_up
from tastemap.service.live.shown import known_of, shown

RULES_KEPT = 64
"""Sets of rules whose masks are kept; each takes a byte an item."""


def load_serving(folder: Path, version: int | None, store: Store) -> Serving:
    """Load a version (None: the current one) and make it ready.

    Raises
    ------
    ArtifactError
        If it is missing, damaged or not understood.
    DatabaseError
        If nobody can say which events it was fitted to.
    """
    recommender, identity = load_identified(folder, version=version)
    events_through = store.events_through(identity.digest)  # of what was loaded, whatever was asked for
    return Serving(
        recommender, folder, identity.version, identity.digest, identity.saved, events_through
    ).warmed()


@dataclass(frozen=True, eq=False)
class TakenIn:
    """What came into a version by events.

    Parameters
    ----------
    is_new : array of shape (I,), bool
        Items that did: their training rows are events too, and are not read twice.
    digest : str
        Of the events, sha256: the same for all workers that took in the same.
    fitted : Recommender
        The version without them.
    """

    is_new: BoolArray
    digest: str
    fitted: Recommender


@dataclass(frozen=True, eq=False)
class Serving:
    """One version of an artifact in memory; never changed, only replaced by another one.

    Parameters
    ----------
    recommender : Recommender
        Without the rows of the erased, if there are any.
    folder : Path
        The artifact.
    version : int
        Its number among :func:`tastemap.artifacts.versions`.
    digest : str
        Of its manifest, sha256: artifacts of one number may differ.
    saved : float
        When its manifest was written, in seconds since 1970.
    events_through : int
        The last event that the fit has seen; later ones are laid over its histories.
    taken_in : TakenIn or None
        Items that came in by events.
    erased : frozenset of str
        Users whom the fit holds and nobody may see.
    with_erased : Recommender or None
        The version as it was fitted, where somebody was erased.
    """

    recommender: Recommender
    folder: Path
    version: int
    digest: str
    saved: float
    events_through: int
    taken_in: TakenIn | None = None
    erased: frozenset[str] = frozenset()
    with_erased: Recommender | None = None

    def hiding(self, erased: Collection[str]) -> Serving:
        """The same without the rows of erased users, from the version in which nobody is hidden."""
        erased = known_of(self.recommender.users, erased)
        if not erased:
            return self
        rows = shown(self.recommender, erased)
        made = replace(self, recommender=rows, erased=erased, with_erased=self.fitted)
        made.tabulate()
        return made

    @cached_property
    def fitted(self) -> Recommender:
        """The version without what came in: of it is what takes long to make and need not be of today."""
        return self.recommender if self.taken_in is None else shown(self.taken_in.fitted, self.erased)

    @property
    def fitted_model(self) -> Model:
        """The model of :attr:`fitted`, at no cost: those rows may have to be copied first."""
        return (self.recommender if self.taken_in is None else self.taken_in.fitted).model

    @property
    def unhidden(self) -> Recommender:
        """The version as it was fitted, erased users too: of its vectors and of the order of its items alone.

        They are the same in all workers, and as long as the version is served.
        """
        return self.fitted if self.with_erased is None else self.with_erased

    @cached_property
    def tag(self) -> str:
        """Eight hexadecimal digits of the version and what came into it: who keeps an index keeps it too."""
        if self.taken_in is None:
            return self.digest[:8]
        return sha256(f"{self.digest} {self.taken_in.digest}".encode()).hexdigest()[:8]

    @cached_property
    def item_ids(self) -> list[Id]:
        """The id of each item, in index order."""
        return self.recommender.items.ids.to_list()

    @cached_property
    def titles(self) -> list[str | None]:
        """The title of each item, in index order; None where the catalog knows none."""
        catalog = self.recommender.catalog
        return catalog["title"].to_list() if "title" in catalog.columns else [None] * len(self.item_ids)

    @cached_property
    def support(self) -> list[int]:
        """Training interactions of each item, in index order."""
        counts: list[int] = self.recommender.train.interactions.popularity.tolist()
        return counts

    @cached_property
    def prepared(self) -> Callable[[Rules], Prepared]:
        """Rules made ready for this catalog; the latest ones are kept."""
        recommender = self.recommender  # by `self` it would hold itself until the collector comes
        return lru_cache(maxsize=RULES_KEPT)(lambda rules: rules.prepare(recommender))

    def tabulate(self) -> None:
        """Make the tables of items, which else the first request would wait for."""
        _ = self.item_ids, self.titles, self.support, self.recommender.folded_titles

    def warmed(self) -> Serving:
        """Itself, once what the first request would wait for is made: tables of items, kernels."""
        self.tabulate()
        model, data = self.recommender.model, self.recommender.train.interactions
        history = data.by_user.take(np.array([0]))
        ranking = rank(self.recommender, model.fold_in(history), history, 1, self.prepared(Rules()))
        reasons(self.recommender, history, ranking.item_index[0])
        adds_up(self.recommender)
        return self
