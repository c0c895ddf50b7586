"""Which settings of each model a search tries, and within which bounds: the only home of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Span:
    """Numbers from `low` to `high`, whole ones if these are; `by_factor` tries 1 to 2 as often as 10 to 20.

    `with_settings` must hold where the setting is tried.
    """

    low: float
    high: float
    by_factor: bool = True
    with_settings: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers are tried."""
        return isinstance(self.low, int) and isinstance(self.high, int)


@dataclass(frozen=True)
class Choice:
    """One of some values; `with_settings` as in :class:`Span`."""

    values: tuple[object, ...]
    with_settings: Mapping[str, object] = field(default_factory=dict)


Dimension = Span | Choice

_ADAMW = {"optimizer": "adamw"}

SPACE: Mapping[str, Mapping[str, Dimension]] = {
    "bias": {"user_regularization": Span(0.5, 50.0), "item_regularization": Span(0.5, 50.0)},
    "als": {
        "n_factors": Span(4, 64),
        "regularization": Span(0.3, 10.0),
        "bias_regularization": Span(0.5, 20.0),
    },
    "gibbs": {"n_factors": Span(8, 48), "implicit_history": Choice((False, True))},
    "dot": {
        "n_factors": Span(8, 100),
        "learning_rate": Span(1e-3, 3e-2),
        "weight_decay": Span(0.05, 2.0, with_settings=_ADAMW),
        "n_epochs": Span(4, 15),
    },
    "mlp": {
        "layers": Choice(((16,), (64,), (100,), (100, 50))),
        "learning_rate": Span(1e-3, 3e-2),
        "weight_decay": Span(0.05, 2.0, with_settings=_ADAMW),
        "n_epochs": Span(4, 15),
    },
    "popularity": {},
    "itemknn": {"n_neighbors": Span(20, 1000), "shrinkage": Span(0.1, 100.0)},
    "ease": {"regularization": Span(10.0, 5000.0)},
    "ials": {
        "n_factors": Span(16, 128),
        "regularization": Span(5e-4, 5e-2),
        "unobserved_weight": Span(0.1, 5.0),
    },
    "softmax": {
        "n_factors": Span(32, 128),
        "learning_rate": Span(1e-3, 2e-2),
        "weight_decay": Span(0.02, 1.0, with_settings=_ADAMW),
        "history_dropout": Span(0.2, 0.8, by_factor=False),
    },
}


def dimensions(model: str, fixed: Mapping[str, object]) -> dict[str, Dimension]:
    """The settings to try where some are fixed: none of these, and none that they rule out.

    >>> sorted(dimensions("dot", {"n_factors": 20, "optimizer": "adam"}))
    ['learning_rate', 'n_epochs']
    """
    return {
        name: dimension
        for name, dimension in SPACE[model].items()
        if name not in fixed
        and all(fixed.get(key, value) == value for key, value in dimension.with_settings.items())
    }
