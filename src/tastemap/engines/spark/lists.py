"""Lists for all users, made and written by the executors; the driver learns how many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tastemap.engines.spark.artifact import Placed, place
from tastemap.engines.spark.names import shown
from tastemap.engines.spark.read import working
from tastemap.engines.spark.session import Cluster
from tastemap.errors import ArtifactError, InvalidValueError
from tastemap.inference import Rules, recommend
from tastemap.inference.rules import check_k
from tastemap.models.recommender import Recommender
from tastemap.progress import SILENT, Progress

if TYPE_CHECKING:
    import pyarrow as pa

USERS_PER_TASK = 20_000
USERS_AT_ONCE = 2_000
ANY_ITEM = Rules()


@dataclass(frozen=True)
class Written:
    """What was written: lists, rows, and how many lists are shorter than asked for, empty ones too."""

    n_users: int
    n_rows: int
    n_short: int


@dataclass(frozen=True)
class _MakeLists:
    """Lists of the users whose numbers come in, by the code of a local ``recommend``."""

    placed: Placed
    k: int
    rules: Rules
    schema: str

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        recommender = self.placed.load()
        for batch in batches:
            numbers = batch.column("id").to_numpy()
            for start in range(0, len(numbers), USERS_AT_ONCE):
                users = recommender.users.take(numbers[start : start + USERS_AT_ONCE])
                frame = recommend(recommender, users, k=self.k, rules=self.rules).frame
                yield from frame.to_arrow(compat_level=pl.CompatLevel.oldest()).to_batches()


def write_lists(
    cluster: Cluster,
    folder: Path,
    recommender: Recommender,
    out: str,
    *,
    k: int = 10,
    rules: Rules = ANY_ITEM,
    progress: Progress = SILENT,
) -> Written:
    """Write the lists of all users of a saved model to a folder of Parquet files.

    The rows are those of :func:`tastemap.recommend` for all users: seen items left out, by score, then item
    index. Each task writes one file; nothing is collected. Spark moves the files into the folder at the end,
    and writes ``_SUCCESS`` last.

    Parameters
    ----------
    cluster : Cluster
    folder : Path
        The artifact.
    recommender : Recommender
        What it holds.
    out : str
        A path or an address, ending in ``.parquet``, where there is nothing yet.
    k, rules
        As in :func:`tastemap.recommend`.
    progress : Progress

    Raises
    ------
    InvalidValueError
        If `out` ends otherwise.
    ArtifactError
        If there is something at `out` already.
    EngineError
        If a job fails for good.
    """
    check_k(k)
    if not out.rstrip("/").endswith(".parquet"):
        raise InvalidValueError(
            f"--out must end in .parquet with --engine spark, which writes a folder. Got {shown(out)!r}."
        )
    if Path(out).exists():
        raise ArtifactError(f"{shown(out)} exists already; name a new folder, or remove it.")
    # One list made here shows what is wrong with the rules, and the types of the columns.
    first = recommend(recommender, recommender.users.take(np.zeros(1, np.int32)), k=k, rules=rules)
    with working():
        progress.step("spark: lists", 0, 2, {})
        work = _MakeLists(place(cluster, folder), k, rules, _schema(first.frame))
        n = len(recommender.users)
        n_tasks = max(2 * cluster.n_tasks, -(-n // USERS_PER_TASK))
        lists = cluster.spark.range(0, n, 1, n_tasks).mapInArrow(work, work.schema)
        lists.write.parquet(_address(out))
        progress.step("spark: lists", 1, 2, {})
        return _count(cluster, _address(out), n, k)


def _count(cluster: Cluster, out: str, n_users: int, k: int) -> Written:
    from pyspark.sql import functions as F

    sizes = cluster.spark.read.parquet(out).groupBy("user_id").agg(F.count("*").alias("n"))
    found = sizes.agg(F.sum("n"), F.sum((F.col("n") == k).cast("int"))).first()
    assert found is not None, "an aggregate has one row"
    return Written(n_users, int(found[0] or 0), n_users - int(found[1] or 0))


def _address(out: str) -> str:
    """A bare path is of this machine, whatever file system the cluster has as its default."""
    return out if "://" in out else Path(out).absolute().as_uri()


def _schema(frame: pl.DataFrame) -> str:
    names = {
        pl.Int64: "long",
        pl.Int32: "int",
        pl.String: "string",
        pl.Float64: "double",
        pl.Boolean: "boolean",
    }
    names |= {pl.Float32: "float", pl.UInt32: "long", pl.Int16: "short", pl.Int8: "byte"}
    return ", ".join(f"`{name}` {names[type(kind)]}" for name, kind in frame.schema.items())
