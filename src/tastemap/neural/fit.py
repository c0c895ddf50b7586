"""Fit ``dot``: from interactions and settings to a :class:`tastemap.models.factor.FactorModel`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from tastemap.data import Interactions
from tastemap.errors import InvalidValueError
from tastemap.linalg.types import Float32Array
from tastemap.models.base import Link
from tastemap.models.config import Epoch
from tastemap.models.dot import DotConfig
from tastemap.models.factor import FactorModel
from tastemap.neural.device import own_threads, pick_device
from tastemap.neural.dot import DotProduct
from tastemap.neural.loop import Loop
from tastemap.neural.losses import gravity, mean_squared_error, mean_squared_norm
from tastemap.neural.optimizers import SGD, Adam, Optimizer
from tastemap.neural.schedule import Schedule, constant, one_cycle
from tastemap.neural.user_loss import user_loss_of


def fit(train: Interactions, config: DotConfig, *, rng: np.random.Generator) -> FactorModel:
    """Fit all epochs; see :func:`epochs`."""
    *_, last = epochs(train, config, rng=rng)
    return last.model


def epochs(train: Interactions, config: DotConfig, *, rng: np.random.Generator) -> Iterator[Epoch[FactorModel]]:
    r"""Minimise the loss below by mini-batches, epoch by epoch.

    .. math::
        \frac{1}{|B|} \sum_{(u,i) \in B} (r_{ui} - \hat r_{ui})^2
        + \frac{\lambda}{2} \big(\lVert X \rVert^2 + \lVert Y \rVert^2 + \beta \lVert b \rVert^2 \big)
        + \lambda_r \Big( \frac{\lVert X \rVert^2}{U} + \frac{\lVert Y \rVert^2}{I} \Big)
        + \frac{\lambda_g}{U I} \sum_{u,i} (x_u^\top y_i)^2

    Parameters
    ----------
    train : Interactions
        With ratings.
    config : DotConfig
    rng : Generator
        Draws the first factors, then the order of the rows in each epoch.

    Yields
    ------
    Epoch
        The model after each of ``config.stop_epoch`` (or ``n_epochs``) epochs. Its losses are means over the
        epoch, taken while the parameters moved: ``loss`` (all but the λ term, which the optimizer adds to the
        gradient), ``train_rmse``, and ``regularization`` (λ_r) and ``gravity`` (λ_g) where they are used.

    Raises
    ------
    InvalidValueError
        If the mean rating lies outside the sigmoid's range, or the loss is no longer finite.

    Notes
    -----
    A step costs O(B d) for the batch and O((U + I) d) for the optimizer; gravity adds O((U + I) d^2). The same
    seed gives the same bits at any number of threads, on the CPU, for batches of up to 8,192 rows.
    """
    device, note = pick_device(config.device)
    module = _initial_module(train, config, rng).to(device)
    loop = _loop(module, train, config, device)
    rows = max(train.n_users, train.n_items, min(config.batch_size, len(train)))
    # the matrix products of gravity have other last bits with several threads: it trains on one
    shared = 0 if config.gravity else rows * config.n_factors
    for epoch in range(1, (config.stop_epoch or config.n_epochs) + 1):
        with own_threads(shared):
            means = loop.run_epoch(epoch, rng)
        losses = {"loss": means.pop("loss"), "train_rmse": math.sqrt(means.pop("mse")), **means}
        yield Epoch(_export(module, train, config), losses, (note,) if note and epoch == 1 else ())


def _initial_module(train: Interactions, config: DotConfig, rng: np.random.Generator) -> DotProduct:
    rating_range = _rating_range(train, config)
    return DotProduct(
        _initial_factors(train.n_users, config, rng),
        _initial_factors(train.n_items, config, rng),
        user_bias=config.user_bias,
        item_bias=config.item_bias,
        global_bias=_start(train, rating_range) if config.global_mean else 0.0,
        rating_range=rating_range,
    )


def _initial_factors(n_rows: int, config: DotConfig, rng: np.random.Generator) -> Tensor:
    """Random factors of shape (n_rows, d), drawn by NumPy so that no version of torch changes them."""
    shape = (n_rows, config.n_factors)
    if config.init == "normal":
        drawn = rng.normal(config.init_mean, config.init_std, shape)
    else:
        half_width = math.sqrt(3.0) * config.init_std  # U(-h, h) has the standard deviation h / sqrt(3)
        drawn = rng.uniform(config.init_mean - half_width, config.init_mean + half_width, shape)
    return torch.from_numpy(drawn.astype(np.float32))


def _rating_range(train: Interactions, config: DotConfig) -> tuple[float, float] | None:
    """The sigmoid's range in stars: the rating scale widened by the margin, unless given."""
    if not config.sigmoid:
        return None
    assert train.rating_scale is not None, "the registry lets rating models see ratings only"
    low = train.rating_scale.low - config.range_margin if config.range_low is None else config.range_low
    high = train.rating_scale.high + config.range_margin if config.range_high is None else config.range_high
    mean = float(train.values.mean(dtype=np.float64))
    if not low < mean < high:
        raise InvalidValueError(
            f"range_low and range_high must enclose the ratings, whose mean is {mean:.3g}. "
            f"Got {low:g} and {high:g}; leave them unset, or widen range_margin."
        )
    return low, high


