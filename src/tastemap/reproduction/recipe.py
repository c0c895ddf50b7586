"""Recipes: what a document trained, how, and the figures that it printed; one TOML file each."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cached_property
from importlib import resources
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tastemap.errors import unknown_name
from tastemap.models.config import IterativeConfig, ModelConfig
from tastemap.training.registry import make_config

Measure = Literal["test_mse", "train_mse", "regularization", "gravity", "ndcg@10", "alike_neighbors"]

TOLERANCE = 0.02
"""Share of a printed figure by which ours may always differ, where a recipe says nothing else."""

LABELS: dict[Measure, str] = {
    "test_mse": "test MSE",
    "train_mse": "train MSE",
    "regularization": "regularization",
    "gravity": "gravity",
    "ndcg@10": "NDCG@10",
    "alike_neighbors": "neighbors alike, of 5",
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Figure(_Part):
    """One figure of a run, and what the document says it is."""

    measure: Measure
    at: Literal["last", "best"] | int = Field(
        default="last",
        description="the epoch: the last, one by its number, or the best on the test rows, which flatters",
    )
    printed: float | None = Field(default=None, description="the document's figure")
    tolerance: float = Field(
        default=TOLERANCE, ge=0.0, description="share of the printed figure by which ours may always differ"
    )
    mistake: str = Field(default="", description="why the printed figure is no target: what went wrong there")
    reason: str = Field(default="", description="why ours differs, where it does")

    @property
    def label(self) -> str:
        """The figure in words: ``test MSE, best epoch``."""
        where = {"last": "", "best": ", best epoch"}
        return LABELS[self.measure] + where.get(str(self.at), f", epoch {self.at}")


class Neighbors(_Part):
    """What the measure alike_neighbors counts."""

    of: str = Field(description="title of an item")
    genres: tuple[str, ...] = Field(min_length=1, description="a neighbor with one of these is alike")


class Run(_Part):
    """One model trained on each split."""

    name: str = Field(default="", description="what sets it apart from the other runs of its recipe")
    model: str
    settings: dict[str, Any] = Field(default_factory=dict, description="those that differ from the defaults")
    targets: Literal["aligned", "misaligned"] = Field(
        default="aligned",
        description="misaligned: every pair stands beside the rating of another, a mistake of one document",
    )
    every: int = Field(default=1, ge=1, description="measure after each so many epochs")
    large: bool = Field(default=False, description="on 25 million rows, and only when asked for")
    beside: tuple[str, ...] = Field(default=(), description="ranking models to show beside it")
    neighbors: Neighbors | None = None
    figures: tuple[Figure, ...] = Field(min_length=1)

    @cached_property
    def config(self) -> ModelConfig:
        """The settings, checked."""
        return make_config(self.model, self.settings)

    @property
    def n_epochs(self) -> int:
        """Epochs of the run; 1 for a closed form."""
        return self.config.n_epochs if isinstance(self.config, IterativeConfig) else 1


class Recipe(_Part):
    """One system of the source documents."""

    id: str = Field(pattern=r"^B\d+$")
    document: str = Field(pattern=r"^\d{3}$", description="number of the source document")
    title: str
    data: str = Field(description="name of a data set")
    item_key: Literal["id", "title"] = Field(
        default="id", description="title: items of one title are one item, as in document 003"
    )
    split: Literal["random", "leave-last"] = "random"
    test_fraction: float = Field(default=0.2, gt=0.0, lt=1.0, description="share of the rows in a random test")
    seeds: tuple[int, ...] = Field(default=(0, 1, 2), min_length=1, description="one split and one fit each")
    summary: Literal["mean", "median"] = Field(
        default="mean", description="what sums up the splits: the median where some fits end in a worse place"
    )
    notes: str = ""
    runs: tuple[Run, ...] = Field(min_length=1)


def recipes() -> dict[str, Recipe]:
    """All recipes by id, in the order of the documents."""
    files = (
        file
        for file in resources.files("tastemap.reproduction").joinpath("recipes").iterdir()
        if file.name.endswith(".toml")
    )
    found = [Recipe.model_validate(tomllib.loads(file.read_text(encoding="utf-8"))) for file in files]
    return {recipe.id: recipe for recipe in sorted(found, key=lambda recipe: int(recipe.id[1:]))}


def choose(ids: Sequence[str]) -> list[Recipe]:
    """The recipes of these ids, or all if there are none; case does not count.

    Raises
    ------
    UnknownNameError
        If an id is unknown; near matches are listed.
    """
    known = recipes()
    wanted = [name.upper() for name in ids] or list(known)
    for name in wanted:
        if name not in known:
            raise unknown_name("recipe", name, known)
    return [known[name] for name in dict.fromkeys(wanted)]
