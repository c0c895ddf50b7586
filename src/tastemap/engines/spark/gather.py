"""From tables on the executors to the arrays of an artifact on the driver, a partition at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tastemap.data import IdMap, Interactions
from tastemap.engines.half_steps import matrix
from tastemap.engines.spark.encode import Encoded
from tastemap.models.user_problem import Rows

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame


def gather_ids(found: DataFrame, n: int, kind: str) -> IdMap:
    """Ids in the order of their index; the driver holds them, and one partition besides."""
    parts = [pl.DataFrame(pl.from_arrow(table)) for table in tables(found.select("index", "id"))]
    ids = pl.concat(parts).sort("index")["id"]
    assert len(ids) == n, "every id has an index"
    return IdMap.from_sorted(ids, kind=kind)


def gather_interactions(data: Encoded) -> Interactions:
    """The pairs, which lie in ranges of users, in canonical order."""
    n = data.n_pairs
    users, items = np.empty(n, np.int32), np.empty(n, np.int32)
    values, times = np.empty(n, np.float32), np.empty(n, np.int64)
    done, has_times = 0, True
    for table in tables(data.pairs):
        stop = done + table.num_rows
        users[done:stop], items[done:stop] = table["user"].to_numpy(), table["item"].to_numpy()
        values[done:stop] = table["value"].to_numpy()
        has_times = has_times and not table["time"].null_count
        if has_times:
            times[done:stop] = table["time"].to_numpy()
        done = stop
    return Interactions(
        users=gather_ids(data.users, data.n_users, "user"),
        items=gather_ids(data.items, data.n_items, "item"),
        user_index=users,
        item_index=items,
        values=values,
        timestamps=times if has_times else None,
        rating_scale=data.rating_scale,
    )


def gather_users(users: DataFrame, n_users: int, n_factors: int) -> Rows:
    """Factors (U, d) and biases (U,), float32."""
    factors, bias = np.zeros((n_users, n_factors), np.float32), np.zeros(n_users, np.float32)
    for table in tables(users.select("user", "factors", "bias")):
        place = table["user"].to_numpy()
        factors[place], bias[place] = matrix(table, n_factors), table["bias"].to_numpy()
    return Rows(factors, bias)


def tables(frame: DataFrame) -> Iterator[pa.Table]:
    """The batches of a table one after the other, in order; the driver holds one partition at a time."""
    import pyarrow as pa

    for row in frame.mapInArrow(_packed, "cells binary").toLocalIterator(prefetchPartitions=True):
        with pa.ipc.open_stream(bytes(row["cells"])) as stream:
            yield stream.read_all()


def _packed(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Each batch as one cell of bytes, for a row of Python objects each would take a hundred times as long."""
    import pyarrow as pa

    for batch in batches:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as stream:
            stream.write_batch(batch)
        yield pa.RecordBatch.from_pydict({"cells": [sink.getvalue().to_pybytes()]})
