"""How long candidates will take: the plan's prediction, corrected by what was measured so far."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from statistics import median

from tastemap.data import Dataset
from tastemap.models.base import Objective
from tastemap.models.config import IterativeConfig
from tastemap.models.neural_config import NeuralConfig
from tastemap.progress import Progress
from tastemap.training.registry import BASELINE_OF, make_config
from tastemap.tuning.candidates import Candidate
from tastemap.tuning.plan import Plan, plan

SAVING_S = 0.6
"""Saving a small model, the import of what it needs included."""
SAVED_BYTES_A_SECOND = 100e6
SHORTEST_S = 0.05
TURNS = 9
"""Alternations after which a validation part usually ends als and ials."""
COMPILING_S = 5.0
"""Compiling what it takes to fit and measure the baseline."""
COMPILATION = 1.5
"""How much longer than for the baseline it may take for another model."""


class Ear:
    """Hears whether a kernel was compiled, and passes on what is said."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.has_heard = False

    def note(self, message: str) -> None:
        """Pass on the sentence."""
        self.has_heard = True
        self._progress.note(message)

    def step(self, task: str, done: int, total: int, figures: dict[str, float]) -> None:
        """Pass on the step."""
        self._progress.step(task, done, total, figures)


class Forecast:
    """Predicted times and sizes on one data set.

    Parameters
    ----------
    data : Dataset
    objective : {"rating", "ranking"}
    """

    def __init__(self, data: Dataset, objective: Objective) -> None:
        self._data = data
        self._plans: dict[str, Plan] = {}
        self._baseline = Candidate(BASELINE_OF[objective])
        self._ratios: dict[str, float] = {}
        self.compiling_s = 0.0
        """What the first fit of a model may take more, where its kernels are not compiled yet."""

    def plan(self, candidate: Candidate) -> Plan:
        """The plan of fitting a candidate to all data, without a validation part."""
        if candidate.label not in self._plans:
            settings = _without_search(candidate.model, candidate.settings)
            self._plans[candidate.label] = plan(self._data, candidate.model, settings)
        return self._plans[candidate.label]

    def planned_s(self, candidate: Candidate) -> float:
        """What the plan says of the fit to all data alone: reading and starting up are over."""
        return max(self.plan(candidate).seconds - self._started_s, SHORTEST_S)

    def fit_s(self, candidate: Candidate) -> float:
        """Predicted seconds to fit a candidate to all data."""
        return self._ratios.get(candidate.model, self._slowness) * self.planned_s(candidate)

    def first_s(self, candidate: Candidate) -> float:
        """What the first fit of a model may take more than another one."""
        if candidate.model in self._ratios:
            return 0.0
        return COMPILATION * self.compiling_s

    def learn(self, candidate: Candidate, refit_s: float, compiled_s: float) -> None:
        """Correct what is said of a model by what one of its candidates has taken.

        `compiled_s` is the time of a trial in which kernels were compiled, else 0; that of the baseline is
        hardly anything else.
        """
        if compiled_s and candidate == self._baseline:
            self.compiling_s = compiled_s
        self._ratios[candidate.model] = max(refit_s / self.planned_s(candidate), 0.1)

    def save_s(self, candidate: Candidate) -> float:
        """Predicted seconds to save a fitted candidate."""
        return self._slowness * (SAVING_S + self.plan(candidate).artifact_bytes / SAVED_BYTES_A_SECOND)

    @property
    def _slowness(self) -> float:
        """How many times as long as planned work takes, as another program may use the machine too."""
        return max(median(self._ratios.values()), 1.0) if self._ratios else 1.0

    @cached_property
    def _started_s(self) -> float:
        return self.plan(self._baseline).seconds


def is_neural(model: str) -> bool:
    """Whether PyTorch fits a model."""
    return isinstance(make_config(model), NeuralConfig)


def can_be_cut(model: str) -> bool:
    """Whether fewer epochs of a model are a worse fit of the same kind: no schedule runs over them."""
    return isinstance(make_config(model), IterativeConfig) and not is_neural(model)


def _without_search(model: str, settings: Mapping[str, object]) -> dict[str, object]:
    config = make_config(model, settings)
    if not isinstance(config, IterativeConfig):
        return dict(settings)
    without = {**settings, "validation_fraction": 0.0}
    # Where a validation part says when to stop, alternations do so early.
    if config.validation_fraction and can_be_cut(model):
        without["n_epochs"] = min(config.n_epochs, TURNS)
    return without
