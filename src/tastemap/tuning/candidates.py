"""What ``auto`` races: models from the simplest to the most complex, with a few sensible settings each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from tastemap.models.base import Objective


@dataclass(frozen=True)
class Candidate:
    """A model with the settings that differ from its defaults."""

    model: str
    settings: Mapping[str, object] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Its name in tables.

        >>> Candidate("ease", {"regularization": 300.0}).label
        'ease regularization=300.0'
        """
        return " ".join([self.model, *(f"{key}={written(value)}" for key, value in self.settings.items())])


def written(value: object) -> str:
    """A setting as ``--set`` reads it.

    >>> written(True), written(0.1), written((16,)), written("adamw")
    ('true', '0.1', '[16]', 'adamw')
    """
    return value if isinstance(value, str) else json.dumps(value)


SIMPLEST_FIRST: Mapping[Objective, tuple[str, ...]] = {
    "rating": ("bias", "als", "gibbs", "dot", "mlp"),
    "ranking": ("popularity", "itemknn", "ease", "ials", "softmax"),
}
"""The order of simplicity: of models that are about as good, the first one is chosen."""

_SETTINGS: Mapping[str, tuple[Mapping[str, object], ...]] = {
    "bias": ({},),
    "als": ({}, {"n_factors": 20, "regularization": 2.0}),
    "gibbs": ({"n_epochs": 100, "implicit_history": False}, {"n_epochs": 100}),
    # The best settings of dot and mlp on 100,000 ratings: see docs/models/dot.md and mlp.md.
    "dot": (
        {},
        {
            "implicit_history": True,
            "optimizer": "adamw",
            "weight_decay": 1.1,
            "bias_share": 0.0,
            "n_factors": 50,
            "learning_rate": 0.01,
            "n_epochs": 6,
        },
    ),
    "mlp": (
        {
            "product": True,
            "user_size": 100,
            "item_size": 100,
            "layers": (16,),
            "optimizer": "adamw",
            "weight_decay": 0.7,
            "learning_rate": 0.01,
            "n_epochs": 8,
        },
    ),
    "popularity": ({},),
    "itemknn": ({}, {"shrinkage": 20.0}),
    "ease": ({"regularization": 100.0}, {"regularization": 300.0}, {"regularization": 1000.0}),
    "ials": (
        {},
        {"regularization": 0.005},
        {"regularization": 0.01},
        {"n_factors": 128, "regularization": 0.005},
    ),
    "softmax": ({},),
}


def candidates(objective: Objective, positive_min: float | None = None) -> list[Candidate]:
    """All candidates of an objective, the simplest first."""
    shared = {} if positive_min is None else {"positive_min": positive_min}
    return [
        Candidate(model, {**settings, **shared})
        for model in SIMPLEST_FIRST[objective]
        for settings in _SETTINGS[model]
    ]


def simplicity(objective: Objective, model: str) -> int:
    """The place of a model in :data:`SIMPLEST_FIRST`."""
    return SIMPLEST_FIRST[objective].index(model)
