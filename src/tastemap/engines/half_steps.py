"""Exact half steps of alternating least squares on rows that arrive in batches, by the solver of a local fit.

Nothing here knows Spark: an executor calls it with the batches of a partition, sorted by row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tastemap.linalg.csr import CSR
from tastemap.linalg.gramian import moments
from tastemap.linalg.types import BoolArray, Float32Array, Float64Array, Int32Array
from tastemap.models.base import Link
from tastemap.models.factor import FactorModel
from tastemap.models.user_loss import UserLoss
from tastemap.models.user_problem import UserProblem

if TYPE_CHECKING:
    import pyarrow as pa

ENTRIES_AT_ONCE = 1_000_000
"""Entries that are solved for together; a row is never cut, so one long row may make it more."""
USERS_SCHEMA = "user int, factors binary, bias float, loss double"
ITEMS_SCHEMA = "item int, factors binary, bias float, loss double"
"""The loss of a user is its part of all; that of an item is its penalty, what its users' parts lack."""


@dataclass(frozen=True, eq=False)
class Block:
    """Some whole rows: their numbers or ids (B,), and a table of entry columns (nnz,) each, in order of
    rows.
    """

    rows: np.ndarray[tuple[int], np.dtype[Any]]
    indptr: np.ndarray[tuple[int], np.dtype[np.int64]]
    table: pa.Table

    def column(self, name: str) -> np.ndarray[tuple[int], np.dtype[Any]]:
        """A column of numbers, (nnz,)."""
        return np.ascontiguousarray(self.table[name].to_numpy())

    def history(self, columns: Int32Array, n_columns: int) -> CSR:
        """The entries as a matrix (B, n_columns)."""
        times = None if self.table["time"].null_count else self.column("time").astype(np.int64)
        return CSR(self.indptr, columns, self.column("value").astype(np.float32), n_columns, times)


def blocks(batches: Iterable[pa.RecordBatch], by: str, n_entries: int = ENTRIES_AT_ONCE) -> Iterator[Block]:
    """Cut a partition that is sorted by column `by` into blocks of whole rows."""
    import pyarrow as pa

    waiting: list[pa.RecordBatch] = []
    n_waiting = 0
    for batch in batches:
        waiting.append(batch)
        n_waiting += batch.num_rows
        if n_waiting < n_entries:
            continue
        table = pa.Table.from_batches(waiting)
        rows = table[by].to_numpy()
        end = int(np.searchsorted(rows, rows[-1]))  # the last row may go on in the next batch
        if end:
            yield _block(table.slice(0, end), by)
            table = table.slice(end)
        waiting, n_waiting = table.to_batches(), table.num_rows
    if n_waiting:
        yield _block(pa.Table.from_batches(waiting), by)


def _block(table: pa.Table, by: str) -> Block:
    rows = table[by].to_numpy()
    starts = np.flatnonzero(np.append(True, rows[1:] != rows[:-1]))
    return Block(rows[starts], np.append(starts, len(rows)).astype(np.int64), table)


@dataclass(frozen=True, eq=False)
class SolveUsers:
    """Every user of a partition, the items fixed: what folding in the user's history gives.

    `model` is what the items are, without users; its user side is the loss.
    """

    model: FactorModel
    loss: UserLoss

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """From ``user, item, value, time`` to :data:`USERS_SCHEMA`."""
        for block in blocks(batches, "user"):
            history = block.history(block.column("item").astype(np.int32), self.model.n_items)
            problem = self.loss.problem(self.model, history)
            solved, losses = problem.minimum()
            yield _record("user", block.rows, *problem.parts(solved), losses)


