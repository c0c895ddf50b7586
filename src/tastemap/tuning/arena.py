"""Where settings are compared: a part of the training data to fit, and held-out rows to measure on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from tastemap.data import Dataset
from tastemap.evaluation.fold import Fold, make_fold, relevance_bound, renumbered
from tastemap.evaluation.measure import Measured, measure
from tastemap.evaluation.summary import ratios_of
from tastemap.metrics.bootstrap import FEWEST_USERS
from tastemap.models.base import Model, Objective
from tastemap.models.config import ModelConfig
from tastemap.models.recommender import Recommender
from tastemap.rng import stream

HELD_OUT = 0.2
"""Share of the rows of a measured user that is held out."""

N_FOLDS = 5
"""Disjoint parts of the rows that can be held out one after the other."""

MEASURED_USERS = 5_000
"""Users with held-out rows, at most; of others all rows are learned from."""

METRIC: dict[Objective, str] = {"rating": "rmse", "ranking": "ndcg@10"}
LIST_LENGTH = 10


@dataclass(frozen=True, eq=False)
class Arena:
    """A split of training data.

    Parameters
    ----------
    train : Dataset
        The rows that are known of the users.
    learned : Dataset
        Those of them that models are fitted to.
    fold : Fold
        The held-out rows, measured as an evaluation does.
    objective : {"rating", "ranking"}
    growth : float
        How many rows all data has for a row of `train`.
    """

    train: Dataset
    learned: Dataset
    fold: Fold
    objective: Objective
    growth: float

    @property
    def metric(self) -> str:
        """``rmse`` or ``ndcg@10``."""
        return METRIC[self.objective]

    def measure(self, name: str, config: ModelConfig, model: Model, seed: int) -> Measured:
        """What a model fitted to `learned` does on the held-out rows."""
        of_model = Recommender(model, name, self.objective, config, config, seed, self.train, pl.DataFrame())
        return measure(of_model, self.fold, [self.metric], LIST_LENGTH)

    def figure(self, measured: Measured) -> float:
        """The one number of what was measured."""
        sums = {("it", self.metric): [measured.sums[self.metric]]}
        (tested,) = renumbered([self.fold.tested])
        ratios = ratios_of(sums, [tested.population], tested.n_users)
        return float(ratios["it", self.metric].fold_figures()[0])

    def cost(self, figure: float) -> float:
        """The figure as something to make small."""
        return figure if self.objective == "rating" else -figure


def make_arena(
    data: Dataset,
    objective: Objective,
    share: float,
    seed: int,
    positive_min: float | None = None,
    number: int = 0,
) -> Arena | None:
    """Split the data of a random `share` of the users; None where fewer than six users could be measured.

    A random fifth of the rows of at most 5,000 of these users is held out, another one for each `number` from
    0 to 4. The users of a smaller share are among those of a larger one, and so are the rows held out of one
    user.
    """
    rows = data.interactions
    order = stream(seed, "arena users").permutation(rows.n_users)
    n_users = max(2, round(share * rows.n_users))
    chosen, measured = (np.zeros(rows.n_users, np.bool_) for _ in range(2))
    chosen[order[:n_users]] = True
    measured[order[: min(n_users, MEASURED_USERS)]] = True
    lot = stream(seed, "arena rows").random(len(rows))  # (n,)
    in_fifth = (lot >= number * HELD_OUT) & (lot < (number + 1) * HELD_OUT)
    held = measured[rows.user_index] & in_fifth
    known = chosen[rows.user_index] & ~held
    if not held.any() or not known.any():
        return None
    train, test = data.select(known), data.select(held)
    bound = positive_min
    if bound is None:
        bound = relevance_bound(test.interactions, rows, None)
    fold = make_fold(train, test, rows.users, bound=bound)
    n_counted = fold.tested.n_users if objective == "rating" else int(fold.tested.counted.sum())
    if n_counted < FEWEST_USERS:
        return None
    learned = replace(train, interactions=train.interactions.at_least(positive_min))
    return Arena(train, learned, fold, objective, len(rows) / len(train.interactions))
