"""From interactions and settings to what the loop needs: tensors, optimizer, schedule."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from tastemap.data import Interactions
from tastemap.errors import DivergedError
from tastemap.linalg.types import Float32Array
from tastemap.models.neural_config import NeuralConfig
from tastemap.neural.loop import BatchLosses, Loop
from tastemap.neural.optimizers import SGD, Adam, Optimizer, Penalized
from tastemap.neural.schedule import make_schedule


def make_loop(
    rows: Sequence[Tensor],
    losses: BatchLosses,
    optimizer: Optimizer,
    config: NeuralConfig,
    *,
    rows_at_once: int | None = None,
    weight: Callable[[Tensor], int] = len,
) -> Loop:
    """The loop over `rows` (tensors of equal length) that minimises `losses`; see :class:`Loop`."""
    steps_per_epoch = -(-len(rows[0]) // config.batch_size)
    schedule = make_schedule(config, steps_per_epoch)
    return Loop(rows, losses, optimizer, schedule, config.batch_size, rows_at_once, weight)


def make_optimizer(parameters: Sequence[Penalized], config: NeuralConfig) -> Optimizer:
    """The optimizer of the settings; a step of it goes over all rows of all parameters."""
    if config.optimizer == "sgd":
        return SGD(parameters)
    decoupled = config.optimizer == "adamw"
    return Adam(parameters, beta2=config.beta2, epsilon=config.epsilon, decoupled=decoupled)


def rating_rows(train: Interactions, device: torch.device) -> list[Tensor]:
    """User indices, item indices (n,), int64, and ratings (n,), float32."""
    return [
        torch.from_numpy(train.user_index.astype(np.int64)).to(device),  # (n,)
        torch.from_numpy(train.item_index.astype(np.int64)).to(device),  # (n,)
        torch.from_numpy(train.values.copy()).to(device),  # (n,)
    ]


def array_of(parameter: Tensor) -> Float32Array:
    """A copy of a parameter as an array.

    Raises
    ------
    DivergedError
        If it holds a number that is not finite.
    """
    array: Float32Array = parameter.detach().cpu().numpy().copy()
    if not np.isfinite(array).all():
        raise DivergedError(
            "learning_rate must be small enough for the parameters to stay finite. "
            "The last step of an epoch made one infinite or NaN; try a tenth of the rate."
        )
    return array
