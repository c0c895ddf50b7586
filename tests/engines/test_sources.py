"""Spark reads each kind of source as a local load does, and says in a sentence what it cannot read."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from pyarrow import orc

import tastemap
from tastemap.data import DatabaseQuery
from tastemap.engines.spark import Cluster, fit
from tastemap.engines.spark.encode import clean
from tastemap.engines.spark.fit import read_train
from tastemap.engines.spark.read import FETCHED_ROWS, open_source
from tastemap.errors import ColumnError, DataError, EngineError, SourceNotFoundError
from tests.cutting import cut
from tests.engines.cluster import executors
from tests.engines.rows import same
from tests.postgres import CAREFUL
from tests.postgres import Cluster as Postgres
from tests.unit.data.shops import ROWS, execute, file_url, open_shop

SMALL = {"n_factors": 2, "n_epochs": 4}
QUERY = "SELECT user_id, item_id, rating, ts FROM ratings"
COUNTING = "SELECT user_id, item_id, rating, 1700000000 + nextval('reads') AS ts FROM ratings"
"""Counts how often a row is read, in a sequence `reads`."""
PASSWORD = "geheim"
COLUMNS = ["user_id", "item_id", "rating", "ts"]
RATINGS = pl.DataFrame([*ROWS, (0, 0, 5, 1_800_000_000)], schema=COLUMNS, orient="row")
"""With a pair that is rated twice."""

by_jdbc = pytest.mark.usefixtures("jdbc_driver")


def a_table_of_the_catalog(cluster: Cluster, folder: Path) -> str:
    RATINGS.write_parquet(folder / "moved.parquet")
    cluster.spark.read.parquet(str(folder / "moved.parquet")).write.saveAsTable("purchases")
    return "table:purchases"


def a_folder_of_parquet(cluster: Cluster, folder: Path) -> str:
    (folder / "ratings").mkdir()
    for number, part in enumerate((RATINGS[:500], RATINGS[500:])):
        part.write_parquet(folder / "ratings" / f"{number}.parquet")
    return str(folder / "ratings")


def an_orc_file(cluster: Cluster, folder: Path) -> str:
    orc.write_table(RATINGS.to_arrow(), folder / "ratings.orc")
    return str(folder / "ratings.orc")


def json_lines(cluster: Cluster, folder: Path) -> str:
    RATINGS.write_ndjson(folder / "ratings.jsonl")
    return str(folder / "ratings.jsonl")


def a_database_that_the_driver_reads(cluster: Cluster, folder: Path) -> str:
    return open_shop(file_url(folder / "shop.db"), RATINGS.rows())


SOURCES = [
    a_table_of_the_catalog,
    a_folder_of_parquet,
    an_orc_file,
    json_lines,
    a_database_that_the_driver_reads,
]


@pytest.mark.parametrize("write", SOURCES, ids=lambda write: str(write.__name__))
def test_a_source_has_the_rows_of_a_local_load(
    cluster: Cluster, tmp_path: Path, write: Callable[[Cluster, Path], str]
) -> None:
    RATINGS.write_parquet(tmp_path / "local.parquet")
    local = tastemap.load_data(tmp_path / "local.parquet")
    source = write(cluster, tmp_path)
    query = "ratings" if source.startswith("sqlite:") else None
    _, train = read_train(cluster, source, query)
    assert same(train.interactions, local.interactions)
    assert (train.report.n_rows, train.report.n_merged) == (len(RATINGS), 1)


def test_a_data_set_that_the_driver_reads_keeps_its_catalog(cluster: Cluster) -> None:
    local = tastemap.load_data("ml-100k:u1.train")
    _, train = read_train(cluster, "ml-100k:u1.train")
    assert same(train.interactions, local.interactions)
    assert train.catalog.frame.equals(local.catalog.frame)
    assert train.name == local.name


def address(url: str, **options: str) -> str:
    """The same database for Java, as the user of the tests unless the options name another."""
    host = url.partition("@")[2]
    given = {"user": "tastemap", **options}
    return f"jdbc:postgresql://{host}?" + "&".join(f"{name}={value}" for name, value in given.items())


@by_jdbc
def test_rows_come_by_jdbc_as_a_local_load_reads_them(cluster: Cluster, postgres_url: str) -> None:
    open_shop(postgres_url)
    local = tastemap.load_data(DatabaseQuery(postgres_url, "ratings"))
    _, train = read_train(cluster, address(postgres_url), QUERY)
    assert same(train.interactions, local.interactions)


@by_jdbc
def test_a_database_is_asked_for_each_row_once_so_that_later_rows_are_in_no_pass(
    cluster: Cluster, postgres_url: str
) -> None:
    open_shop(postgres_url)
    execute(postgres_url, "CREATE SEQUENCE reads")
    _, train = read_train(cluster, address(postgres_url), COUNTING)
    assert execute(postgres_url, "SELECT last_value FROM reads") == [(len(ROWS),)]
    times = train.interactions.timestamps
    assert times is not None
    assert sorted(times.tolist()) == [1_700_000_001 + place for place in range(len(ROWS))]


@by_jdbc
def test_executors_that_are_lost_do_not_ask_a_database_again(cluster: Cluster, postgres_url: str) -> None:
    open_shop(postgres_url)
    execute(postgres_url, "CREATE SEQUENCE reads")
    read = clean(cluster, open_source(cluster, address(postgres_url), COUNTING), {})
    for one in executors(os.getpid()):
        os.kill(one, signal.SIGKILL)
    assert read.frame.count() == len(ROWS)
    assert execute(postgres_url, "SELECT last_value FROM reads") == [(len(ROWS),)]


@by_jdbc
def test_a_database_sends_a_portion_of_the_rows_at_a_time(
    cluster: Cluster, postgres: Postgres, postgres_url: str
) -> None:
    open_shop(postgres_url)
    more = 2 * FETCHED_ROWS + FETCHED_ROWS // 2
    execute(postgres_url, f"INSERT INTO ratings SELECT i, i, 3, i FROM generate_series(1, {more}) AS i")
    log = postgres.folder / "log"
    before = len(log.read_bytes())
    told = address(postgres_url, options="-c%20log_statement=all")
    read = clean(cluster, open_source(cluster, told, QUERY), {})
    assert read.n_rows == len(ROWS) + more
    assert log.read_bytes()[before:].count(b"execute fetch from") == 2


@by_jdbc
def test_a_wrong_password_is_one_sentence_without_it(
    cluster: Cluster, postgres: Postgres, postgres_url: str
) -> None:
    with postgres.careful("another"), pytest.raises(EngineError) as caught:
        fit(cluster, address(postgres_url, user=CAREFUL, password=PASSWORD), "als", query=QUERY)
    assert caught.value.message == (
        "Spark cannot read jdbc:postgresql:…: the database refuses this user or password; check both."
    )


@by_jdbc
@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT user_id, item_id, rating FROM ratingz", 'relation "ratingz" does not exist'),
        ("SELECT user_id, rating FROM ratings", "item"),
    ],
)
def test_a_query_that_does_not_fit_is_one_sentence(
    cluster: Cluster, postgres_url: str, query: str, said: str
) -> None:
    open_shop(postgres_url)
    with pytest.raises(Exception, match=said) as caught:
        fit(cluster, address(postgres_url), "als", query=query)
    assert "\n" not in str(caught.value)


@by_jdbc
def test_a_database_that_is_gone_is_one_sentence(cluster: Cluster) -> None:
    with pytest.raises(EngineError, match="the database does not answer; check host and port"):
        fit(cluster, address("postgresql://me@127.0.0.1:1/shop", password=PASSWORD), "als", query=QUERY)


@by_jdbc
def test_a_connection_cut_while_reading_ends_the_fit_in_one_sentence(
    cluster: Cluster, postgres: Postgres, postgres_url: str
) -> None:
    open_shop(postgres_url)
    execute(postgres_url, "INSERT INTO ratings SELECT i, i, 3, i FROM generate_series(1, 100000) AS i")
    with (
        cut(postgres, postgres_url, after_bytes=400_000, to_server=False) as url,
        pytest.raises(EngineError) as caught,
    ):
        fit(cluster, address(url, password=PASSWORD), "als", query=QUERY, settings=SMALL)
    assert caught.value.message.startswith("Spark gave up: ")
    assert "\n" not in caught.value.message
    assert PASSWORD not in caught.value.message


@pytest.mark.parametrize(
    ("source", "error", "said"),
    [
        ("table:ratingz", SourceNotFoundError, "Did you mean ratings?"),
        ("missing.parquet", SourceNotFoundError, "There is no file or folder"),
        ("jdbc:nothing://user:geheim@host/db?password=geheim", EngineError, "no JDBC driver"),
    ],
)
def test_a_source_that_is_not_there_is_one_sentence(
    cluster: Cluster, source: str, error: type[Exception], said: str
) -> None:
    cluster.spark.range(3).createOrReplaceTempView("ratings")
    query = "select 1" if source.startswith("jdbc:") else None
    with pytest.raises(error, match=said.replace("?", r"\?")) as caught:
        fit(cluster, source, "als", query=query)
    assert "geheim" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("column", "values", "error", "said"),
    [
        ("rating", ["5", "good", "3"], DataError, "Got 'good' in 1 rows"),
        ("user_id", [1.5, 2.0, 3.0], ColumnError, "must hold ids"),
        ("user_id", [Decimal("1.2"), Decimal("1.5"), Decimal(2)], ColumnError, "with fractions"),
        ("rating", [[1], [2], [3]], ColumnError, "must hold numbers"),
    ],
)
def test_odd_columns_are_refused_by_name(
    cluster: Cluster, tmp_path: Path, column: str, values: list[object], error: type[Exception], said: str
) -> None:
    frame = pl.DataFrame({"user_id": [1, 2, 3], "item_id": [1, 2, 2], "rating": [1.0, 2.0, 5.0]})
    frame.with_columns(pl.Series(column, values)).write_parquet(tmp_path / "odd.parquet")
    with pytest.raises(error, match=said):
        fit(cluster, str(tmp_path / "odd.parquet"), "als")


def test_lines_with_too_many_fields_are_refused_and_quoted_line_breaks_kept(
    cluster: Cluster, tmp_path: Path
) -> None:
    path = tmp_path / "ratings.csv"
    rows = 'user,item,rating\nann,"x\ny",3\nbob,"x\ny",5\nann,z,4\n'
    path.write_text(rows)
    made = fit(cluster, str(path), "als", settings=SMALL, rng=0).train.interactions
    assert same(made, tastemap.load_data(path).interactions)
    path.write_text(rows + "bob,z,2,surplus\n")
    with pytest.raises(DataError, match="a line has more fields than the 3"):
        fit(cluster, str(path), "als", settings=SMALL)
