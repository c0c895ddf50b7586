"""One candidate in an arena: fitted, measured, and stopped where it no longer improves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace

from tastemap.evaluation.measure import Measured
from tastemap.models.config import IterativeConfig, ModelConfig
from tastemap.rng import stream
from tastemap.training import get
from tastemap.tuning.arena import Arena
from tastemap.tuning.candidates import Candidate

MEASUREMENTS = 30
"""How often an iterative candidate is measured, at most: its epochs may be quicker than a measurement."""


@dataclass(frozen=True, eq=False)
class Trial:
    """What a candidate has reached.

    Parameters
    ----------
    candidate : Candidate
    resolved : ModelConfig
        The settings that fit it again for as many epochs, without a validation part.
    measured : Measured
    figure : float
    seconds : float
        Time of the whole trial.
    refit_s : float
        Predicted time to fit it to all data.
    export_s : float
        Predicted time, of that, to make the model after the last epoch.
    was_cut : bool
        Whether it was told to end before its last epoch.
    """

    candidate: Candidate
    resolved: ModelConfig
    measured: Measured
    figure: float
    seconds: float
    refit_s: float
    export_s: float = 0.0
    was_cut: bool = False

    @property
    def n_epochs(self) -> int | None:
        """Epochs of the best measurement; None for a closed form."""
        stop_epoch: int | None = getattr(self.resolved, "stop_epoch", None)
        return stop_epoch or getattr(self.resolved, "n_epochs", None)


@dataclass(frozen=True)
class TriedSettings:
    """One trial of a search.

    Parameters
    ----------
    settings : dict
        Those that differ from the defaults.
    value : float
        The figure on the held-out rows.
    n_epochs : int or None
        Epochs at the figure; None for a closed form.
    seconds : float
    is_whole : bool
        Whether it ran to its end; others were worse than the median of those before, or the time was up.
    is_given : bool
        Whether these are the settings as given, with which every search begins.
    """

    settings: Mapping[str, object]
    value: float
    n_epochs: int | None
    seconds: float
    is_whole: bool
    is_given: bool

    def as_json(self) -> dict[str, object]:
        """The fields as data."""
        return asdict(self)


OnMeasurement = Callable[[int, float, float], bool]
"""Told the epoch, its figure and the predicted seconds of one more epoch and of fitting all data for as many;
true ends the trial."""


def run_trial(
    candidate: Candidate,
    config: ModelConfig,
    arena: Arena,
    seed: int,
    clock: Callable[[], float],
    on_measurement: OnMeasurement = lambda epoch, figure, next_s: False,
) -> Trial:
    """Fit a candidate to the arena's training rows and measure it.

    An iterative one is measured up to 30 times and ends after ``patience`` epochs without an improvement.
    """
    if isinstance(config, IterativeConfig):
        return _in_epochs(candidate, config, arena, seed, clock, on_measurement)
    start = clock()
    model = get(candidate.model).fit(arena.learned, config, rng=stream(seed, "fit"))
    fitted = clock()
    measured = arena.measure(candidate.model, config, model, seed)
    figure = arena.figure(measured)
    on_measurement(1, figure, 0.0)
    return Trial(candidate, config, measured, figure, clock() - start, arena.growth * (fitted - start))


def _in_epochs(
    candidate: Candidate,
    config: IterativeConfig,
    arena: Arena,
    seed: int,
    clock: Callable[[], float],
    on_measurement: OnMeasurement,
) -> Trial:
    epochs = get(candidate.model).epochs
    assert epochs is not None, "an iterative config belongs to a model with epochs"
    start = before = clock()
    last = getattr(config, "last_epoch", config.n_epochs)
    every = -(-last // MEASUREMENTS)
    best: Trial | None = None
    was_cut = False
    quickest_s = float("inf")
    for number, epoch in enumerate(epochs(arena.learned, config, rng=stream(seed, "fit")), start=1):
        quickest_s = min(quickest_s, clock() - before)  # the first one may compile
        if number % every == 0 or number == last:
            trained = clock()
            model = epoch.model
            export_s = arena.growth * (clock() - trained)
            measured = arena.measure(candidate.model, config, model, seed)
            figure = arena.figure(measured)
            refit_s = arena.growth * quickest_s * number + export_s
            least = config.tolerance * abs(figure)
            if best is None or arena.cost(figure) < arena.cost(best.figure) - least:
                best = Trial(candidate, config.resolved(number), measured, figure, 0.0, refit_s, export_s)
            next_s = every * quickest_s * (1 + arena.growth) + refit_s
            was_cut = on_measurement(number, figure, next_s) and number < last
            if was_cut or number - (best.n_epochs or 0) >= config.patience:
                break
        before = clock()
    assert best is not None, "the last epoch is measured"
    return replace(best, seconds=clock() - start, was_cut=was_cut)


def why(error: Exception) -> str:
    """What ended a fit, as a reason."""
    return "it needs more memory than there is" if isinstance(error, MemoryError) else str(error)


def not_fitted(trial: Trial, error: Exception) -> str:
    """The note on a trial whose settings could not be fitted to all rows."""
    reason = why(error).removesuffix(".")
    return f"{trial.candidate.label} could not be fitted to all rows: {reason}. The next one is taken."
