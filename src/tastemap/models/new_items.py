r"""Items that the fit never saw, folded in from the users who have them, as users are from items.

With the users fixed, the vector of an item minimizes the same loss as that of a user does with the items fixed,
the roles exchanged: a last half step of alternating least squares for the new items alone. Where confidences
depend on how late an entry came, they are those of the entry in its user's history.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tastemap.linalg.csr import CSR, offsets, row_numbers, stable_order
from tastemap.linalg.types import Float32Array, FloatArray, Int32Array, IntArray
from tastemap.models.base import no_new_items
from tastemap.models.implicit_history import ImplicitHistory
from tastemap.models.user_loss import PriorLoss, UserLoss

if TYPE_CHECKING:
    from tastemap.models.factor import FactorModel


def with_folded_items(
    model: FactorModel, places: Int32Array, histories: CSR, user_index: IntArray
) -> FactorModel:
    """Those of :meth:`tastemap.models.base.Model.with_items` for factors and biases.

    Notes
    -----
    Cost O(n d^2 + J d^3) for n interactions with J new items, O((U + I) d) for copies, and O(U d^2) where
    unseen pairs count. Where histories say something by the items in them, new items say nothing so far.
    """
    side = model.user_side
    loss = side.loss if isinstance(side, ImplicitHistory) else side
    if not isinstance(loss, UserLoss) or isinstance(loss, PriorLoss):
        raise no_new_items("A model whose users are not solved for by a plain loss")
    users, numbers = _as_items(model, loss, places, histories, user_index)
    rows, weights = _by_new_item(loss, places, histories, numbers, users.n_items)
    factors, bias = replace(loss.problem(users, rows), weights=weights).solve()
    if isinstance(side, ImplicitHistory):
        side = replace(
            side,
            history_factors=inserted(side.history_factors, places, np.zeros_like(factors)),
            history_bias=None
            if side.history_bias is None
            else inserted(side.history_bias, places, np.zeros_like(bias)),
        )
    return replace(
        model,
        item_factors=inserted(model.item_factors, places, factors),
        item_bias=inserted(model.item_bias, places, bias),
        user_side=side,
    )


def inserted(values: Float32Array, places: Int32Array, new: Float32Array) -> Float32Array:
    """The rows of `values` (n, …) with those of `new` (J, …) among them, which stand at `places` afterwards."""
    both = np.empty((len(values) + len(new), *values.shape[1:]), values.dtype)
    is_new = np.zeros(len(both), np.bool_)
    is_new[places] = True
    both[places], both[~is_new] = new, values
    return both


def _as_items(
    model: FactorModel, loss: UserLoss, places: Int32Array, histories: CSR, user_index: IntArray
) -> tuple[FactorModel, IntArray]:
    """The model with users as items, the unknown ones last; and which of them each history is of."""
    unknown = user_index < 0
    numbers: IntArray = np.where(unknown, model.n_users + np.cumsum(unknown) - 1, user_index)
    factors, bias = model.user_factors, model.user_bias
    if unknown.any():
        folded = model.fold_in(_without(histories.take(np.flatnonzero(unknown)), places))
        factors, bias = np.vstack([factors, folded.factors]), np.concatenate([bias, folded.bias])
    exchanged = replace(
        model,
        user_factors=model.item_factors,
        user_bias=model.item_bias,
        item_factors=factors,
        item_bias=bias,
        user_side=loss,
    )
    return exchanged, numbers


def _without(histories: CSR, places: Int32Array) -> CSR:
    """Histories without the new items, and with the indices that the others had before."""
    old = np.ones(histories.n_columns, np.bool_)
    old[places] = False
    before = (np.cumsum(old) - 1).astype(np.int32)
    kept = old[histories.indices]
    indptr = np.concatenate(([0], np.cumsum(kept, dtype=np.int64)))[histories.indptr]
    times = None if histories.times is None else histories.times[kept]
    return CSR(indptr, before[histories.indices[kept]], histories.values[kept], int(old.sum()), times)


def _by_new_item(
    loss: UserLoss, places: Int32Array, histories: CSR, numbers: IntArray, n_users: int
) -> tuple[CSR, FloatArray]:
    """The rows of the new items, (J, users), as far as entries count, and the confidence of each entry."""
    entries = histories.at_least(loss.positive_min)
    row = np.full(entries.n_columns, -1, np.int32)
    row[places] = np.arange(len(places))
    rows = row[entries.indices]
    kept = np.flatnonzero(rows >= 0)
    order = kept[stable_order(rows[kept], len(places))]
    users = numbers[row_numbers(entries.indptr)[order]].astype(np.int32)
    by_item = CSR(offsets(rows[kept], len(places)), users, entries.values[order], n_users)
    return by_item, loss.confidences(entries)[order]
