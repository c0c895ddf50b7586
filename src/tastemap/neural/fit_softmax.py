"""Fit ``softmax``: from interactions and settings to a factor model whose users are encoded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from tastemap.data import Dataset, Interactions
from tastemap.linalg.csr import CSR, row_numbers
from tastemap.linalg.types import Float32Array
from tastemap.models.base import Link
from tastemap.models.config import Epoch
from tastemap.models.encoder import HistoryEncoder
from tastemap.models.factor import FactorModel
from tastemap.models.layers import Layer
from tastemap.models.softmax import SoftmaxConfig
from tastemap.neural.device import own_threads, pick_device
from tastemap.neural.losses import multinomial
from tastemap.neural.side import Side, feature_tables
from tastemap.neural.softmax import SoftmaxNetwork
from tastemap.neural.start import draw, draw_layer
from tastemap.neural.train import array_of, make_loop, make_optimizer


def fit(train: Dataset, config: SoftmaxConfig, *, rng: np.random.Generator) -> FactorModel:
    """Fit all epochs; see :func:`epochs`."""
    *_, last = epochs(train, config, rng=rng)
    return last.model


def epochs(train: Dataset, config: SoftmaxConfig, *, rng: np.random.Generator) -> Iterator[Epoch[FactorModel]]:
    r"""Maximise the likelihood of histories that are partly hidden, epoch by epoch.

    .. math::
        -\frac{1}{\sum_{u \in B} n_u} \sum_{u \in B} \sum_{i \in S_u} \log P(i \mid S_u^\text{kept})

    Every interaction counts alike. A mean over each user's interactions first, as if a user with five of them
    said as much as one with five hundred, ranks worse.

    Parameters
    ----------
    train : Dataset
        Values do not count, only who has what.
    config : SoftmaxConfig
    rng : Generator
        Draws the first parameters and the order of equal times, then the order of the users and what is
        hidden in each epoch.

    Yields
    ------
    Epoch
        The model after each epoch, with the ``loss`` above as a mean over the interactions of the epoch, and
        ``learning_rate``, that of the last step.

    Notes
    -----
    A step costs O(B I d): all items take part, none are sampled. Memory O(B I).
    """
    device, note = pick_device(config.device)
    module = _initial_module(train, config, rng).to(device)
    data = train.interactions
    histories = _in_order_of_time(data, rng)
    hidden = torch.Generator(device=device).manual_seed(int(rng.integers(2**63)))

    def losses(users: Tensor) -> dict[str, Tensor]:
        place = torch.from_numpy(_dense(histories.take(users.cpu().numpy()))).to(device)  # (B, I)
        seen = (place < 1.0).float()  # (B, I)
        kept = seen * _shown(place, config, hidden)  # (B, I)
        bags = kept / kept.sum(dim=1, keepdim=True).clamp(min=1.0).sqrt()  # (B, I)
        return {"cross_entropy": multinomial(module(bags), seen)}

    def n_interactions(users: Tensor) -> int:
        return int(data.by_user.row_lengths[users.cpu().numpy()].sum())

    active = torch.from_numpy(np.flatnonzero(data.by_user.row_lengths))  # users with a history
    penalty = config.weight_decay or config.l2()
    optimizer = make_optimizer([(p, penalty) for p in module.parameters()], config)
    loop = make_loop([active], losses, optimizer, config, weight=n_interactions)
    for epoch in range(1, config.last_epoch + 1):
        with own_threads(0):
            means = loop.run_epoch(epoch, rng)
        del means["cross_entropy"]  # the only term: it is the loss
        notes = (note,) if note and epoch == 1 else ()
        yield Epoch(partial(_export, module, data, config), means, notes)


def _in_order_of_time(data: Interactions, rng: np.random.Generator) -> CSR:
    """The histories with the place of each entry in time as its value, from 0 (the first) to below 1.

    Equal times, or none at all, are put in an order drawn from `rng`.
    """
    history, n = data.by_user, len(data)
    times = np.zeros(n, np.int64) if data.timestamps is None else data.timestamps
    order = np.lexsort((rng.random(n), times, data.user_index))
    starts, lengths = (
        np.repeat(per_user, history.row_lengths) for per_user in (history.indptr[:-1], history.row_lengths)
    )
    places = np.empty(n, np.float32)
    places[order] = (np.arange(n) - starts) / lengths
    return replace(history, values=places)


def _dense(history: CSR) -> Float32Array:
    """The places of `history` (B, I), and 1 where there is no entry."""
    dense = np.ones((history.n_rows, history.n_columns), np.float32)
    dense[row_numbers(history.indptr), history.indices] = history.values
    return dense


def _shown(place: Tensor, config: SoftmaxConfig, masks: torch.Generator) -> Tensor:
    """Which entries a step shows, given their places in time, shape (B, I)."""

    def draw_uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=masks, device=place.device)

    n_users = len(place)
    at_random = draw_uniform(*place.shape) >= config.history_dropout  # (B, I)
    before = place < draw_uniform(n_users, 1)  # (B, I)
    return torch.where(draw_uniform(n_users, 1) < config.future_share, before, at_random)


def _initial_module(train: Dataset, config: SoftmaxConfig, rng: np.random.Generator) -> SoftmaxNetwork:
    data = train.interactions

    def start(n_columns: int) -> Tensor:
        return draw((data.n_items, n_columns), "normal", 0.0, config.init_std, rng)

    features = feature_tables(train.item_features(config.item_features), config.init_std, rng)
    item_side = Side(start(config.input_size), features)
    widths = (item_side.n_inputs, *config.layers, config.n_factors)
    linears = [draw_layer(n_in, n_out, rng) for n_in, n_out in pairwise(widths)]
    # log-popularity: what the softmax would learn first
    popularity = np.log1p(data.popularity).astype(np.float32)
    return SoftmaxNetwork(item_side, linears, start(config.n_factors), torch.from_numpy(popularity))


@torch.no_grad()
def _export(module: SoftmaxNetwork, data: Interactions, config: SoftmaxConfig) -> FactorModel:
    """A copy of the parameters as a model of arrays; fitted users are their encoded histories."""
    layers = [Layer(array_of(w), array_of(c)) for w, c in zip(module.weights, module.offsets, strict=True)]
    encoder = HistoryEncoder(array_of(module.item_side.all_inputs()), layers, config.positive_min)
    model = FactorModel(
        user_factors=np.zeros((0, config.n_factors), np.float32),
        item_factors=array_of(module.item_factors),
        user_bias=np.zeros(0, np.float32),
        item_bias=array_of(module.item_bias),
        global_bias=0.0,
        link=Link(),
        user_side=encoder,
    )
    factors, bias = encoder.fold_in(model, data.by_user)
    return replace(model, user_factors=factors, user_bias=bias)