def _start(train: Interactions, rating_range: tuple[float, float] | None) -> float:
    """The score that predicts the mean rating for every pair."""
    mean = float(train.values.mean(dtype=np.float64))
    if rating_range is None:
        return mean
    low, high = rating_range
    return math.log((mean - low) / (high - mean))


def _loop(module: DotProduct, train: Interactions, config: DotConfig, device: torch.device) -> Loop:
    def losses(user_index: Tensor, item_index: Tensor, ratings: Tensor) -> dict[str, Tensor]:
        X, Y = module.user_factors, module.item_factors
        terms = {"mse": mean_squared_error(module(user_index, item_index), ratings)}
        if config.factor_regularization:
            norms = mean_squared_norm(X) + mean_squared_norm(Y)
            terms["regularization"] = config.factor_regularization * norms
        if config.gravity:
            terms["gravity"] = config.gravity * gravity(X, Y)
        return terms

    rows = [
        torch.from_numpy(train.user_index.astype(np.int64)).to(device),  # (n,)
        torch.from_numpy(train.item_index.astype(np.int64)).to(device),  # (n,)
        torch.from_numpy(train.values.copy()).to(device),  # (n,)
    ]
    n_steps = config.n_epochs * -(-len(train) // config.batch_size)
    return Loop(
        rows, losses, _optimizer(module, config, len(train)), _schedule(config, n_steps), config.batch_size
    )


def _schedule(config: DotConfig, n_steps: int) -> Schedule:
    if config.schedule == "one-cycle":
        return one_cycle(config.learning_rate, n_steps)
    return constant(config.learning_rate, config.momentum)


def _optimizer(module: DotProduct, config: DotConfig, n_rows: int) -> Optimizer:
    penalty = config.weight_decay or config.l2(n_rows)
    parameters = [(module.user_factors, penalty), (module.item_factors, penalty)]
    biases = [bias for bias in (module.user_bias, module.item_bias) if bias is not None]
    parameters += [(bias, penalty * config.bias_share) for bias in biases]
    if config.optimizer == "sgd":
        return SGD(parameters)
    decoupled = config.optimizer == "adamw"
    return Adam(parameters, beta2=config.beta2, epsilon=config.epsilon, decoupled=decoupled)


def _export(module: DotProduct, train: Interactions, config: DotConfig) -> FactorModel:
    """A copy of the parameters as a model of arrays."""
    if module.rating_range is None:
        assert train.rating_scale is not None
        link = Link("clip", train.rating_scale.low, train.rating_scale.high)
    else:
        link = Link("sigmoid", *module.rating_range)
    model = FactorModel(
        user_factors=_array(module.user_factors),
        item_factors=_array(module.item_factors),
        user_bias=_bias(module.user_bias, train.n_users),
        item_bias=_bias(module.item_bias, train.n_items),
        global_bias=module.global_bias,
        link=link,
        user_loss=None,
    )
    return replace(model, user_loss=user_loss_of(model, train, config))


def _array(parameter: Tensor) -> Float32Array:
    array: Float32Array = parameter.detach().cpu().numpy().copy()
    return array


def _bias(parameter: Tensor | None, n_rows: int) -> Float32Array:
    return np.zeros(n_rows, np.float32) if parameter is None else _array(parameter)[:, 0]
