r"""Bayesian matrix factorization of ratings, sampled: no weight has to be chosen, all are learned.

With ratings in units of their standard deviation, less their mean,

.. math::
    r_{ui} \sim N(x_u^\top y_i + b_u + b_i,\ \alpha^{-1}), \qquad
    \theta_u = [x_u, b_u] \sim N(m + \beta^\top f_u,\ \Lambda^{-1}),

and the same for the items with a prior of their own. The hyperpriors say next to nothing: (m, Λ) is
normal-Wishart with β0 = 1, ν0 = d + 1 and W0 = I, and α is Gamma(1, 1). f_u are features of the user, if there
are any; each row of the link matrix β has the prior :math:`N(0, (\lambda \Lambda)^{-1})` with λ Gamma(1, 1),
for each block of features its own. A block is the implicit history (which items the user has
rated, each entry :math:`1 / \sqrt{n_u}`; its leading directions), or columns of the table of users.

A Gibbs sampler draws each of these given the others (:mod:`tastemap.models.gibbs_sampler`): the rows of a side
are independent given the other side. The model is the mean prediction over the draws
(:mod:`tastemap.models.gibbs_mean`).

Sources: Salakhutdinov and Mnih, "Bayesian probabilistic matrix factorization using Markov chain Monte Carlo",
ICML 2008 (the sampler); Simm et al., "Macau: scalable Bayesian factorization with high-dimensional side
information using MCMC", MLSP 2017 (features in the prior mean); Rendle, Zhang, Koren, "On the difficulty of
evaluating baselines: a study on recommender systems", arXiv:1905.01395, 2019 (implicit histories as features,
and how strong this model is).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
from pydantic import Field

from tastemap.data import Dataset, Interactions
from tastemap.errors import DivergedError, InvalidValueError
from tastemap.linalg.csr import CSR
from tastemap.linalg.threads import single_threaded_blas
from tastemap.models.bias import rating_scale_of
from tastemap.models.config import Epoch, IterativeConfig
from tastemap.models.factor import FactorModel
from tastemap.models.gibbs_held_out import HeldOut, calibration, parts, without
from tastemap.models.gibbs_mean import Draws, mean_model
from tastemap.models.gibbs_sampler import Side, draw_noise_precision, draw_side, first_side
from tastemap.models.gibbs_samples import Unit
from tastemap.models.side_features import SideFeatures, column_matrix, decomposed, leading_directions

UNIT_OF_EQUAL_RATINGS = 1e-3
"""In stars, where ratings have no standard deviation: the prior then expects next to none."""
UNCALIBRATED = (
    "Intervals will be as wide as the model believes; calibration_parts=4 holds them to ratings that were left "
    "out, in five times the time."
)


class GibbsConfig(IterativeConfig):
    """Settings of ``gibbs``."""

    n_epochs: int = Field(default=200, ge=1, le=100_000, description="sweeps: draws of all unknowns")
    burn_in: int = Field(
        default=20,
        ge=0,
        description="first sweeps that are left out of the mean; fewer than n_epochs",
    )
    n_factors: int = Field(default=16, ge=1, le=512, description="length d of a factor vector in a draw")
    implicit_history: bool = Field(
        default=True,
        description="expect something of users by which items they have rated, and of items by who has",
    )
    history_directions: int = Field(
        default=128,
        ge=1,
        le=4096,
        description="leading directions of the histories that say what is expected",
    )
    user_features: tuple[str, ...] = Field(
        default=(), description="columns of the table of users that say something of a user's taste"
    )
    item_features: tuple[str, ...] = Field(
        default=(), description="columns of the catalog that say something of an item, such as genres"
    )
    calibration_parts: int = Field(
        default=0,
        ge=0,
        le=20,
        description="parts of the ratings, each predicted by one more sampler that does not see it, to "
        "calibrate intervals; below 2: they are as wide as the model believes",
    )
    validation_fraction: float = Field(
        default=0.0,
        ge=0.0,
        le=0.5,
        description="share of the training rows that decides when to stop; 0: never, more sweeps do no harm",
    )
    patience: int = Field(default=50, ge=1, description="sweeps without improvement before stopping")

    def resolved(self, n_epochs: int) -> Self:
        """The settings that draw exactly `n_epochs` sweeps; in a burn-in cut short the last is the model."""
        cut = super().resolved(n_epochs)
        return cut.model_copy(update={"burn_in": min(self.burn_in, n_epochs - 1)})


def fit(train: Dataset, config: GibbsConfig, *, rng: np.random.Generator) -> FactorModel:
    """Fit ``config.n_epochs`` sweeps; see :func:`epochs`."""
    *_, last = epochs(train, config, rng=rng)
    return last.model


def epochs(train: Dataset, config: GibbsConfig, *, rng: np.random.Generator) -> Iterator[Epoch[FactorModel]]:
    """Draw items given users, users given items, then the noise; again and again.

    Parameters
    ----------
    train : Dataset
        With ratings.
    config : GibbsConfig
    rng : Generator
        Every random number of the sampler comes from it, in one order.

    Yields
    ------
    Epoch
        The mean model of the draws after the burn-in (before its end, the last draw alone);
        ``losses["train_rmse"]`` is the error of the draw of this sweep, ``losses["noise"]`` the drawn standard
        deviation of a rating around its prediction, both in stars.

    Raises
    ------
    InvalidValueError
        If the burn-in leaves no sweep.
    ColumnError
        If a feature is not there.
    DivergedError
        If a draw is not finite.

    Notes
    -----
    A sweep costs O(n d^2 + (U + I) (d^3 + r d)) with r directions of features; finding those of the histories
    costs O(n r + (U + I) r^2) once. Memory O((U + I) (r + 32 d)).
    """
    if config.burn_in >= config.n_epochs:
        raise InvalidValueError(
            "gibbs: n_epochs must be above burn_in, whose sweeps are left out of the mean. "
            f"Got {config.n_epochs} and {config.burn_in}; raise n_epochs, or lower burn_in."
        )
    data = train.interactions
    chain = _chain(train, config, rng)
    none = draws = Draws.none(data.n_users, data.n_items)
    others = _held_out_chains(train, config, rng)
    unseen = tuple(held_out for _, held_out in others)
    limits = [other.limits for other, _ in others]
    for sweep in range(1, config.n_epochs + 1):
        users, items, noise_precision, squares = next(chain.states)
        if sweep <= config.burn_in + 1:
            draws, unseen = none, tuple(each.restarted() for each in unseen)
        draws = draws.plus(users, items, noise_precision)
        unseen = tuple(
            each.plus(*next(other.states)[:3]) for (other, _), each in zip(others, unseen, strict=True)
        )
        losses = {
            "train_rmse": chain.unit.std * float(np.sqrt(squares / len(data))),
            "noise": chain.unit.std / float(np.sqrt(noise_precision)),
        }
        calibrated = partial(calibration, data, unseen, limits)
        model = partial(mean_model, data, draws, chain.unit, chain.users, chain.with_history, calibrated)
        said = (UNCALIBRATED,) if sweep == 1 and not others else ()
        yield Epoch(model, losses, lasts=True, notes=said)


@dataclass(frozen=True, eq=False)
class _Chain:
    """A sampler of some data, with its units and features.

    Parameters
    ----------
    states : iterator
        Users, items, the precision of the noise and the sum of squared residuals of each sweep, without end.
    unit : Unit
    limits : tuple of float
        The rating scale in these units.
    users : list of SideFeatures
        Features of users; histories come first.
    with_history : bool
    """

    states: Iterator[tuple[Side, Side, float, float]]
    unit: Unit
    limits: tuple[float, float]
    users: list[SideFeatures]
    with_history: bool


def _chain(train: Dataset, config: GibbsConfig, rng: np.random.Generator) -> _Chain:
    data = train.interactions
    features = _features_of(train, config, rng)
    ratings = data.values.astype(np.float64)
    unit = Unit(float(ratings.mean()), float(ratings.std()) or UNIT_OF_EQUAL_RATINGS)
    scale = rating_scale_of(data)
    limits = (scale.low - unit.mean) / unit.std, (scale.high - unit.mean) / unit.std
    states = _states(data, unit, features, config.n_factors, rng)
    return _Chain(states, unit, limits, features.users, features.with_history)


def _held_out_chains(
    train: Dataset, config: GibbsConfig, rng: np.random.Generator
) -> list[tuple[_Chain, HeldOut]]:
    """A chain without each part, and the part; their random numbers are their own, apart from the model's."""
    if config.calibration_parts < 2:
        return []
    data = train.interactions
    splitter, *own = rng.spawn(config.calibration_parts + 1)
    chains = []
    for held, one in zip(parts(len(data), config.calibration_parts, splitter), own, strict=True):
        if held.all() or not held.any():
            continue
        chain = _chain(without(train, held), config, one)
        values = (data.values[held].astype(np.float64) - chain.unit.mean) / chain.unit.std
        chains.append((chain, HeldOut(data.user_index[held], data.item_index[held], values)))
    return chains


