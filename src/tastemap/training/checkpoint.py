"""Where a fit stands, so that it can go on after the process has ended."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Literal, Protocol

import polars as pl

from tastemap.data import Dataset
from tastemap.models.config import ModelConfig, State

Losses = list[dict[str, object]]

LAYOUT = 1
"""Of a :class:`Standing`; another one is another fit's."""


@dataclass(frozen=True)
class Standing:
    """What a fit knows after an epoch.

    Parameters
    ----------
    phase : {"search", "final"}
        By a validation part, or to all rows.
    epoch : int
        The last whole epoch of the phase.
    losses : list of dict
        Of all epochs so far, the search's included.
    state : State
        What the next epoch starts from.
    best_epoch : int
        Of the search, so far; of the final phase: how many epochs it has.
    best_state : State or None
        What the epoch after the best one would start from; None where that is `state`, and in the final phase.
    predictions : DataFrame or None
        What the search left for the artifact.
    """

    phase: Literal["search", "final"]
    epoch: int
    losses: Losses
    state: State
    best_epoch: int
    best_state: State | None = None
    predictions: pl.DataFrame | None = field(default=None, repr=False)


class Checkpoints(Protocol):
    """Keeps the last standing of one fit, where it outlives the process."""

    def last(self, key: str) -> Standing | None:
        """What was kept of the fit with this key; None if nothing was, or it was another fit."""

    def keep(self, key: str, standing: Standing) -> None:
        """Keep it, in place of what was kept before; may leave an epoch out where keeping takes too long."""


def key_of(train: Dataset, model: str, config: ModelConfig, seed: int) -> str:
    """What tells one fit from every other: the sha256 of data, model, settings, seed and library."""
    facts = {
        "data": train.fingerprint,
        "model": model,
        "config": config.model_dump(mode="json"),
        "seed": seed,
        "library": version("tastemap"),
        "layout": LAYOUT,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
