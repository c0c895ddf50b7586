"""Models whose score is a small neural network of a user's and an item's vector, run by NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tastemap.linalg.cosine import cosine_to, cosines, dots_to, row_norms
from tastemap.linalg.csr import CSR
from tastemap.linalg.jit import kernel
from tastemap.linalg.threads import single_threaded_blas
from tastemap.linalg.types import Float32Array, Float64Array, Int32Array, IntArray
from tastemap.models.base import Contributions, Link, Measure, check_items, no_new_items
from tastemap.models.layers import Layer
from tastemap.models.network_history import HistoryProblem
from tastemap.models.network_without import without_each
from tastemap.models.user_loss import UserLoss

BLOCK_BYTES = 64 * 2**20
"""Size of the hidden values of one block of :meth:`NetworkUsers.score_range`."""
REFINED = 20
"""Reasons of an item, the strongest, whose users are followed to the minimum; explanations show about five."""


@dataclass(frozen=True, eq=False)
class Network:
    r"""Score :math:`s_{ui} = g([x_u, y_i]) + x_u^m \cdot y_i^m`.

    g are linear layers with :math:`\max(0, \cdot)` between them, :math:`x^m` the first m inputs.

    Parameters
    ----------
    user_inputs : array of shape (U, p), float32
        What the first layer sees of each user: the embedding, and those of the user's features.
    item_inputs : array of shape (I, q), float32
    layers : sequence of Layer
        The first takes p + q values, the last gives one. Normalizations are part of the weights.
    input_relu : bool
        Whether negative inputs are cut to 0 before the first layer.
    link : Link
    user_loss : UserLoss
        Penalties of a folded-in user, towards the mean user.
    n_products : int
        m, the inputs of each side whose dot product joins the score; 0: the layers alone make it.
    """

    user_inputs: Float32Array
    item_inputs: Float32Array
    layers: Sequence[Layer]
    input_relu: bool
    link: Link
    user_loss: UserLoss
    n_products: int = 0

    @property
    def n_users(self) -> int:
        """Fitted users U."""
        return len(self.user_inputs)

    @property
    def n_items(self) -> int:
        """Fitted items I."""
        return len(self.item_inputs)

    @cached_property
    def mean_user(self) -> Float32Array:
        """The mean of the user inputs, shape (p,): what is assumed of a user of whom nothing is known."""
        mean: Float32Array = self.user_inputs.mean(axis=0, dtype=np.float64).astype(np.float32)
        return mean

    @cached_property
    def item_norms(self) -> Float64Array:
        """Length of each item's inputs, shape (I,), for cosines."""
        return row_norms(self.item_inputs)

    @cached_property
    def item_part(self) -> Float64Array:
        """What each item adds to the first layer, offsets included, shape (I + 1, h), float64.

        The last row is that of an unknown item, the mean item; index -1 finds it there.
        """
        first = self.layers[0]
        with single_threaded_blas():
            return self.gated(self._padded_items) @ first.weights[:, self.n_user_inputs :].T + first.offsets

    @cached_property
    def item_products(self) -> Float64Array:
        """What the dot product takes of each item, shape (I + 1, m), float64; the last row as above."""
        return np.ascontiguousarray(self._padded_items[:, : self.n_products])

    @cached_property
    def user_weights(self) -> Float64Array:
        """The first layer's weights on user inputs, shape (h, p), float64."""
        return self.layers[0].weights[:, : self.n_user_inputs].astype(np.float64)

    @cached_property
    def later_layers(self) -> list[tuple[Float64Array, Float64Array]]:
        """Weights and offsets of the layers after the first, float64."""
        return [
            (layer.weights.astype(np.float64), layer.offsets.astype(np.float64)) for layer in self.layers[1:]
        ]

    @property
    def n_user_inputs(self) -> int:
        """The user's share p of the first layer's inputs."""
        return int(self.user_inputs.shape[1])

    def gated(self, inputs: Float64Array) -> Float64Array:
        """Inputs as the first layer takes them."""
        return np.maximum(inputs, 0.0) if self.input_relu else inputs

    def users(self, user_index: IntArray) -> NetworkUsers:
        """States of fitted users; index -1 gives the mean user, who differs from nobody."""
        known = user_index >= 0
        inputs = self.user_inputs[np.where(known, user_index, 0)]
        return NetworkUsers(self, np.where(known[:, None], inputs, self.mean_user))

    def fold_in(self, history: CSR) -> NetworkUsers:
        """The user inputs that minimise the loss on each history, items and layers fixed."""
        rows = [self._problem(history, row).solve() for row in range(history.n_rows)]
        inputs = np.array(rows, np.float32).reshape(history.n_rows, self.n_user_inputs)
        return NetworkUsers(self, inputs)

    def contributions(self, history: CSR, item_index: Int32Array) -> Contributions:
        r"""Leave-one-out differences :math:`s(x, y_i) - s(x_j, y_i)`: what a score loses without entry j.

        x minimises the loss of the history, :math:`x_j` that of the history without j. All :math:`x_j` are
        taken to be one Gauss-Newton step from x, which ranks the entries; those of the :data:`REFINED`
        strongest of an item are then followed further, since kinks make a single step rough:
        :func:`tastemap.models.network_without.without_each`.

        Notes
        -----
        Cost O(s^2 h) for s entries and h hidden values; where s exceeds :data:`REFINED` times k, O(s h) for
        each of so many.
        """
        problem, n_items = self._problem(history, 0), len(item_index)
        with single_threaded_blas():
            whole = problem.solve()
            inputs = np.vstack([self.mean_user, whole, problem.without_each(whole)])  # (s + 2, p)
            scores = self._scores_of(inputs, item_index)  # (k, s + 2)
            nobody, score, values = scores[:, 0], scores[:, 1:2], scores[:, 1:2] - scores[:, 2:]
            if n_items and values.shape[1] > 1:
                strongest = np.argsort(-np.abs(values), axis=1, kind="stable")[:, :REFINED]  # (k, REFINED)
                entries, place = np.unique(strongest, return_inverse=True)
                refined = self._scores_of(without_each(problem, whole, entries), item_index)
                found = np.take_along_axis(refined, place.reshape(strongest.shape), axis=1)
                np.put_along_axis(values, strongest, score - found, axis=1)
        return Contributions(nobody, values, additive=False)

    def similarity(self, item_index: int, measure: Measure) -> Float64Array:
        """Similarity by item inputs."""
        if measure == "cosine":
            return cosine_to(self.item_inputs, self.item_norms, item_index)
        return dots_to(self.item_inputs, item_index)

    def similarities(self, item_index: Int32Array) -> Float64Array:
        """Cosines of item inputs; O(n^2 q)."""
        return cosines(self.item_inputs[item_index])

    def with_items(self, places: Int32Array, histories: CSR, user_index: IntArray) -> Network:
        """Refused: the loss of an item, with layers fixed, is not known."""
        raise no_new_items("A network")

    @property
    def _padded_items(self) -> Float64Array:
        """The item inputs, and the mean item as the last row, shape (I + 1, q), float64."""
        mean = self.item_inputs.mean(axis=0, dtype=np.float64)[None]  # (1, q)
        return np.vstack([self.item_inputs.astype(np.float64), mean])

    def _scores_of(self, inputs: Float64Array, item_index: Int32Array) -> Float64Array:
        """Scores of k items for user inputs (b, p), shape (k, b)."""
        items = np.tile(item_index, (len(inputs), 1))
        return NetworkUsers(self, inputs.astype(np.float32)).score(items).T

    def _problem(self, history: CSR, row: int) -> HistoryProblem:
        items, values = history.row(row)
        return HistoryProblem(self, items, values.astype(np.float64))