@dataclass(frozen=True, eq=False)
class _Features:
    """Blocks of features of either side; the histories come first."""

    users: list[SideFeatures]
    items: list[SideFeatures]
    with_history: bool


def _states(
    data: Interactions, unit: Unit, features: _Features, n_factors: int, rng: np.random.Generator
) -> Iterator[tuple[Side, Side, float, float]]:
    values = ((data.values.astype(np.float64) - unit.mean) / unit.std).astype(np.float32)
    by_user = CSR(data.by_user.indptr, data.by_user.indices, values, data.n_items)
    users = first_side(data.n_users, n_factors, features.users, rng)
    items = first_side(data.n_items, n_factors, features.items, rng)
    noise_precision = 1.0
    while True:
        with single_threaded_blas():
            items, _ = draw_side(by_user.transposed, items, users, features.items, noise_precision, rng)
            users, squares = draw_side(by_user, users, items, features.users, noise_precision, rng)
        if not np.isfinite(squares):
            raise DivergedError("A draw is not finite. Check the ratings for huge values.")
        noise_precision = draw_noise_precision(len(data), squares, rng)
        yield users, items, noise_precision, squares


def _features_of(train: Dataset, config: GibbsConfig, rng: np.random.Generator) -> _Features:
    """Decompose the blocks of features."""
    data = train.interactions
    users, items = [], []
    if config.implicit_history:
        users.append(leading_directions(data.by_user, config.history_directions, rng))
        items.append(leading_directions(data.by_item, config.history_directions, rng))
    if config.user_features:
        users.append(decomposed(column_matrix(train.user_feature_columns(config.user_features))))
    if config.item_features:
        items.append(decomposed(column_matrix(train.item_features(config.item_features))))
    return _Features(users, items, config.implicit_history)
