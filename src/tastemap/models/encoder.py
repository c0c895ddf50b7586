r"""A user as what a few layers make of a history, instead of the minimum of a loss.

.. math:: x_u = W_L \max(0, \dots W_1 \Big( \frac{1}{\sqrt{n_u}} \sum_{j \in S_u} z_j \Big) + c_1 \dots) + c_L

z_j are the inputs of item j: its embedding as a part of a history, and those of its features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tastemap.linalg.csr import CSR
from tastemap.linalg.threads import single_threaded_blas
from tastemap.linalg.types import Float32Array, Float64Array, Int32Array
from tastemap.models.base import Contributions
from tastemap.models.history_bags import history_bags
from tastemap.models.layers import Layer

if TYPE_CHECKING:
    from tastemap.models.factor import FactorModel


@dataclass(frozen=True, eq=False)
class HistoryEncoder:
    """The user side of a model whose users are encoded; see the formula above.

    Parameters
    ----------
    item_inputs : array of shape (I, q), float32
    layers : sequence of Layer
        The first takes q values, the last gives the d factors of a user.
    positive_min : float or None
        Entries below this are left out of the bag.
    """

    item_inputs: Float32Array
    layers: Sequence[Layer]
    positive_min: float | None = None

    def fold_in(self, model: FactorModel, history: CSR) -> tuple[Float32Array, Float32Array]:
        """Factors (B, d) and biases (B,), which are 0; an empty history is an empty bag."""
        history = history.at_least(self.positive_min)
        bags = history_bags(history, self.item_inputs)  # (B, q)
        return self._encoded(bags), np.zeros(history.n_rows, np.float32)

    def contributions(self, model: FactorModel, history: CSR, item_index: Int32Array) -> Contributions:
        """Leave-one-out differences: the score less the score had the entry not been there."""
        counts = history.reaches(self.positive_min)
        items = history.indices[counts]
        inputs = self.item_inputs[items].astype(np.float64)  # (s, q)
        whole = inputs.sum(axis=0)
        n = len(items)
        bags = np.vstack([np.zeros_like(whole), whole, whole - inputs])  # (s + 2, q)
        lengths = np.array([1, n] + [n - 1] * n)
        encoded = self._encoded(bags / np.sqrt(np.maximum(lengths, 1))[:, None])  # (s + 2, d)
        scores = model.item_factors[item_index].astype(np.float64) @ encoded.T.astype(np.float64)  # (k, s + 2)
        baseline = scores[:, 0] + model.global_bias + model.item_bias[item_index]
        values = np.zeros((len(scores), len(history.indices)))
        values[:, counts] = scores[:, 1:2] - scores[:, 2:]
        return Contributions(baseline, values, additive=False)

    def _encoded(self, bags: Float64Array) -> Float32Array:
        """The layers applied to bags (B, q): user factors (B, d), float32. Row by row, for equal bits."""
        factors = np.empty((len(bags), len(self.layers[-1].offsets)), np.float32)
        wide = [(layer.weights.astype(np.float64), layer.offsets.astype(np.float64)) for layer in self.layers]
        with single_threaded_blas():
            for row, bag in enumerate(bags):
                hidden = bag
                for number, (weights, offsets) in enumerate(wide):
                    hidden = weights @ (np.maximum(hidden, 0.0) if number else hidden) + offsets
                factors[row] = hidden
        return factors
