"""Reading interactions from databases: columns, types, mistakes; what holds for both kinds is asked of both."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tastemap.data import DatabaseQuery, check, load
from tastemap.errors import (
    ColumnError,
    DatabaseError,
    DataError,
    InvalidValueError,
    SourceNotFoundError,
    TastemapError,
)
from tests.unit.data.shops import ROWS, execute, file_url, open_shop


@pytest.fixture
def shop(database_url: str) -> str:
    """A database with ratings, of each kind."""
    return open_shop(database_url)


def test_a_table_gives_what_the_same_rows_in_a_file_give(shop: str, tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    pl.DataFrame(ROWS, schema=["user_id", "item_id", "rating", "ts"], orient="row").write_csv(path)
    from_file, from_table = load(path), load(DatabaseQuery(shop, "ratings"))
    assert from_table.fingerprint == from_file.fingerprint
    assert from_table.report == from_file.report


def test_a_statement_chooses_rows_and_names_columns(shop: str) -> None:
    mine = "SELECT user_id AS who, item_id AS what, rating FROM ratings"
    query = f"-- a comment\nWITH mine AS ({mine}) SELECT * FROM mine -- and one more"
    data = load(DatabaseQuery(shop, query), user_col="who", item_col="what")
    assert len(data.interactions) == len(ROWS)
    assert data.interactions.timestamps is None


def test_only_the_columns_that_count_are_read(shop: str) -> None:
    # The other column holds what no reader takes.
    unread = "'\\x00'::bytea" if shop.startswith("postgres") else "x'00'"
    data = load(DatabaseQuery(shop, f"SELECT user_id, item_id, rating, {unread} AS photo FROM ratings"))
    assert len(data.interactions) == len(ROWS)


def test_the_check_of_data_looks_at_a_table(shop: str) -> None:
    report = check(DatabaseQuery(shop, "ratings"))
    assert report.figures is not None
    assert report.figures.n_rows == len(ROWS)


def test_missing_ids_and_times_are_counted(shop: str) -> None:
    execute(
        shop,
        "INSERT INTO ratings VALUES (?, ?, ?, ?)",
        [(None, 1, 2.0, 3), (1, None, 2.0, 3), (1, 2, 2.0, None)],
    )
    report = load(DatabaseQuery(shop, "ratings")).report
    assert report.dropped == {"no user id": 1, "no item id": 1, "no time": 1}
    assert report.n_rows == len(ROWS) + 3


@pytest.mark.parametrize(
    ("query", "kind", "said"),
    [
        (None, InvalidValueError, "Tables: ratings."),
        ("  ", InvalidValueError, "Tables: ratings."),
        ("rating", SourceNotFoundError, "has no table 'rating'. Did you mean ratings?"),
        ("SELECT * FROM nothing_like_it", SourceNotFoundError, "Tables: ratings."),
        ("SELECT usr_id FROM ratings", ColumnError, "user_id"),
        ("DELETE FROM ratings", InvalidValueError, "query must only read"),
        ("SELECT 1; DROP TABLE ratings", InvalidValueError, "cannot be run"),
        ("SELECT user_id FROM ratings) AS q; DROP TABLE ratings; --", InvalidValueError, "cannot be run"),
        ("SELECT rating FROM", InvalidValueError, "cannot be run"),
        ("SELECT user_id, rating FROM ratings", ColumnError, "no item column"),
    ],
)
def test_a_wrong_query_is_one_sentence_and_changes_nothing(
    shop: str, query: str | None, kind: type[TastemapError], said: str
) -> None:
    with pytest.raises(kind) as raised:
        load(DatabaseQuery(shop, query))
    assert said in raised.value.message
    assert execute(shop, "SELECT count(*) FROM ratings") == [(len(ROWS),)]


def test_a_function_that_writes_is_refused(postgres_url: str) -> None:
    open_shop(postgres_url)
    execute(postgres_url, "CREATE SEQUENCE numbers")
    with pytest.raises(InvalidValueError, match="query must only read"):
        load(DatabaseQuery(postgres_url, "SELECT nextval('numbers') AS user_id, item_id FROM ratings"))


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        ("user_id::text", ["1", "2"]),
        ("user_id::smallint", [1, 2]),
        ("user_id::numeric", [1, 2]),
        (
            "('0000000000000000000000000000000' || user_id)::uuid",
            [f"00000000-0000-0000-0000-00000000000{n}" for n in "12"],
        ),
        ("user_id::text::varchar(9)", ["1", "2"]),
        ("user_id::text::char(9)", ["1", "2"]),
        ("(ARRAY['b', 'a'])[user_id]::letter", ["a", "b"]),
    ],
)
def test_ids_of_any_kind_become_integers_or_text(postgres_url: str, expression: str, ids: list[object]) -> None:
    open_shop(postgres_url, [(1, 1, 1.0, 1), (2, 1, 5.0, 1)])
    execute(postgres_url, "CREATE TYPE letter AS ENUM ('a', 'b')")
    data = load(DatabaseQuery(postgres_url, f"SELECT {expression} AS user_id, item_id, rating FROM ratings"))
    assert data.interactions.users.ids.to_list() == ids


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [
        ("to_timestamp(1700000000.25)", 1_700_000_000),
        ("to_timestamp(1700000000) AT TIME ZONE 'UTC'", 1_700_000_000),
        ("DATE '2023-11-14'", 1_699_920_000),
        ("1700000000000", 1_700_000_000),
        ("'2023-11-14T22:13:20Z'", 1_700_000_000),
        ("1700000000::numeric(20, 3)", 1_700_000_000),
    ],
)
def test_times_of_any_kind_become_seconds(postgres_url: str, expression: str, seconds: int) -> None:
    open_shop(postgres_url)
    execute(postgres_url, "ALTER DATABASE " + postgres_url.rpartition("/")[2] + " SET TimeZone = 'Asia/Tokyo'")
    data = load(
        DatabaseQuery(postgres_url, f"SELECT user_id, item_id, rating, {expression} AS ts FROM ratings")
    )
    assert data.interactions.timestamps is not None
    assert set(data.interactions.timestamps.tolist()) == {seconds}


def test_booleans_are_values_but_no_ids(postgres_url: str) -> None:
    open_shop(postgres_url)
    liked = "SELECT user_id, item_id, rating > 2 AS rating FROM ratings"
    assert set(load(DatabaseQuery(postgres_url, liked)).interactions.values.tolist()) == {0.0, 1.0}
    with pytest.raises(ColumnError, match="must hold ids"):
        load(DatabaseQuery(postgres_url, "SELECT user_id > 2 AS user_id, item_id FROM ratings"))


@pytest.mark.parametrize(
    ("expression", "type_name"),
    [
        ("ARRAY[1]", r"integer\[\]"),
        ("'{}'::jsonb", "jsonb"),
        ("'\\x00'::bytea", "bytea"),
        ("now() - now()", "interval"),
    ],
)
def test_other_types_are_refused_by_name(postgres_url: str, expression: str, type_name: str) -> None:
    open_shop(postgres_url)
    with pytest.raises(ColumnError, match=f"Column 'item_id' of .* has the type {type_name}"):
        load(DatabaseQuery(postgres_url, f"SELECT user_id, {expression} AS item_id FROM ratings"))


def test_a_rating_that_is_no_number_names_its_row(postgres_url: str) -> None:
    open_shop(postgres_url)
    with pytest.raises(DataError, match="must be a finite number"):
        load(DatabaseQuery(postgres_url, "SELECT user_id, item_id, 'NaN'::real AS rating FROM ratings"))


def test_two_columns_of_one_name_are_refused(postgres_url: str) -> None:
    open_shop(postgres_url)
    with pytest.raises(ColumnError, match="two columns 'user_id'; name one of them anew"):
        load(DatabaseQuery(postgres_url, "SELECT * FROM ratings AS a JOIN ratings AS b USING (item_id)"))


def test_sqlite_columns_of_several_types_become_one(tmp_path: Path) -> None:
    url = file_url(tmp_path / "shop.db")
    execute(url, "CREATE TABLE ratings (user_id, item_id, rating)")
    execute(url, "INSERT INTO ratings VALUES (?, ?, ?)", [(1, "x", 1), ("a", "7", 4.5)])
    rows = load(DatabaseQuery(url, "ratings")).interactions
    assert rows.users.ids.to_list() == ["1", "a"]
    assert rows.items.ids.to_list() == ["7", "x"]
    assert sorted(rows.values.tolist()) == [1.0, 4.5]


def test_bytes_in_sqlite_are_refused(tmp_path: Path) -> None:
    url = file_url(tmp_path / "shop.db")
    execute(url, "CREATE TABLE ratings (user_id, item_id)")
    execute(url, "INSERT INTO ratings VALUES (?, ?)", [(1, b"x")])
    with pytest.raises(ColumnError, match=r"holds bytes \(BLOB\).*CAST\(item_id AS TEXT\)"):
        load(DatabaseQuery(url, "ratings"))


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    open_shop(file_url(tmp_path / "shop.db"))
    with pytest.raises(SourceNotFoundError, match=r"Did you mean shop\.db\?"):
        load(DatabaseQuery(file_url(tmp_path / "shp.db"), "ratings"))
    (tmp_path / "notes.db").write_text("no database at all")
    with pytest.raises(DatabaseError, match="it is no SQLite database"):
        load(DatabaseQuery(file_url(tmp_path / "notes.db"), "ratings"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.db", "shop.db"]


def test_other_urls_are_refused_without_being_shown() -> None:
    with pytest.raises(InvalidValueError) as raised:
        load("mysql://root:hidden@host/db")
    assert raised.value.message == (
        "source must be sqlite:///FILE or postgresql://USER@HOST/NAME. Got the scheme 'mysql'."
    )


def test_the_long_form_of_a_url_is_taken(postgres_url: str) -> None:
    url = open_shop(postgres_url).replace("postgresql:", "postgresql+psycopg:")
    assert len(load(DatabaseQuery(url, "ratings")).interactions) == len(ROWS)
