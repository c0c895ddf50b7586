r"""Adam that moves only the rows of a batch, for tables too long to go over in every step.

A step of :class:`tastemap.neural.optimizers.Adam` reads and writes all rows of all factors, whatever the
batch. Here a step costs what its batch costs: the rows that it meets are copied into small tables, the module
runs on these, and they are moved and written back.

Shapes: ``B`` pairs of a batch, ``b`` distinct rows among them, ``d`` factors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from tastemap.neural.optimizers import Penalized


@dataclass(frozen=True)
class _Taken:
    """Rows of a table on their way through a step."""

    rows: Tensor  # (b,)
    values: Tensor  # (b, d), with a gradient after the backward pass


@dataclass(frozen=True)
class _Table:
    """A parameter, its penalty, and what Adam remembers of each row."""

    parameter: nn.Parameter  # (n, d)
    penalty: float
    means: Tensor  # (n, d)
    squares: Tensor  # (n, d)
    last_step: Tensor  # (n,)


class LazyAdam:
    """Adam (Kingma & Ba 2015) of the rows that a batch meets.

    Running means of a row are updated when it is met, as in ``torch.optim.SparseAdam``. A penalty is made
    good then: a row that missed m steps is pulled m + 1 times as hard, so that the sum of the pulls is that
    of the loss.

    Parameters
    ----------
    parameters : sequence of (parameter, penalty)
        λ of ``λ/2 p^2`` in the loss.
    beta2, epsilon : float
    """

    def __init__(self, parameters: Sequence[Penalized], *, beta2: float, epsilon: float) -> None:
        self._tables = {
            parameter: _Table(
                parameter,
                penalty,
                torch.zeros_like(parameter),
                torch.zeros_like(parameter),
                torch.zeros(len(parameter), device=parameter.device),
            )
            for parameter, penalty in parameters
        }
        self._beta2, self._epsilon = beta2, epsilon
        self._taken: dict[nn.Parameter, _Taken] = {}
        self._n_steps = 0

    def take(self, parameter: nn.Parameter, rows: Tensor) -> Tensor:
        """A copy of distinct rows of a parameter, shape (b, d), that the next step moves and puts back."""
        values = parameter.detach().index_select(0, rows).requires_grad_()  # (b, d)
        self._taken[parameter] = _Taken(rows, values)
        return values

    @torch.no_grad()
    def step(self, learning_rate: float, momentum: float) -> None:
        """Move every row that was taken once, and forget the gradients; `momentum` is β1."""
        self._n_steps += 1
        for parameter, taken in self._taken.items():
            self._move(self._tables[parameter], taken, learning_rate, momentum)
        self._taken.clear()

    def _move(self, table: _Table, taken: _Taken, learning_rate: float, momentum: float) -> None:
        rows, values = taken.rows, taken.values
        gradient = values.grad
        assert gradient is not None, "what was taken takes part in the loss"
        values = values.detach()
        if table.penalty:
            n_steps = self._n_steps - table.last_step.index_select(0, rows)[:, None]  # (b, 1)
            table.last_step.index_fill_(0, rows, float(self._n_steps))
            gradient.addcmul_(values, n_steps, value=table.penalty)
        means, squares = table.means.index_select(0, rows), table.squares.index_select(0, rows)  # (b, d) each
        torch._fused_adam_(
            [values],
            [gradient],
            [means],
            [squares],
            [],
            [torch.tensor(float(self._n_steps), device=values.device)],
            lr=learning_rate,
            beta1=momentum,
            beta2=self._beta2,
            weight_decay=0.0,
            eps=self._epsilon,
            amsgrad=False,
            maximize=False,
        )
        table.parameter.index_copy_(0, rows, values)
        table.means.index_copy_(0, rows, means)
        table.squares.index_copy_(0, rows, squares)


def predict_pairs(
    module: nn.Module, optimizer: LazyAdam, user_index: Tensor, item_index: Tensor, ratings: Tensor
) -> tuple[Tensor, Tensor]:
    """Predictions of a batch from rows that the optimizer takes, and its ratings in the same order.

    Parameters
    ----------
    module : nn.Module
        Its parameters are tables of users or of items, named ``user_…`` and ``item_…``; its ``forward`` takes
        users, items and the order that sorts pairs by item, and pairs sorted by user.
    optimizer : LazyAdam
        Of these parameters.
    user_index, item_index : tensors of shape (B,), int64
    ratings : tensor of shape (B,)

    Returns
    -------
    tuple of tensors of shape (B,)
    """
    order = sorting_order(user_index)
    item_index, ratings = item_index.index_select(0, order), ratings.index_select(0, order)
    users, user_place = torch.unique_consecutive(
        user_index.index_select(0, order), return_inverse=True
    )  # (b,), (B,)
    by_item = sorting_order(item_index)
    items, places = torch.unique_consecutive(
        item_index.index_select(0, by_item), return_inverse=True
    )  # (b,), (B,)
    item_place = torch.empty_like(places).index_copy_(0, by_item, places)  # (B,)
    taken = {
        name: optimizer.take(parameter, users if name.startswith("user_") else items)
        for name, parameter in module.named_parameters()
    }
    return functional_call(module, taken, (user_place, item_place, by_item)), ratings


def sorting_order(index: Tensor) -> Tensor:
    """The stable order that sorts B < 2^31 row numbers, shape (B,), int64.

    NumPy sorts numbers by vector instructions, five times as fast as PyTorch, and as the counting sort of
    :func:`tastemap.linalg.csr.stable_order` over many more groups than numbers. The place of a number, in its
    lower bits, makes the order stable.
    """
    numbers = index.cpu().numpy()
    bits = max(len(numbers) - 1, 1).bit_length()
    keys = np.sort(numbers << bits | np.arange(len(numbers), dtype=np.int64))
    return torch.from_numpy(keys & ((1 << bits) - 1)).to(index.device)
