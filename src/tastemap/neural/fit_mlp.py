"""Fit ``mlp``: from interactions and settings to a :class:`tastemap.models.network.Network`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from tastemap.data import Dataset, FeatureColumn, Interactions
from tastemap.models.config import Epoch
from tastemap.models.layers import Layer
from tastemap.models.mlp import MLPConfig, embedding_size
from tastemap.models.network import Network
from tastemap.models.user_loss import UserLoss
from tastemap.neural.device import own_threads, pick_device
from tastemap.neural.losses import mean_squared_error
from tastemap.neural.mlp import MLP
from tastemap.neural.network_loss import network_loss_of
from tastemap.neural.side import Side, feature_tables
from tastemap.neural.start import draw, draw_layer, first_score, link_of, range_note, rating_range
from tastemap.neural.train import array_of, make_loop, make_optimizer, rating_rows

ROWS_AT_ONCE = 32_768
"""Rows of a large batch that go through the layers together: their inputs stay in memory that is used again."""


def fit(train: Dataset, config: MLPConfig, *, rng: np.random.Generator) -> Network:
    """Fit all epochs; see :func:`epochs`."""
    *_, last = epochs(train, config, rng=rng)
    return last.model


def epochs(train: Dataset, config: MLPConfig, *, rng: np.random.Generator) -> Iterator[Epoch[Network]]:
    r"""Minimise the mean squared error (plus ``λ/2`` of all squared parameters) by mini-batches.

    Parameters
    ----------
    train : Dataset
        With ratings.
    config : MLPConfig
    rng : Generator
        Draws the first parameters, what dropout leaves out, then the order of the rows in each epoch.

    Yields
    ------
    Epoch
        The model after each epoch; ``losses`` has ``learning_rate`` (that of the last step), ``loss`` and
        ``train_rmse``, means over the epoch.

    Raises
    ------
    InvalidValueError
        If the mean rating lies outside the sigmoid's range.
    DivergedError
        If the loss is no longer finite.

    Notes
    -----
    A step costs O(B h (p + q)) for the batch and O(U p + I q) for the optimizer. One thread: small matrix
    products gain nothing from two, and have the same bits.
    """
    data = train.interactions
    device, note = pick_device(config.device)
    notes = tuple(said for said in (note, range_note(data, config)) if said)
    module = _initial_module(train, config, rng, device)

    def losses(user_index: Tensor, item_index: Tensor, ratings: Tensor) -> dict[str, Tensor]:
        return {"mse": mean_squared_error(module(user_index, item_index), ratings)}

    penalty = config.weight_decay or config.l2()
    parameters = [(parameter, penalty) for parameter in module.parameters()]
    # a part costs a pass over all embeddings; normalization needs the whole batch
    at_once = None if config.batch_norm else max(ROWS_AT_ONCE, data.n_users + data.n_items)
    optimizer = make_optimizer(parameters, config)
    loop = make_loop(rating_rows(data, device), losses, optimizer, config, rows_at_once=at_once)
    for epoch in range(1, config.last_epoch + 1):
        with own_threads(0):
            means = loop.run_epoch(epoch, rng)
        means["train_rmse"] = math.sqrt(means.pop("mse"))
        yield Epoch(partial(_export, module, data, config), means, notes if epoch == 1 else ())


def _initial_module(train: Dataset, config: MLPConfig, rng: np.random.Generator, device: torch.device) -> MLP:
    data = train.interactions

    def side(n_rows: int, size: int | None, features: Sequence[FeatureColumn]) -> Side:
        shape = (n_rows, embedding_size(n_rows) if size is None else size)
        embedding = draw(shape, config.init, config.init_mean, config.init_std, rng)
        return Side(embedding, feature_tables(features, config.init_std, rng))

    user_side = side(data.n_users, config.user_size, train.user_feature_columns(config.user_features))
    item_side = side(data.n_items, config.item_size, train.item_features(config.item_features))
    widths = (user_side.n_inputs + item_side.n_inputs, *config.layers, 1)
    linears = [draw_layer(n_in, n_out, rng) for n_in, n_out in pairwise(widths)]
    linears[-1][1].add_(first_score(data, config))
    module = MLP(
        user_side,
        item_side,
        linears,
        batch_norm=config.batch_norm,
        product=config.product,
        input_relu=config.input_relu,
        input_dropout=config.input_dropout,
        layer_dropout=config.layer_dropout + (0.0,) * (len(config.layers) - len(config.layer_dropout)),
        rating_range=rating_range(data, config),
        masks=torch.Generator(device).manual_seed(int(rng.integers(2**63))),
    )
    return module.to(device)


@torch.no_grad()
def _export(module: MLP, train: Interactions, config: MLPConfig) -> Network:
    """A copy of the parameters as a model of arrays, each normalization made part of the layer after it."""
    layers: list[Layer] = []
    scale, shift = module.weights[0].new_ones(1), module.weights[0].new_zeros(1)
    for number, (weights, offsets) in enumerate(zip(module.weights, module.offsets, strict=True)):
        layers.append(Layer(array_of(weights * scale), array_of(offsets + (weights * shift).sum(dim=1))))
        norm = module.norms[number] if number < len(module.norms) else None
        if isinstance(norm, nn.BatchNorm1d):
            assert norm.running_var is not None, "it keeps running means"
            assert norm.running_mean is not None, "it keeps running means"
            # (h - mean) / sqrt(var + eps) * gain + bias is h * scale + shift
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()  # (h,)
            shift = norm.bias - norm.running_mean * scale  # (h,)
    model = Network(
        user_inputs=array_of(module.user_side.all_inputs()),
        item_inputs=array_of(module.item_side.all_inputs()),
        layers=layers,
        input_relu=config.input_relu,
        link=link_of(train, config),
        user_loss=UserLoss(0.0),
        n_products=int(module.user_side.embedding.shape[1]) if config.product else 0,
    )
    return replace(model, user_loss=network_loss_of(model, train))
