"""What the edges of a cluster bring: many files, executors that join later, applications that never start."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import tastemap
from tastemap.engines.spark import Cluster, evaluate
from tastemap.engines.spark.artifact import place
from tastemap.engines.spark.encode import clean
from tastemap.engines.spark.read import open_source
from tastemap.engines.spark.starting import starting
from tastemap.errors import DataError, EngineError
from tastemap.evaluation import evaluate_recommender

N_USERS, N_ITEMS = 40, 10


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model of 40 users."""
    folder = tmp_path_factory.mktemp("edges")
    pairs = [(user, item) for user in range(N_USERS) for item in range(N_ITEMS) if (user + item) % 3 == 0]
    rows = [f"{user},{item},{1 + (user * item) % 5}" for user, item in pairs]
    (folder / "train.csv").write_text("\n".join(["user,item,rating", *rows]) + "\n")
    data = tastemap.load_data(folder / "train.csv")
    settings = {"n_factors": 2, "n_epochs": 3, "validation_fraction": 0.0}
    return tastemap.save(tastemap.fit(data, "als", settings=settings, rng=0), folder / "model")


@contextmanager
def small_parts(cluster: Cluster) -> Iterator[None]:
    """Files are read in parts of 2 kB, each by another task, as large files are in theirs."""
    name = "spark.sql.files.maxPartitionBytes"
    cluster.spark.conf.set(name, "2048")
    try:
        yield
    finally:
        cluster.spark.conf.unset(name)


@pytest.mark.parametrize(
    "second", ["item,user,rating\nx,ann,3\n", "cid,y,4\ndan,x,2\n"], ids=["columns swapped", "no header"]
)
def test_a_file_that_begins_with_another_line_is_refused_by_its_name(
    cluster: Cluster, tmp_path: Path, second: str
) -> None:
    (tmp_path / "part a.csv").write_text("user,item,rating\nann,x,3\nbob,y,5\n")
    (tmp_path / "part b.csv").write_text(second)
    with pytest.raises(DataError, match="must begin with the same line") as caught:
        open_source(cluster, str(tmp_path / "*.csv"))
    message = str(caught.value)
    assert str(tmp_path / "part a.csv") in message
    assert str(tmp_path / "part b.csv") in message
    assert "\n" not in message


def test_files_with_the_same_header_are_one_table_whatever_its_quotes(cluster: Cluster, tmp_path: Path) -> None:
    rows = [f"user {n},item {n % 7},{1 + n % 5}" for n in range(600)]
    (tmp_path / "a.csv").write_text("\n".join(["user,item,rating", *rows[:500]]) + "\n")
    (tmp_path / "b.csv").write_text("\n".join(["", '"user","item","rating"', *rows[500:]]) + "\n")
    (tmp_path / "empty.csv").touch()
    with small_parts(cluster):
        found = open_source(cluster, str(tmp_path / "*.csv")).frame.toArrow()
    assert sorted(found["user"].to_pylist()) == sorted(f"user {n}" for n in range(600))


def test_repeats_without_times_count_as_in_a_local_evaluation(
    cluster: Cluster, saved: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    columns = rng.integers(N_USERS, size=1500), rng.integers(N_ITEMS, size=1500), rng.integers(1, 6, size=1500)
    rows = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
    path = tmp_path / "test.csv"
    path.write_text("\n".join(["user,item,rating", *rows]) + "\n")
    recommender = tastemap.load(saved)
    with small_parts(cluster):
        found = evaluate(cluster, saved, recommender, str(path)).figures
    record = evaluate_recommender(recommender, tastemap.load_data(path), n_draws=1)
    local = next(row.metrics for row in record.models if row.model == "als")
    assert {"rmse", "mae"} <= set(found)
    for name, one in found.items():
        assert one.value == pytest.approx(local[name].value, abs=1e-9), name


@pytest.mark.parametrize("kind", [pl.Date(), pl.Datetime("us")], ids=str)
def test_a_column_of_dates_without_a_date_is_left_aside_as_here(
    cluster: Cluster, tmp_path: Path, kind: pl.DataType
) -> None:
    columns = {"user_id": [1, 2, 3], "item_id": [1, 1, 2], "rating": [1.0, 5.0, 3.0]}
    frame = pl.DataFrame(columns).with_columns(pl.lit(None, kind).alias("date"))
    frame.write_parquet(tmp_path / "ratings.parquet")
    local = tastemap.load_data(tmp_path / "ratings.parquet")
    rows = clean(cluster, open_source(cluster, str(tmp_path / "ratings.parquet")), {})
    note = "Column 'date' is not used as the time: it is empty."
    assert note in rows.notes
    assert note in local.report.notes
    assert rows.n_kept == len(local.interactions) == 3


def test_executors_that_do_not_see_the_folder_load_the_copy(
    cluster: Cluster, saved: Path, tmp_path: Path
) -> None:
    folder = tastemap.save(tastemap.load(saved), tmp_path / "model")
    placed = place(cluster, folder)
    folder.rename(tmp_path / "elsewhere")  # as on another machine, whose executor joins now

    def count(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _ in batches:
            yield pa.RecordBatch.from_pydict({"n": [len(placed.load().users)]})

    found = cluster.spark.range(0, 8, 1, 8).mapInArrow(count, "n long").collect()
    assert [one["n"] for one in found] == [N_USERS] * 8


NEVER_STARTED = """
from pyspark import SparkContext
from tastemap.engines.spark import open_cluster
from tastemap.errors import EngineError

quick = {"spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
odd = {"spark.executor.memory": "1gg"}, {"spark.checkpoint.dir": "/dev/null/checkpoints"}
for master, settings in (("local[four]", {}), *(("local[1]", one) for one in odd)):
    try:
        with open_cluster(master, {**quick, **settings}):
            print("started")
    except EngineError as error:
        print(error)
    assert SparkContext._gateway is None, "the next one would get this Java, and its settings"
"""


def test_what_does_not_start_is_one_sentence_and_leaves_no_java_behind(java: str) -> None:
    done = subprocess.run([sys.executable, "-c", NEVER_STARTED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    begin, end = "Spark did not start on local[", "; check --master and each --conf."
    parts = ["local[four]", "Executor memory must be", "/dev/null"]
    for line, part in zip(done.stdout.splitlines(), parts, strict=True):
        assert line.startswith(begin)
        assert line.endswith(end)
        assert part in line.partition(": ")[2]


def test_where_java_ends_at_once_its_log_says_why(tmp_path: Path) -> None:
    from pyspark.errors import PySparkRuntimeError

    log = tmp_path / "driver.log"
    log.write_text(
        "WARNING: Using incubator modules: jdk.incubator.vector\nInvalid maximum heap size: -Xmx1gg\n"
        "Error: Could not create the Java Virtual Machine.\n"
        "Error: A fatal exception has occurred. Program will exit.\n"
    )
    with pytest.raises(EngineError) as caught, starting("local[1]", log):
        raise PySparkRuntimeError(errorClass="JAVA_GATEWAY_EXITED", messageParameters={})
    assert str(caught.value) == (
        "Spark did not start on local[1]: Invalid maximum heap size: -Xmx1gg; check --master and each --conf."
    )
