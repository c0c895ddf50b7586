"""Half a step of alternation: every row of one side solved for, the other side fixed, some rows at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tastemap.linalg.csr import CSR
from tastemap.linalg.types import Float32Array, Float64Array
from tastemap.models.config import State
from tastemap.models.user_problem import Rows, UserProblem

ENTRIES_AT_A_TIME = 1 << 24
"""Entries whose targets and weights are in memory at a time, wherever the rows themselves live.

Exact solves are the same bits with any number. Steps of gradients are so only up to rounding, since products of
a block of rows round by its size: so this is not chosen by how much memory there is."""

MakeProblem = Callable[[CSR, slice, slice], UserProblem]
"""Makes the problem of some rows: their entries, their places among all rows, and those of their entries."""

Solve = Callable[[UserProblem, slice], tuple[Float32Array, Float64Array]]
"""Solves it: rows (B, p), bias last where there is one, and the loss of each (B,)."""


def half_step(rows: CSR, make: MakeProblem, solve: Solve) -> tuple[Rows, Float64Array]:
    """Factors and biases of all rows, and the loss of each, shape (n_rows,).

    Memory: the result, and for some 16 million entries at a time what their problem needs.
    """
    parts: list[Rows] = []
    losses: list[Float64Array] = []
    for start, stop in rows.row_blocks(ENTRIES_AT_A_TIME):
        here, entries = slice(start, stop), slice(int(rows.indptr[start]), int(rows.indptr[stop]))
        problem = make(rows.rows_between(start, stop), here, entries)
        solved, loss = solve(problem, here)
        parts.append(Rows(*problem.parts(solved)))
        losses.append(loss)
    if len(parts) == 1:
        return parts[0], losses[0]
    joined = Rows(np.concatenate([one.factors for one in parts]), np.concatenate([one.bias for one in parts]))
    return joined, np.concatenate(losses)


def state_of(users: Rows, items: Rows) -> State:
    """The rows of both sides as what a fit goes on from."""
    return {
        "user_factors": users.factors,
        "user_bias": users.bias,
        "item_factors": items.factors,
        "item_bias": items.bias,
    }


def rows_of(state: State) -> tuple[Rows, Rows]:
    """Users and items of :func:`state_of`."""
    users = Rows(state["user_factors"], state["user_bias"])
    return users, Rows(state["item_factors"], state["item_bias"])
