"""Fit ``dot``: from interactions and settings to a :class:`tastemap.models.factor.FactorModel`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from tastemap.data import Dataset, Interactions
from tastemap.linalg.types import Float32Array
from tastemap.models.config import Epoch
from tastemap.models.dot import DotConfig
from tastemap.models.factor import FactorModel
from tastemap.models.implicit_history import ImplicitHistory
from tastemap.neural.device import own_threads, pick_device
from tastemap.neural.dot import DotProduct
from tastemap.neural.history import HistoryPrior
from tastemap.neural.lazy import LazyAdam, predict_pairs, sorting_order
from tastemap.neural.loop import BatchLosses, Loop
from tastemap.neural.losses import gravity, mean_squared_error, mean_squared_norm
from tastemap.neural.optimizers import Penalized
from tastemap.neural.start import draw, first_score, link_of, range_note, rating_range
from tastemap.neural.train import array_of, make_loop, make_optimizer, rating_rows
from tastemap.neural.user_loss import user_loss_of


def fit(train: Dataset, config: DotConfig, *, rng: np.random.Generator) -> FactorModel:
    """Fit all epochs; see :func:`epochs`."""
    *_, last = epochs(train, config, rng=rng)
    return last.model


def epochs(train: Dataset, config: DotConfig, *, rng: np.random.Generator) -> Iterator[Epoch[FactorModel]]:
    r"""Minimise the loss below by mini-batches, epoch by epoch.

    .. math::
        \frac{1}{|B|} \sum_{(u,i) \in B} (r_{ui} - \hat r_{ui})^2
        + \frac{\lambda}{2} \big(\lVert X \rVert^2 + \lVert Y \rVert^2 + \lVert Z \rVert^2
        + \beta \lVert b \rVert^2 \big)
        + \lambda_r \Big( \frac{\lVert X \rVert^2}{U} + \frac{\lVert Y \rVert^2}{I} \Big)
        + \frac{\lambda_g}{U I} \sum_{u,i} (x_u^\top y_i)^2

    With ``implicit_history`` penalties and decay are on v_u (X above) and on the history factors z_j (Z), not
    on x_u; without it there is no Z.

    Parameters
    ----------
    train : Dataset
        With ratings.
    config : DotConfig
    rng : Generator
        Draws the first factors, then the order of the rows in each epoch.

    Yields
    ------
    Epoch
        The model after each of ``config.stop_epoch`` (or ``n_epochs``) epochs. Its losses are means over the
        epoch, taken while the parameters moved: ``loss`` (all but the λ term, which the optimizer adds to the
        gradient), ``train_rmse``, and ``regularization`` (λ_r) and ``gravity`` (λ_g) where they are used; and
        ``learning_rate``, that of the last step.

    Raises
    ------
    InvalidValueError
        If the mean rating lies outside the sigmoid's range.
    DivergedError
        If the loss is no longer finite.

    Notes
    -----
    A step costs O(B d) for the batch and O((U + I) d) for the optimizer, or O(B (d + log B)) in all with
    lazy_steps; gravity adds O((U + I) d^2), and implicit_history O(n d), since a step changes the priors of
    all users. The same seed gives the same bits
    at any number of threads, on the CPU, for batches of up to 8,192 rows, and of any size with lazy_steps.
    """
    data = train.interactions
    device, note = pick_device(config.device)
    notes = tuple(said for said in (note, range_note(data, config)) if said)
    module = _initial_module(data, config, rng).to(device)
    loop = _make_loop(module, rating_rows(data, device), config)
    for epoch in range(1, config.last_epoch + 1):
        with own_threads(_shared(data, config)):
            means = loop.run_epoch(epoch, rng)
        means["train_rmse"] = math.sqrt(means.pop("mse"))
        yield Epoch(partial(_export, module, data, config), means, notes if epoch == 1 else ())


def _initial_module(train: Interactions, config: DotConfig, rng: np.random.Generator) -> DotProduct:
    limits = rating_range(train, config)

    def factors(n_rows: int) -> Tensor:
        return draw((n_rows, config.n_factors), config.init, config.init_mean, config.init_std, rng)

    def biases(n_rows: int) -> Tensor:
        return draw((n_rows, 1), config.init, 0.0, config.bias_init_std, rng)

    return DotProduct(
        factors(train.n_users),
        factors(train.n_items),
        prior=HistoryPrior(train.by_user, factors(train.n_items)) if config.implicit_history else None,
        user_bias=biases(train.n_users) if config.user_bias else None,
        item_bias=biases(train.n_items) if config.item_bias else None,
        global_bias=first_score(train, config),
        rating_range=limits,
    )


def _make_loop(module: DotProduct, columns: list[Tensor], config: DotConfig) -> Loop:
    n = len(columns[0])
    parameters = _parameters(module, config, n)
    if config.lazy_steps:
        lazy = LazyAdam(parameters, beta2=config.beta2, epsilon=config.epsilon)
        return make_loop(columns, _lazy_losses(module, lazy), lazy, config)
    if n <= config.batch_size:
        columns = [*columns, sorting_order(columns[1])]  # by_item, of the same pairs in every step
    return make_loop(columns, _losses(module, config), make_optimizer(parameters, config), config)


def _shared(data: Interactions, config: DotConfig) -> int:
    """Elements on which several threads work without other last bits than one thread."""
    rows = min(config.batch_size, len(data))
    if config.lazy_steps:
        return rows * config.n_factors
    # the matrix products of gravity have other last bits with several threads; a full batch is worked in blocks
    if config.gravity or rows == len(data):
        return 0
    return max(data.n_users, data.n_items, rows) * config.n_factors


def _lazy_losses(module: DotProduct, optimizer: LazyAdam) -> BatchLosses:
    def losses(user_index: Tensor, item_index: Tensor, ratings: Tensor) -> dict[str, Tensor]:
        predicted, ratings = predict_pairs(module, optimizer, user_index, item_index, ratings)
        return {"mse": mean_squared_error(predicted, ratings)}

    return losses


def _losses(module: DotProduct, config: DotConfig) -> BatchLosses:
    def losses(
        user_index: Tensor, item_index: Tensor, ratings: Tensor, by_item: Tensor | None = None
    ) -> dict[str, Tensor]:
        X, Y = module.user_factors, module.item_factors
        terms = {"mse": mean_squared_error(module(user_index, item_index, by_item), ratings)}
        if config.factor_regularization:
            norms = mean_squared_norm(X) + mean_squared_norm(Y)
            terms["regularization"] = config.factor_regularization * norms
        if config.gravity:
            terms["gravity"] = config.gravity * gravity(X, Y)
        return terms

    return losses


def _parameters(module: DotProduct, config: DotConfig, n_rows: int) -> list[Penalized]:
    penalty = config.weight_decay or config.l2(n_rows)
    biases = [bias for bias in (module.user_bias, module.item_bias) if bias is not None]
    factors = [module.user_factors, module.item_factors]
    if module.prior is not None:
        factors.append(module.prior.history_factors)
    return [
        *((parameter, penalty) for parameter in factors),
        *((bias, penalty * config.bias_share) for bias in biases),
    ]


@torch.no_grad()
def _export(module: DotProduct, train: Interactions, config: DotConfig) -> FactorModel:
    """A copy of the parameters as a model of arrays."""
    own_factors = array_of(module.user_factors)
    model = FactorModel(
        user_factors=own_factors if module.prior is None else own_factors + array_of(module.prior()),
        item_factors=array_of(module.item_factors),
        user_bias=_bias(module.user_bias, train.n_users),
        item_bias=_bias(module.item_bias, train.n_items),
        global_bias=module.global_bias,
        link=link_of(train, config),
        user_side=None,
    )
    loss = user_loss_of(model, own_factors, train, config)
    if module.prior is None:
        return replace(model, user_side=loss)
    return replace(model, user_side=ImplicitHistory(loss, array_of(module.prior.history_factors)))


def _bias(parameter: Tensor | None, n_rows: int) -> Float32Array:
    return np.zeros(n_rows, np.float32) if parameter is None else array_of(parameter)[:, 0]