@dataclass(frozen=True, eq=False)
class SolveItems:
    """Every item of a partition, the users fixed: the same problem with the roles exchanged.

    Parameters
    ----------
    loss : UserLoss
    mean : float
        The global bias.
    n_users : int
    n_factors : int
    moments : array of shape (d + 2, d + 2) or None
        Of all users, where unseen pairs count.
    """

    loss: UserLoss
    mean: float
    n_users: int
    n_factors: int
    moments: Float64Array | None

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """From ``item, value, weight, factors, bias`` (of the entry's user) to :data:`ITEMS_SCHEMA`."""
        for block in blocks(batches, "item", max(ENTRIES_AT_ONCE // 4, 1)):
            n = block.table.num_rows
            factors = matrix(block.table, self.n_factors)
            bias, weights = block.column("bias").astype(np.float32), block.column("weight").astype(np.float32)
            history = CSR(
                block.indptr, np.arange(n, dtype=np.int32), block.column("value").astype(np.float32), n
            )
            solved, solved_bias = self._solve(factors, bias, history, weights)
            penalties = self._penalties(history, solved, solved_bias)
            yield _record("item", block.rows, solved, solved_bias, penalties)

    def of_nobody(self) -> tuple[Float32Array, Float32Array]:
        """What an item is that nobody has, (1, d) and (1,)."""
        none = np.zeros(0, np.float32)
        empty = CSR(np.zeros(2, np.int64), np.zeros(0, np.int32), none, 0)
        return self._solve(np.zeros((0, self.n_factors), np.float32), none, empty, none)

    def _solve(
        self, factors: Float32Array, bias: Float32Array, history: CSR, weights: Float32Array
    ) -> tuple[Float32Array, Float32Array]:
        """Items (B, ·) whose entries (nnz,) have users of such factors (nnz, d) and biases (nnz,)."""
        penalty = self.loss.factor_penalty(history.row_lengths, self.n_users)
        offset = self.mean + bias.astype(np.float64)
        problem = UserProblem(self.loss, Link(), history, weights, penalty, offset, factors, self.moments)
        return problem.parts(problem.minimum()[0])

    def _penalties(self, history: CSR, factors: Float32Array, bias: Float32Array) -> Float64Array:
        """What each item adds to the loss beside what its users do, (B,)."""
        on_factors = self.loss.factor_penalty(history.row_lengths, self.n_users)
        squares = np.einsum("nd,nd->n", factors, factors, dtype=np.float64)
        on_bias = (self.loss.bias_regularization or 0.0) + self.loss.unobserved_weight * self.n_users
        penalties: Float64Array = on_factors * squares + on_bias * np.square(bias, dtype=np.float64)
        return penalties


@dataclass(frozen=True, eq=False)
class Weigh:
    """The entries that count, each with its confidence, which the whole history of the user decides."""

    loss: UserLoss
    n_items: int
    schema = "user int, item int, value float, weight float"

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """From ``user, item, value, time`` to ``user, item, value, weight``."""
        import pyarrow as pa

        for block in blocks(batches, "user"):
            history = block.history(block.column("item").astype(np.int32), self.n_items)
            counts: BoolArray = history.reaches(self.loss.positive_min)
            weights = np.asarray(self.loss.confidences(history.at_least(self.loss.positive_min)), np.float32)
            kept = block.table.filter(pa.array(counts)).select(["user", "item", "value"])
            yield from kept.append_column("weight", pa.array(weights)).combine_chunks().to_batches()


@dataclass(frozen=True)
class SumMoments:
    """The moments and the losses of the solved users of a partition, as one row."""

    n_factors: int
    schema = "moments binary, loss double, n_users long"

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """From :data:`USERS_SCHEMA` to sums, float64."""
        import pyarrow as pa

        d = self.n_factors
        total, loss, n_users = np.zeros((d + 2, d + 2)), 0.0, 0
        for batch in batches:
            table = pa.Table.from_batches([batch])
            total += moments(matrix(table, d), table["bias"].to_numpy().astype(np.float32))
            loss += float(table["loss"].to_numpy().sum())
            n_users += table.num_rows
        yield pa.RecordBatch.from_pydict({"moments": [total.tobytes()], "loss": [loss], "n_users": [n_users]})


def matrix(table: pa.Table, n_factors: int) -> Float32Array:
    """A column ``factors`` of equally many bytes a row as an array (n, d), float32."""
    parts = [np.zeros((0, n_factors), np.float32)]
    for chunk in table["factors"].chunks:
        if len(chunk):
            _, ends, data = chunk.buffers()
            offsets = np.frombuffer(ends, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
            cells = (
                np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]] if n_factors else np.zeros(0, np.uint8)
            )
            parts.append(np.frombuffer(cells.tobytes(), np.float32).reshape(len(chunk), n_factors))
    return np.concatenate(parts)


def _record(
    side: str,
    rows: np.ndarray[tuple[int], np.dtype[Any]],
    factors: Float32Array,
    bias: Float32Array,
    losses: Float64Array,
) -> pa.RecordBatch:
    import pyarrow as pa

    cells = [row.tobytes() for row in np.ascontiguousarray(factors, np.float32)]
    return pa.RecordBatch.from_pydict(
        {
            side: pa.array(rows, pa.int32()),
            "factors": pa.array(cells, pa.binary()),
            "bias": pa.array(bias, pa.float32()),
            "loss": pa.array(losses, pa.float64()),
        }
    )
