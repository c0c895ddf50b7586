"""The training loop: mini-batches cut from whole tensors, without a loader between them and the model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import torch
from torch import Tensor

from tastemap.errors import DivergedError
from tastemap.neural.optimizers import Optimizer
from tastemap.neural.schedule import Schedule

BatchLosses = Callable[..., Mapping[str, Tensor]]
"""From the tensors of a batch to the terms of its loss, by name; their sum is minimised."""


@dataclass(frozen=True)
class Loop:
    """What stays the same from epoch to epoch.

    Parameters
    ----------
    rows : sequence of tensors of shape (n, …)
        The training rows, column by column, on the device.
    losses : callable
        The terms of the loss of a batch; it gets the batch of each tensor of `rows`.
    optimizer : Optimizer
        Of the parameters that `losses` reads.
    schedule : callable
        Learning rate and momentum of each step.
    batch_size : int
    rows_at_once : int or None
        The gradients of a larger batch are summed over parts of this size, to save memory.
    weight : callable
        Over how many things the losses of a batch are means, from the first tensor of the batch; the rows
        themselves by default.
    """

    rows: Sequence[Tensor]
    losses: BatchLosses
    optimizer: Optimizer
    schedule: Schedule
    batch_size: int
    rows_at_once: int | None = None
    weight: Callable[[Tensor], int] = len

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch; the last may be smaller."""
        return -(-len(self.rows[0]) // self.batch_size)

    def run_epoch(self, epoch: int, rng: np.random.Generator) -> dict[str, float]:
        """One pass over all rows in an order drawn from `rng`, a full batch as it is; epochs count from 1.

        Returns
        -------
        dict of str to float
            ``learning_rate`` of the last step; the mean of each term over the rows, or over what `weight`
            counts, taken while the parameters moved; and their sum ``loss``.

        Raises
        ------
        DivergedError
            If the loss is no longer finite.
        """
        n = len(self.rows[0])
        columns = self.rows
        if self.batch_size < n:
            order = torch.from_numpy(rng.permutation(n)).to(self.rows[0].device)  # (n,)
            columns = [column[order] for column in self.rows]
        total_weight = self.weight(self.rows[0])
        totals: dict[str, float] = {}
        first_step = (epoch - 1) * self.steps_per_epoch
        for step, batch in enumerate(_cut(columns, self.batch_size), start=first_step):
            learning_rate, momentum = self.schedule(step)
            for part in _cut(batch, self.rows_at_once or self.batch_size):
                terms = self.losses(*part)
                loss = reduce(torch.add, terms.values())
                _check_finite(loss.item(), epoch, step - first_step + 1, learning_rate)
                weight = self.weight(part[0])
                if len(part[0]) < len(batch[0]):
                    loss = loss * (weight / self.weight(batch[0]))
                loss.backward()  # type: ignore[no-untyped-call]
                for name, term in terms.items():
                    totals[name] = totals.get(name, 0.0) + term.item() * weight / total_weight
            self.optimizer.step(learning_rate, momentum)
        last_rate, _ = self.schedule(epoch * self.steps_per_epoch - 1)
        return {"learning_rate": last_rate, "loss": sum(totals.values()), **totals}


def _cut(columns: Sequence[Tensor], size: int) -> Iterable[Sequence[Tensor]]:
    """Parts of up to `size` rows; all columns are cut alike."""
    if len(columns[0]) <= size:
        return [columns]
    return zip(*(torch.split(column, size) for column in columns), strict=True)


def _check_finite(loss: float, epoch: int, step: int, learning_rate: float) -> None:
    if not math.isfinite(loss):
        raise DivergedError(
            "learning_rate must be small enough for the loss to stay finite. It became "
            f"{loss} in epoch {epoch}, step {step}, at a rate of {learning_rate:.4g}; try a tenth of that."
        )
