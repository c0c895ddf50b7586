"""What a source gives: interactions, what is known of items and users, and what was dropped on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike, fspath

import numpy as np
import polars as pl

from tastemap.data.catalog import Catalog
from tastemap.data.feature_columns import FeatureColumn, encode_features
from tastemap.data.interactions import Interactions
from tastemap.data.sql.origin import Origin
from tastemap.errors import check_type
from tastemap.linalg.types import BoolArray
from tastemap.plurals import plural

SELECTED = "selected"
"""The reason for rows that :meth:`Dataset.select` leaves out."""


@dataclass(frozen=True)
class LoadReport:
    """Every row of the source is accounted for: ``n_rows == n_kept + n_merged + sum(dropped)``.

    Parameters
    ----------
    n_rows : int
        Rows of the source.
    n_kept : int
        Rows that became interactions.
    n_merged : int
        Rows that went into a repeated (user, item) pair.
    dropped : dict of str to int
        Why other rows were left out, and how many.
    notes : tuple of str
        Sentences a person should read (a guessed scale, a column that was chosen).
    """

    n_rows: int
    n_kept: int
    n_merged: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def plus(self, n_rows: int, dropped: Mapping[str, int], notes: Sequence[str] = ()) -> LoadReport:
        """The report with more rows of the source, of which some were dropped; a note stands once."""
        total = dict(self.dropped)
        for reason, count in dropped.items():
            total[reason] = total.get(reason, 0) + count
        said = tuple(dict.fromkeys((*self.notes, *notes)))
        return replace(self, n_rows=self.n_rows + n_rows, dropped=total, notes=said)

    def sentences(self) -> list[str]:
        """What happened to rows that did not become interactions, one sentence each; and the notes."""
        said = [f"{plural(count, 'row')} dropped: {reason}." for reason, count in self.dropped.items() if count]
        if self.n_merged:
            said.append(f"{plural(self.n_merged, 'repeated (user, item) row')} merged.")
        return said + list(self.notes)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Interactions with the catalog of items and the table of users that belong to them.

    Parameters
    ----------
    name : str
        What the source was called; never a path.
    interactions : Interactions
    catalog : Catalog
        Titles and features of items; may be empty, and may know more items than were interacted with.
    user_features : DataFrame or None
        A column ``user_id`` and features.
    report : LoadReport
    origin : Origin or None
        How newer rows are found, where the rows came from a database.
    """

    name: str
    interactions: Interactions
    catalog: Catalog
    user_features: pl.DataFrame | None
    report: LoadReport
    origin: Origin | None = None

    def __repr__(self) -> str:
        return f"Dataset {self.name}: {self.interactions.summary}"

    def select(self, rows: BoolArray) -> Dataset:
        """The same data set with only the interactions where the mask is true; the report counts the others."""
        left_out = len(rows) - int(np.count_nonzero(rows))
        dropped = {**self.report.dropped, SELECTED: self.report.dropped.get(SELECTED, 0) + left_out}
        report = replace(self.report, n_kept=self.report.n_kept - left_out, dropped=dropped)
        return replace(self, interactions=self.interactions.select(rows), report=report, origin=None)

    def item_features(self, names: Sequence[str]) -> list[FeatureColumn]:
        """Columns of the catalog, encoded, one row for each item in index order.

        Raises
        ------
        ColumnError
            If the catalog lacks one.
        """
        if not names:
            return []
        return encode_features(self.catalog.aligned(self.interactions.items), names, owner="catalog")

    def user_feature_columns(self, names: Sequence[str]) -> list[FeatureColumn]:
        """Columns of the user table, encoded, one row for each user in index order; errors alike."""
        if not names:
            return []
        ids = self.interactions.users.ids.to_frame()
        table = ids if self.user_features is None else self.user_features
        frame = ids.join(table, on="user_id", how="left", maintain_order="left")
        return encode_features(frame, names, owner="table of users")

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over ids, pairs, values, times and the rating scale; the order of a file does not count."""
        data = self.interactions
        digest = hashlib.sha256()
        for ids in (data.users, data.items):
            digest.update(str(ids.ids.dtype).encode())
            if ids.is_integer:
                digest.update(np.ascontiguousarray(ids.ids.to_numpy()).data)
            else:
                digest.update("\x00".join(ids.ids.to_list()).encode())
        for array in (data.user_index, data.item_index, data.values, data.timestamps):
            if array is not None:
                digest.update(np.ascontiguousarray(array).data)
        scale = data.rating_scale
        digest.update(f"{float(scale.low)} {float(scale.high)}".encode() if scale else b"implicit")
        return digest.hexdigest()


def check_dataset(argument: str, value: object) -> None:
    """Raise InvalidValueError unless a value is a data set, as where the name of one is given instead."""
    remedy = "tastemap.load_data makes one from a name, a file or a frame"
    if isinstance(value, str | PathLike):
        remedy = f"load it first: tastemap.load_data({str(fspath(value))!r})"
    check_type(argument, value, Dataset, "a Dataset", remedy)
