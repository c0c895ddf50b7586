"""The two sides of ``ials``: what was seen, by users and by items, and how much each pair counts."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from tastemap.data import Interactions
from tastemap.linalg.csr import CSR
from tastemap.linalg.gramian import gramian
from tastemap.linalg.types import Float64Array, FloatArray
from tastemap.models.half_step import ENTRIES_AT_A_TIME
from tastemap.models.user_loss import PriorLoss, UserLoss
from tastemap.models.user_problem import Rows


@dataclass(frozen=True, eq=False)
class Side:
    """What was seen, by users or by items, with what confidence (nnz,), and the penalty of each row (B,).

    Where rows have `shares` (B,) their confidences are to be divided by them.
    """

    seen: CSR
    confidences: FloatArray
    row_penalty: Float64Array
    shares: Float64Array | None = None

    def weights(self, rows: CSR, here: slice, entries: slice) -> FloatArray:
        """The confidences of some rows, as they count."""
        found = self.confidences[entries]
        if self.shares is None:
            return found
        return (found / np.repeat(self.shares[here], rows.row_lengths)).astype(np.float32)


def confidences_of(data: Interactions, loss: UserLoss) -> tuple[FloatArray, FloatArray]:
    """The confidence of each entry of ``data.by_user``, and in the order of ``data.by_item``."""
    rows = data.by_user
    if not loss.weighs:  # one number for all
        return loss.confidences(rows), loss.confidences(rows)
    found = data.placement.empty(len(data), np.float32)
    for start, stop in rows.row_blocks(ENTRIES_AT_A_TIME):
        found[rows.indptr[start] : rows.indptr[stop]] = loss.confidences(rows.rows_between(start, stop))
    return found, CSR(rows.indptr, rows.indices, found, rows.n_columns).transpose(data.placement).values


def unseen_shares(data: Interactions, power: float) -> Float64Array | None:
    """v: the weight of an unseen pair of each item, relative to the mean, (I,); None where all are 1."""
    if not power:
        return None
    weights = np.maximum(data.popularity, 1) ** power
    shares: Float64Array = weights / weights.mean()
    return shares


def item_side(data: Interactions, loss: UserLoss, confidences: FloatArray, shares: Float64Array | None) -> Side:
    """The problems of the items, each divided by its share v: then all unseen pairs weigh α0 again."""
    rows = data.by_item
    if shares is None:
        return Side(rows, confidences, loss.factor_penalty(rows.row_lengths, data.n_users))
    penalty = loss.factor_penalty(rows.row_lengths, shares * data.n_users) / shares
    return Side(rows, confidences, penalty, shares)


def with_shares(loss: UserLoss, items: Rows, shares: Float64Array) -> PriorLoss:
    """The loss of a user whose unseen pairs weigh α0 v instead of α0: what differs is one more penalty."""
    weighted = (np.sqrt(shares)[:, None] * items.factors).astype(np.float32)
    penalty = loss.unobserved_weight * (gramian(weighted) - gramian(items.factors))
    constants = {field.name: getattr(loss, field.name) for field in fields(loss)}
    return PriorLoss(**constants, penalty=penalty.astype(np.float32))
