"""What Optuna proposes next, and what it is told: its only importer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tastemap.errors import MissingExtraError
from tastemap.tuning.space import Dimension, Span

WATCHED = 5
"""Trials that run to their end before others are held against them."""


@dataclass(frozen=True, eq=False)
class Proposal:
    """Settings to try.

    Parameters
    ----------
    settings : dict
        Those that are searched, and those that go with them.
    """

    settings: Mapping[str, object]
    _trial: Any
    _study: Any

    def is_poor(self, epoch: int, cost: float) -> bool:
        """Whether the costs after as many epochs are mostly lower; false until five trials are known."""
        self._trial.report(cost, epoch)
        return bool(self._trial.should_prune())

    def tell(self, cost: float, *, is_whole: bool) -> None:
        """Say what came of it; a trial that was ended early counts by its epochs."""
        if is_whole:
            self._study.tell(self._trial, cost)
        else:
            self._study.tell(self._trial, state=_optuna().trial.TrialState.PRUNED)

    def tell_failure(self) -> None:
        """Say that there is no figure."""
        self._study.tell(self._trial, state=_optuna().trial.TrialState.FAIL)


def ensure_optuna() -> None:
    """Raise MissingExtraError unless Optuna is installed."""
    _optuna()


def proposals(space: Mapping[str, Dimension], seed: int) -> Iterator[Proposal]:
    """Proposals without end; the same seed and answers give the same ones.

    By the tree-structured Parzen estimator: Bergstra, Bardenet, Bengio, Kégl, "Algorithms for hyper-parameter
    optimization", NeurIPS 2011.
    """
    optuna = _optuna()
    said = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # it announces each study
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed % 2**32),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=WATCHED, n_warmup_steps=1),
    )
    optuna.logging.set_verbosity(said)
    while True:
        trial = study.ask()
        settings: dict[str, object] = {}
        for name, dimension in space.items():
            settings.update(dimension.with_settings)
            settings[name] = _suggested(trial, name, dimension)
        yield Proposal(settings, trial, study)


def _suggested(trial: Any, name: str, dimension: Dimension) -> object:
    if not isinstance(dimension, Span):
        # Optuna takes texts and numbers, and a setting may be a list.
        return json.loads(trial.suggest_categorical(name, [json.dumps(value) for value in dimension.values]))
    if dimension.is_whole:
        return trial.suggest_int(name, int(dimension.low), int(dimension.high), log=dimension.by_factor)
    return float(f"{trial.suggest_float(name, dimension.low, dimension.high, log=dimension.by_factor):.4g}")


def _optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"Searching settings needs {error.name}, which is not installed. "
            "Install it with: pip install 'tastemap[tune]'"
        ) from error
    return optuna
