"""How long candidates will take: the plan's prediction, corrected by what was measured so far."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from statistics import median

from tastemap.data import Dataset
from tastemap.models.base import Objective
from tastemap.models.config import IterativeConfig
from tastemap.models.neural_config import NeuralConfig
from tastemap.training.registry import BASELINE_OF, make_config
from tastemap.tuning.candidates import Candidate
from tastemap.tuning.plan import Plan, plan
from tastemap.tuning.trial import Trial

SAVING_S = 0.25
"""Saving a small model and telling of it: several times what an idle machine takes."""
SAVED_BYTES_A_SECOND = 100e6
SHORTEST_S = 0.05
TURNS = 9
"""Alternations after which a validation part usually ends als and ials."""
COLD = 4.0
"""How many times as long as a first fit of the baseline, beyond its plan, the kernels that measure may take."""
TELLING_S = 0.2
"""A fit that takes less says nothing of how long a larger one takes."""
NEARLY_ALL = 2.0
"""Rows for each row of a trial, up to which its time says by itself how long a fit to all rows takes."""
SLOWEST = 4.0
"""How many times as long as planned a fit may be predicted from one on fewer rows, which may have compiled."""
FIRST = {"itemknn": 1.0, "als": 1.5, "ials": 1.5, "gibbs": 1.2}
"""How many times as long as the baseline's first trial the kernels of a model may take at their first use."""
FIRST_OF_OTHERS = 0.3


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
        self._tried: set[str] = set()
        self._first_s = 0.0

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

    def is_first(self, candidate: Candidate) -> bool:
        """Whether no candidate of this model has been tried."""
        return candidate.model not in self._tried

    def first_s(self, candidate: Candidate) -> float:
        """What the first trial of a model may take more than another one: kernels may have to be compiled."""
        return FIRST.get(candidate.model, FIRST_OF_OTHERS) * self._first_s if self.is_first(candidate) else 0.0

    def learn_start(self, baseline: Candidate, seconds: float) -> None:
        """Take what the first fit of the baseline has needed beyond its plan for a sign of compilation."""
        self._first_s = COLD * max(seconds - self.planned_s(baseline), 0.0)

    def learn(self, candidate: Candidate, trial: Trial, growth: float) -> None:
        """Correct what is said of a model by a trial on one row of every `growth` rows."""
        if candidate.model == self._baseline.model:
            self._first_s = trial.seconds
        self._tried.add(candidate.model)
        # What is over in no time says little: its time does not grow with the rows.
        if trial.refit_s / growth >= TELLING_S:
            ratio = max(trial.refit_s / self.planned_s(candidate), 0.1)
            self._ratios[candidate.model] = ratio if growth <= NEARLY_ALL else min(ratio, SLOWEST)

    def save_s(self, candidate: Candidate) -> float:
        """Predicted seconds to save a fitted candidate.

        Fits that took longer than planned say nothing of the part that every saving takes.
        """
        return SAVING_S + self._slowness * self.plan(candidate).artifact_bytes / SAVED_BYTES_A_SECOND

    @property
    def _slowness(self) -> float:
        """How many times as long as planned work takes, as another program may use the machine too."""
        return min(max(median(self._ratios.values()), 1.0), SLOWEST) if self._ratios else 1.0

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