@dataclass(frozen=True, eq=False)
class NetworkUsers:
    """B users as the inputs of the first layer, shape (B, p), float32."""

    model: Network
    inputs: Float32Array

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, rows: IntArray) -> NetworkUsers:
        """The states of the given rows."""
        return NetworkUsers(self.model, self.inputs[rows])

    def score(self, item_index: Int32Array) -> Float64Array:
        """Scores of chosen items, shape (B, k), float64, summed in a fixed order."""
        model = self.model
        check_items(item_index, model.n_items)
        widths = np.array([len(layer.offsets) for layer in model.layers])
        weights, offsets = _padded(model.layers[1:], int(widths.max()))
        inputs = self.inputs.astype(np.float64)
        scores = np.empty(item_index.shape)
        room = np.zeros((3, widths.max()))
        user_side = model.gated(inputs), model.user_weights
        _score_layers(*user_side, model.item_part, widths, weights, offsets, item_index, room, scores)
        _add_products(inputs, model.item_products, item_index, scores)
        return scores

    @property
    def items_at_once(self) -> int:
        """All: hidden values are taken in blocks of their own, of :data:`BLOCK_BYTES`."""
        return self.model.n_items

    def score_range(self, start: int = 0, stop: int | None = None) -> Float32Array:
        """Scores of neighboring items, shape (B, b), float32."""
        model = self.model
        chosen = slice(*slice(start, stop).indices(model.n_items))
        user_part = (model.gated(self.inputs.astype(np.float64)) @ model.user_weights.T).astype(
            np.float32
        )  # (B, h)
        item_part = model.item_part[chosen].astype(np.float32)  # (b, h)
        scores = np.empty((len(self), len(item_part)), np.float32)
        step = max(1, BLOCK_BYTES // max(1, item_part.nbytes))
        for first in range(0, len(self), step):
            part = user_part[first : first + step]
            hidden = (part[:, None, :] + item_part[None]).reshape(-1, item_part.shape[1])  # (users b, h)
            for layer in model.layers[1:]:
                np.maximum(hidden, 0.0, out=hidden)
                hidden = hidden @ layer.weights.T + layer.offsets
            scores[first : first + step] = hidden.reshape(len(part), len(item_part))
        m = model.n_products
        scores += self.inputs[:, :m] @ model.item_inputs[chosen, :m].T
        return scores

    def by_reach(self) -> None:
        """None: what layers can reach at most is not known."""

    def spread(self, item_index: Int32Array) -> None:
        """None: there are no samples."""


def _padded(layers: Sequence[Layer], width: int) -> tuple[Float64Array, Float64Array]:
    """Layers after the first as arrays (L, width, width) and (L, width), float64, zero where there is none."""
    weights = np.zeros((len(layers), width, width))
    offsets = np.zeros((len(layers), width))
    for number, layer in enumerate(layers):
        n_out, n_in = layer.weights.shape
        weights[number, :n_out, :n_in] = layer.weights
        offsets[number, :n_out] = layer.offsets
    return weights, offsets


@kernel
def _score_layers(
    inputs: Float64Array,
    user_weights: Float64Array,
    item_part: Float64Array,
    widths: IntArray,
    weights: Float64Array,
    offsets: Float64Array,
    item_index: Int32Array,
    room: Float64Array,
    scores: Float64Array,
) -> None:
    user_part, hidden = room[2], room[:2]
    for row in range(item_index.shape[0]):
        for unit in range(widths[0]):
            user_part[unit] = 0.0
            for source in range(inputs.shape[1]):
                user_part[unit] += user_weights[unit, source] * inputs[row, source]
        for place in range(item_index.shape[1]):
            item = item_index[row, place]
            for unit in range(widths[0]):
                hidden[0, unit] = user_part[unit] + item_part[item, unit]
            now = 0
            for layer in range(len(widths) - 1):
                for unit in range(widths[layer + 1]):
                    total = offsets[layer, unit]
                    for source in range(widths[layer]):
                        if hidden[now, source] > 0.0:
                            total += weights[layer, unit, source] * hidden[now, source]
                    hidden[1 - now, unit] = total
                now = 1 - now
            scores[row, place] = hidden[now, 0]


@kernel
def _add_products(
    inputs: Float64Array, item_products: Float64Array, item_index: Int32Array, scores: Float64Array
) -> None:
    for row in range(item_index.shape[0]):
        for place in range(item_index.shape[1]):
            item = item_index[row, place]
            for factor in range(item_products.shape[1]):
                scores[row, place] += inputs[row, factor] * item_products[item, factor]
