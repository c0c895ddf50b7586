"""A fitted model with what it needs at the edges: what is saved as an artifact and what every surface uses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from os import PathLike, fspath

import polars as pl

from tastemap.data import Dataset, IdMap
from tastemap.errors import check_type
from tastemap.models.base import Model, Objective
from tastemap.models.config import ModelConfig

NOT_LOSSES = ("phase", "epoch", "learning_rate")
"""Columns of :attr:`Recommender.losses` that say when and how; the others are figures of the fit."""


@dataclass(frozen=True, eq=False)
class Recommender:
    """A model, the data it was fitted to (ids, catalog, histories), and how it came about.

    Parameters
    ----------
    model : Model
        Speaks indices only.
    name : str
        The registered name of the model, such as ``als``.
    objective : {"rating", "ranking"}
    config : ModelConfig
        The settings as given.
    resolved : ModelConfig
        The settings that repeat the final fit without early stopping.
    seed : int
    train : Dataset
    losses : DataFrame
        One row an epoch: ``phase`` (``search`` or ``final``), ``epoch``, ``learning_rate`` of its last step
        where there is one, and a column a loss.
    validation : DataFrame or None
        At most 10,000 held-out training rows: ``user_id, item_id, rating, prediction``.
    evaluation : dict or None
        The record of an evaluation, as data.
    interrupted : bool
        Whether Ctrl-C, or a loss that was no longer finite, ended the fit early. Not saved: `resolved` says
        what was done.
    """

    model: Model
    name: str
    objective: Objective
    config: ModelConfig
    resolved: ModelConfig
    seed: int
    train: Dataset
    losses: pl.DataFrame
    validation: pl.DataFrame | None = None
    evaluation: dict[str, object] | None = None
    interrupted: bool = False

    def __repr__(self) -> str:
        data = f"{self.train.name}: {self.train.interactions.summary}"
        return f"Recommender {self.name} ({self.objective}), fitted to {data}"

    @property
    def users(self) -> IdMap:
        """Ids of the fitted users."""
        return self.train.interactions.users

    @property
    def items(self) -> IdMap:
        """Ids of the fitted items."""
        return self.train.interactions.items

    @cached_property
    def catalog(self) -> pl.DataFrame:
        """What is known of the fitted items: one row an item, in index order, joined once."""
        return self.train.catalog.aligned(self.items)

    @cached_property
    def folded_titles(self) -> pl.Series:
        """Titles without regard to case, shape (I,), to look names up in; null where there is none."""
        titles = (
            self.catalog["title"].to_list() if "title" in self.catalog.columns else [None] * len(self.items)
        )
        folded = [None if title is None else title.casefold() for title in titles]
        return pl.Series("title", folded, dtype=pl.String)


def check_recommender(value: object, *, argument: str = "recommender") -> None:
    """Raise InvalidValueError unless a value is a recommender, as where the folder of one is given instead."""
    remedy = "tastemap.fit makes one, and tastemap.load reads a saved one"
    if isinstance(value, str | PathLike):
        remedy = f"load it first: tastemap.load({str(fspath(value))!r})"
    check_type(argument, value, Recommender, "a Recommender", remedy)
