"""How many multiplications the solvers of many small ridge problems take: the one home of these formulas.

A model chooses its solver by them, and a plan turns them into seconds. Symbols: ``s`` entries of all rows,
``B`` rows, ``d`` unknowns of a row.
"""

from __future__ import annotations

PASSES = 2.4
"""What right sides, preconditioners and losses read, beside the steps, in passes over all entries."""


def exact_solves(n_entries: int, n_rows: int, d: int) -> int:
    """Gramians of all rows' entries, ``s d^2``, and Cholesky factorizations, ``B d^3 / 3``.

    >>> exact_solves(1_000, 30, 10)
    110000
    """
    return n_entries * d**2 + n_rows * d**3 // 3


def gradient_steps(n_entries: int, n_rows: int, d: int, n_steps: int) -> int:
    """Steps of conjugate gradients in all rows: ``2 s d`` each, and rows turned to an eigenbasis, ``B d^2``.

    >>> gradient_steps(1_000, 30, 10, 3)
    111000
    """
    return round((PASSES + n_steps) * 2 * n_entries * d) + n_rows * d**2


def directions(n_entries: int, n_rows: int, d: int) -> int:
    """One step of orthogonal iteration: sums of vectors, ``s d``, then gramians and products, ``2 B d^2``.

    >>> directions(1_000, 30, 10)
    16000
    """
    return n_entries * d + 2 * n_rows * d**2
