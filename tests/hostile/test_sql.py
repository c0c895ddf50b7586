"""Reading from and writing to databases when things go wrong: kills, cut connections, passwords."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import traceback
from functools import partial
from pathlib import Path

import polars as pl
import pytest

import tastemap as tm
from tastemap.data import DatabaseQuery, load, write_rows
from tastemap.errors import (
    DatabaseError,
    InvalidValueError,
    MissingExtraError,
    TastemapError,
    without_passwords,
)
from tests.cutting import cut
from tests.postgres import CAREFUL, Cluster
from tests.unit.data.shops import ROWS, execute, file_url, open_shop

PASSWORD = "p4ss-w0rd/%&"
QUOTED = "p4ss-w0rd%2F%25%26"
OLD = pl.DataFrame({"user_id": [1, 1], "item_id": ["a", "b"], "rank": [1, 2], "score": [0.5, 0.25]})

# Replaces the rows of a table of the database argv[1]; says when it is about to.
WRITES = """
import sys
import polars as pl
from tastemap.data import write_rows
n = 2_000_000
users = pl.int_range(n, eager=True)
frame = pl.DataFrame({"user_id": users, "item_id": ["new"] * n, "rank": [1] * n, "score": [1.0] * n})
print("now", flush=True)
write_rows(frame, sys.argv[1], "lists")
print("done", flush=True)
"""


def rows_of(url: str) -> list[tuple[object, ...]]:
    return execute(url, "SELECT user_id, item_id, rank, score FROM lists ORDER BY rank")


@pytest.mark.parametrize("after_s", [0.0, 0.15, 0.4])
def test_a_kill_while_rows_are_replaced_leaves_the_old_ones(database_url: str, after_s: float) -> None:
    write_rows(OLD, database_url, "lists")
    process = subprocess.Popen([sys.executable, "-c", WRITES, database_url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "now\n"
    time.sleep(after_s)
    if not database_url.startswith("sqlite"):  # whose readers wait for who writes much
        assert rows_of(database_url) == OLD.rows()
    os.kill(process.pid, signal.SIGKILL)
    said, _ = process.communicate()
    assert said == ""
    assert rows_of(database_url) == OLD.rows()
    write_rows(OLD.head(1), database_url, "lists")
    assert rows_of(database_url) == OLD.head(1).rows()


def test_rows_that_fail_midway_leave_the_old_ones(database_url: str) -> None:
    write_rows(OLD, database_url, "lists")
    twice = pl.concat([OLD, OLD])  # against the primary key
    with pytest.raises(DatabaseError, match="The rows of lists are as they were"):
        write_rows(twice, database_url, "lists")
    assert rows_of(database_url) == OLD.rows()


def test_a_table_of_something_else_is_never_emptied(database_url: str) -> None:
    open_shop(database_url)
    with pytest.raises(InvalidValueError, match="table ratings is there and has no column rank, score"):
        write_rows(OLD, database_url, "ratings")
    assert execute(database_url, "SELECT count(*) FROM ratings") == [(len(ROWS),)]


def test_a_schema_may_stand_before_the_name_of_a_table(database_url: str) -> None:
    schema = "main" if database_url.startswith("sqlite") else "public"
    for frame in (OLD.head(1), OLD):  # into a table that is made, and into one that is there
        write_rows(frame, database_url, f"{schema}.lists")
        assert rows_of(database_url) == frame.rows()
    assert execute(database_url, f"SELECT count(*) FROM {schema}.lists") == [(len(OLD),)]


@pytest.mark.parametrize("name", ["temp.lists", "shop.lists"])
def test_another_schema_than_the_file_has_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        InvalidValueError, match=r"must be in its only schema, main\. Got .*; leave (temp|shop) out"
    ):
        write_rows(OLD, file_url(tmp_path / "shop.db"), name)
    assert not (tmp_path / "shop.db").exists()


def test_rights_and_further_columns_of_a_table_stay(postgres_url: str) -> None:
    write_rows(OLD, postgres_url, "lists")
    execute(postgres_url, "ALTER TABLE lists ADD made timestamptz DEFAULT now()")
    execute(postgres_url, "CREATE VIEW tops AS SELECT * FROM lists WHERE rank = 1")
    write_rows(OLD.with_columns(score=pl.col("score") + 1), postgres_url, "lists")
    assert execute(postgres_url, "SELECT score, made IS NOT NULL FROM tops") == [(1.5, True)]


def test_texts_come_back_as_they_were_written(database_url: str) -> None:
    texts = [
        'quo"te',
        "com,ma",
        "line\nbreak",
        "",
        "NULL",
        "\\N",
        "\\.",
        "ä–字",
        None,
        "'; DROP TABLE lists; --",
    ]
    frame = pl.DataFrame({"user_id": range(len(texts)), "rank": [1] * len(texts), "title": texts})
    write_rows(frame, database_url, "odd")
    assert [row[0] for row in execute(database_url, "SELECT title FROM odd ORDER BY user_id")] == texts


def test_a_connection_cut_while_reading_is_one_sentence(postgres: Cluster, postgres_url: str) -> None:
    open_shop(postgres_url)
    execute(postgres_url, "INSERT INTO ratings SELECT i, i, 3, i FROM generate_series(1, 100000) AS i")
    with (
        cut(postgres, postgres_url, after_bytes=400_000, to_server=False) as url,
        pytest.raises(DatabaseError) as raised,
    ):
        load(DatabaseQuery(url, "ratings"))
    assert "was lost: " in raised.value.message
    assert raised.value.message.endswith("Nothing was kept; run the command again.")


def test_a_connection_cut_while_writing_leaves_the_old_rows(postgres: Cluster, postgres_url: str) -> None:
    write_rows(OLD, postgres_url, "lists")
    n = 100_000
    new = pl.DataFrame({"user_id": range(n), "item_id": ["new"] * n, "rank": [1] * n, "score": [1.0] * n})
    with (
        cut(postgres, postgres_url, after_bytes=400_000, to_server=True) as url,
        pytest.raises(DatabaseError) as raised,
    ):
        write_rows(new, url, "lists")
    assert raised.value.message.endswith("The rows of lists are as they were; run the command again.")
    assert rows_of(postgres_url) == OLD.rows()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://careful:{password}@127.0.0.1:{port}/postgres",
        "postgresql://careful@127.0.0.1:{port}/postgres?password={password}",
        "postgresql://tastemap:{password}@127.0.0.1:{port}/nowhere",
        "postgresql://tastemap:{password}@127.0.0.1:1/postgres",
        "postgresql://tastemap:{password}@127.0.0.1:{port}x/postgres",
        "postgresql://tastemap:{password}@127.0.0.1:{port}/postgres?sslmode={password}",
        "mysql://tastemap:{password}@127.0.0.1/db",
    ],
)
@pytest.mark.parametrize("writes", [False, True])
def test_a_password_is_in_no_message(postgres: Cluster, url: str, writes: bool) -> None:
    given = url.format(password=QUOTED, port=postgres.port)
    attempt = (
        partial(write_rows, OLD, given, "lists") if writes else partial(load, DatabaseQuery(given, "ratings"))
    )
    with pytest.raises(TastemapError) as raised:
        attempt()
    told = "".join(traceback.format_exception(raised.value))
    assert PASSWORD not in told
    assert QUOTED not in told


def test_a_query_shows_its_url_without_the_password() -> None:
    for url in (f"postgresql://me:{QUOTED}@host/shop", f"postgresql://me@host/shop?password={QUOTED}"):
        query = DatabaseQuery(url, "ratings")
        assert QUOTED not in repr(query) + str(query) + without_passwords(url)


def test_a_password_is_in_no_file_of_the_artifact(postgres: Cluster, tmp_path: Path) -> None:
    with postgres.careful(PASSWORD), postgres.database() as url:
        url = open_shop(url).replace("tastemap@", f"{CAREFUL}:{QUOTED}@")
        folder = tm.save(tm.fit(load(DatabaseQuery(url, "ratings")), "bias"), tmp_path / "model")
        kept = b"".join(path.read_bytes() for path in folder.iterdir())
    assert b'"watermark": "ts"' in kept
    for secret in (PASSWORD, QUOTED, CAREFUL, "127.0.0.1", str(tmp_path)):
        assert secret.encode() not in kept


def test_without_psycopg_the_sentence_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'tastemap\[sql\]'"):
        load(DatabaseQuery("postgresql://localhost/shop", "ratings"))


def test_sqlite_that_may_not_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "shop.db").mkdir()
    with pytest.raises(DatabaseError, match="The rows of lists are as they were"):
        write_rows(OLD, file_url(tmp_path / "shop.db"), "lists")
