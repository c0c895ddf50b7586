"""A fit in epochs: how many by a validation part, then that many on all rows; cut off at any time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import cast

import polars as pl

from tastemap.data import Dataset
from tastemap.errors import DivergedError
from tastemap.models.base import Model
from tastemap.models.config import Epoch, GoOn, IterativeConfig, State, positive_min_of
from tastemap.plurals import plural
from tastemap.progress import Progress
from tastemap.rng import stream
from tastemap.training.checkpoint import Checkpoints, Losses, Standing, key_of
from tastemap.training.registry import BASELINE_OF, ModelEntry, get, make_config
from tastemap.training.validation import Validation, hold_out

Stop = Callable[[str, int], bool]
"""Asked after each epoch with its phase, ``search`` or ``final``, and the epochs done in it; true ends it."""


class TimeUp(Exception):
    """What `stop` said."""


CUT_OFF = (KeyboardInterrupt, DivergedError, TimeUp)


@dataclass(frozen=True)
class _Search:
    """What the validation part said: how many epochs, its losses, and predictions at the best epoch."""

    n_epochs: int
    losses: Losses
    predictions: pl.DataFrame | None
    interrupted: bool = False


@dataclass(frozen=True)
class Done:
    """A fitted model, the settings that repeat it, and how it came about."""

    model: Model
    resolved: IterativeConfig
    losses: Losses
    predictions: pl.DataFrame | None
    interrupted: bool


@dataclass(frozen=True, eq=False)
class EpochRun:
    """One fit; the arguments are those of :func:`tastemap.training.fit.fit`, looked up and checked.

    `learned` are the rows of `train` that the model learns from.
    """

    train: Dataset
    learned: Dataset
    entry: ModelEntry
    config: IterativeConfig
    seed: int
    progress: Progress
    keep_partial: bool
    stop: Stop | None
    checkpoints: Checkpoints | None

    def fitted(self) -> Done:
        """Search, then fit to all rows."""
        keeper = _Keeper.of(self)
        standing = keeper.last()
        if standing is not None:
            phase = "search" if standing.phase == "search" else "fit"
            self.progress.note(f"Going on after epoch {standing.epoch} of the {phase} that was cut off.")
        if standing is not None and standing.phase == "final":
            search = _finished_search(standing)
        else:
            search = self._searched(standing, keeper)
            standing = None
        return self._final(search, standing, keeper)

    def _searched(self, standing: Standing | None, keeper: _Keeper) -> _Search | None:
        """The search, gone on with where an earlier one was cut off; None without a validation part."""
        config = self.config
        validation = hold_out(
            self.train.interactions,
            self.entry.objective,
            config.validation_fraction,
            self.seed,
            positive_min_of(config),
        )
        # The validation part is nearly as large as the data: the fit to all rows has the memory again.
        return None if validation is None else self._search(validation, standing, keeper)

    def _search(self, validation: Validation, standing: Standing | None, keeper: _Keeper) -> _Search:
        """Fit to the inner part until ``patience`` epochs have not improved the figure by ``tolerance``."""
        config, losses = self.config, list(standing.losses) if standing else []
        inner = replace(self.train, interactions=validation.learned)
        best = _Best.of(self, inner, validation, standing)
        interrupted = False
        try:
            baseline = _baseline_figure(inner, self.entry, validation)
            first = standing.epoch + 1 if standing else 1
            for number, epoch in enumerate(self._epochs(inner, config, standing), start=first):
                for note in epoch.notes:
                    self.progress.note(note)
                figures = {**epoch.losses, validation.metric: validation.figure(epoch.model)}
                losses.append({"phase": "search", "epoch": number, **figures, **baseline})
                self.progress.step(f"search {self.entry.name}", number, config.n_epochs, figures)
                best = best.after(number, epoch, validation.cost(figures[validation.metric]), config.tolerance)
                if number - best.epoch >= config.patience:
                    break
                keeper.keep_search(number, losses, epoch, best)
                self._ask("search", number, config.n_epochs)
        except CUT_OFF as reason:
            if best.model is None or not self.keep_partial:
                raise
            self.progress.note(
                f"{_reason(reason)}Search stopped; fitting to all rows for {plural(best.epoch, 'epoch')}. "
                "Ctrl-C stops that too."
            )
            interrupted = True
        assert best.model is not None, "epochs yields at least one model"
        return _Search(best.epoch, losses, validation.predictions(best.model), interrupted)

    def _final(self, search: _Search | None, standing: Standing | None, keeper: _Keeper) -> Done:
        """Fit to all rows for as many epochs as the search found, or as the settings say."""
        total = search.n_epochs if search else self.config.n_epochs
        resolved = self.config.resolved(total) if search else self.config
        losses = list(standing.losses if standing else search.losses if search else [])
        interrupted = search is not None and search.interrupted
        fitted, done = self._kept(resolved, standing), standing.epoch if standing else 0
        try:
            for epoch in self._epochs(self.learned, resolved, standing):
                fitted, done = epoch.later(), done + 1
                for note in epoch.notes if search is None else ():
                    self.progress.note(note)
                losses.append({"phase": "final", "epoch": done, **epoch.losses})
                self.progress.step(f"fit {self.entry.name}", done, total, epoch.losses)
                if not interrupted:
                    keeper.keep_final(done, losses, epoch, search)
                self._ask("final", done, total)
        except CUT_OFF as reason:
            if fitted is None or not self.keep_partial:
                raise
            so_far = f"Stopped after {done} of {plural(total, 'epoch')}; the model so far is kept."
            self.progress.note(f"{_reason(reason)}{so_far}")
            resolved, interrupted = self.config.resolved(done), True
        assert fitted is not None, "epochs yields at least one model"
        return Done(fitted(), resolved, losses, search.predictions if search else None, interrupted)

    def _kept(self, config: IterativeConfig, standing: Standing | None) -> Callable[[], Model] | None:
        """The model of the epoch that was kept."""
        if standing is None:
            return None
        return next(self._epochs_from(self.learned, config, standing.state)).later()

    def _epochs(
        self, data: Dataset, config: IterativeConfig, standing: Standing | None
    ) -> Iterator[Epoch[Model]]:
        """The epochs that are still to come."""
        if standing is None:
            epochs = self.entry.epochs
            assert epochs is not None, "an iterative config belongs to a model with epochs"
            return epochs(data, config, rng=stream(self.seed, "fit"))
        following = self._epochs_from(data, config, standing.state)
        return islice(following, 1, 1 + config.n_epochs - standing.epoch)

    def _epochs_from(self, data: Dataset, config: IterativeConfig, state: State) -> Iterator[Epoch[Model]]:
        """The epoch with this state, and those after it."""
        go_on = cast(GoOn[IterativeConfig], self.entry.epochs)
        return go_on(data, config, rng=stream(self.seed, "fit"), start=state)

    def _ask(self, phase: str, done: int, total: int) -> None:
        if self.stop is not None and done < total and self.stop(phase, done):
            raise TimeUp("The time is up.")


@dataclass(frozen=True)
class _Best:
    """The best epoch of a search so far."""

    epoch: int = 0
    cost: float = float("inf")
    model: Model | None = None
    state: State | None = None

    @classmethod
    def of(cls, run: EpochRun, inner: Dataset, validation: Validation, standing: Standing | None) -> _Best:
        """The best epoch of a search that was cut off; none of one that begins."""
        if standing is None:
            return cls()
        state = standing.state if standing.best_state is None else standing.best_state
        figure = cast(float, standing.losses[standing.best_epoch - 1][validation.metric])
        model = next(run._epochs_from(inner, run.config, state)).model
        return cls(standing.best_epoch, validation.cost(figure), model, state)

    def after(self, number: int, epoch: Epoch[Model], cost: float, tolerance: float) -> _Best:
        """The better of this and another epoch, which must be better by a share of its cost."""
        return (
            _Best(number, cost, epoch.model, epoch.state) if cost < self.cost - tolerance * abs(cost) else self
        )


@dataclass(frozen=True)
class _Keeper:
    """Keeps where a run stands, if there is a place for it and its model can go on."""

    checkpoints: Checkpoints | None
    key: str

    @classmethod
    def of(cls, run: EpochRun) -> _Keeper:
        """The keeper of a run."""
        if run.checkpoints is None or not run.entry.goes_on:
            return cls(None, "")
        return cls(run.checkpoints, key_of(run.train, run.entry.name, run.config, run.seed))

    def last(self) -> Standing | None:
        """Where the run stood when it was cut off."""
        return None if self.checkpoints is None else self.checkpoints.last(self.key)

    def keep_search(self, number: int, losses: Losses, epoch: Epoch[Model], best: _Best) -> None:
        """Keep an epoch of the search."""
        if self.checkpoints is None or epoch.state is None:
            return
        best_state = None if best.epoch == number else best.state
        self.checkpoints.keep(self.key, Standing("search", number, losses, epoch.state, best.epoch, best_state))

    def keep_final(self, done: int, losses: Losses, epoch: Epoch[Model], search: _Search | None) -> None:
        """Keep an epoch of the fit to all rows."""
        if self.checkpoints is None or epoch.state is None:
            return
        n_epochs, predictions = (search.n_epochs, search.predictions) if search else (0, None)
        standing = Standing("final", done, losses, epoch.state, n_epochs, predictions=predictions)
        self.checkpoints.keep(self.key, standing)


def _finished_search(standing: Standing) -> _Search | None:
    """The search that came before the fit to all rows; None if there was none."""
    if not standing.best_epoch:
        return None
    return _Search(standing.best_epoch, standing.losses, standing.predictions)


def _baseline_figure(inner: Dataset, entry: ModelEntry, validation: Validation) -> dict[str, float]:
    """What the objective's baseline reaches on the validation part, whatever the epoch."""
    baseline = get(BASELINE_OF[entry.objective])
    model = baseline.fit(inner, make_config(baseline.name, {}), rng=stream(0, "fit"))
    return {f"{validation.metric}_of_{baseline.name}": validation.figure(model)}


def _reason(stop: BaseException) -> str:
    """What a note says first of a fit that was not finished: nothing to whoever pressed Ctrl-C."""
    return "" if isinstance(stop, KeyboardInterrupt) else f"{stop} "
