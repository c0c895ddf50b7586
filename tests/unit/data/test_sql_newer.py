"""Newer rows of a database are added to those that were read before: none is lost, none counts twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import tastemap as tm
from tastemap.data import DatabaseQuery, Dataset, load
from tastemap.data.sql.newer import add_newer
from tastemap.data.sql.sqlite import BATCH
from tastemap.errors import ColumnError, DataError, InvalidValueError
from tests.unit.data.shops import ROWS, add, execute, file_url, open_shop

LAST = ROWS[-1][3]


def saved_and_loaded(data: Dataset, folder: Path) -> Dataset:
    """The data as an artifact gives them back."""
    return tm.load(tm.save(tm.fit(data, "popularity"), folder)).train


@pytest.mark.parametrize("query", ["ratings", "SELECT user_id, item_id, rating AS count, ts FROM ratings"])
def test_what_is_added_makes_what_a_fit_of_all_rows_would_read(
    database_url: str, tmp_path: Path, query: str
) -> None:
    url = open_shop(database_url)
    source = DatabaseQuery(url, query)
    data = saved_and_loaded(load(source), tmp_path / "model")
    # The same second, the same pair, and even the same row once more: each is a row of its own.
    add(url, [(1, 1, 5, LAST), (99, 99, 3, LAST), (99, 99, 3, LAST), ROWS[-1], (1, 2, 4, LAST + 5)])
    first = add_newer(data, url)
    assert first.n_rows == 5
    again = saved_and_loaded(first.data, tmp_path / "model")
    assert add_newer(again, url).n_rows == 0
    assert add_newer(again, url).data is again
    add(url, [(1, 2, 2, LAST + 5), (3, 3, 1, LAST + 9)])
    second = add_newer(again, url)
    assert second.n_rows == 2
    whole = load(source)
    assert second.data.fingerprint == whole.fingerprint
    report = second.data.report
    assert (report.n_rows, report.n_kept, report.n_merged) == (
        whole.report.n_rows,
        whole.report.n_kept,
        whole.report.n_merged,
    )


def test_a_column_that_grows_serves_where_there_are_no_times(database_url: str) -> None:
    url = open_shop(database_url)
    source = DatabaseQuery(
        url, "SELECT user_id, item_id, rating, ts AS number FROM ratings", watermark="number"
    )
    data = load(source)
    assert data.interactions.timestamps is None
    add(url, [(0, 0, 5.0, LAST + 1)])
    found = add_newer(data, url)
    assert found.n_rows == 1
    assert found.data.fingerprint == load(source).fingerprint
    assert found.data.interactions.values[0] == 5.0  # the later row


@pytest.mark.parametrize("kind", ["timestamptz", "timestamp", "date", "text", "numeric", "double precision"])
def test_watermarks_of_any_type_find_what_is_newer(postgres_url: str, kind: str) -> None:
    url = open_shop(postgres_url, [])
    changed = "ts::text" if kind in ("text", "numeric", "double precision") else "to_timestamp(ts)"
    execute(url, f"ALTER TABLE ratings ALTER ts TYPE {kind} USING ({changed})::{kind}")
    day = "'2024-01-0{}'" if kind in ("timestamptz", "timestamp", "date", "text") else "170000000{}.125"
    execute(url, f"INSERT INTO ratings VALUES (1, 1, 1, {day.format(1)}), (1, 2, 5, {day.format(2)})")
    data = load(DatabaseQuery(url, "ratings"))
    execute(url, f"INSERT INTO ratings VALUES (2, 1, 2, {day.format(2)}), (2, 2, 3, {day.format(3)})")
    found = add_newer(data, url)
    assert found.n_rows == 2
    assert found.data.fingerprint == load(DatabaseQuery(url, "ratings")).fingerprint


def test_ids_that_become_text_are_text_throughout(tmp_path: Path) -> None:
    url = file_url(tmp_path / "shop.db")
    execute(url, "CREATE TABLE ratings (user_id, item_id, rating, ts)")
    add(url, [(1, 1, 1, 1), (2, 2, 5, 2)])
    data = load(DatabaseQuery(url, "ratings"))
    add(url, [("anna", 1, 3, 3)])
    assert add_newer(data, url).data.interactions.users.ids.to_list() == ["1", "2", "anna"]


def test_users_who_are_left_out_stay_out(database_url: str) -> None:
    url = open_shop(database_url)
    data = load(DatabaseQuery(url, "ratings"))
    add(url, [(77, 1, 3, LAST + 1), (78, 1, 3, LAST + 1)])
    found = add_newer(data, url, without=["77"])
    assert found.n_rows == 1
    assert 77 not in found.data.interactions.users.ids
    assert add_newer(found.data, url).n_rows == 0


def test_a_rating_outside_the_scale_ends_it(database_url: str) -> None:
    url = open_shop(database_url)
    data = load(DatabaseQuery(url, "ratings"))
    add(url, [(1, 1, 9.0, LAST + 1)])
    with pytest.raises(DataError, match="rating_scale is 1 to 5"):
        add_newer(data, url)


def test_data_without_a_watermark_say_what_to_do(database_url: str) -> None:
    url = open_shop(database_url)
    data = load(DatabaseQuery(url, "SELECT user_id, item_id, rating FROM ratings"))
    assert data.origin is None
    with pytest.raises(InvalidValueError, match="name a column that grows by --watermark"):
        add_newer(data, url)


def test_a_part_of_the_data_does_not_pass_for_the_whole(database_url: str) -> None:
    data = load(DatabaseQuery(open_shop(database_url), "ratings"))
    part = data.select(data.interactions.values > 2)
    assert data.origin is not None
    assert part.origin is None


def test_a_watermark_that_cannot_order_rows_is_refused(postgres_url: str) -> None:
    query = "SELECT user_id, item_id, rating, rating > 2 AS liked FROM ratings"
    with pytest.raises(ColumnError, match="watermark='liked' must be a column of numbers, texts or times"):
        load(DatabaseQuery(open_shop(postgres_url), query, watermark="liked"))
    with pytest.raises(ColumnError, match="watermark='no' is not a column of the query"):
        load(DatabaseQuery(postgres_url, query, watermark="no"))


def test_the_same_row_has_the_same_digest_however_its_column_was_read(tmp_path: Path) -> None:
    url = file_url(tmp_path / "shop.db")
    execute(url, "CREATE TABLE ratings (user_id, item_id, count, ts)")
    add(url, [(1, 1, 1, 1), (2, 2, 2, 9)])
    data = load(DatabaseQuery(url, "ratings"))
    add(url, [(3, 3, 2.5, 9)])  # the column is now one of floats
    found = add_newer(data, url)
    assert found.n_rows == 1
    assert found.data.origin is not None
    assert replace(found.data, origin=None).fingerprint == load(DatabaseQuery(url, "ratings")).fingerprint


@pytest.mark.parametrize("kind", ["real", "numeric", "text"])
def test_users_who_are_left_out_stay_out_however_their_ids_are_kept(database_url: str, kind: str) -> None:
    execute(
        database_url,
        f"CREATE TABLE ratings (user_id {kind}, item_id bigint, rating double precision, ts bigint)",
    )
    add(database_url, [(7, 1, 1, 1), (8, 2, 5, 2)])
    data = load(DatabaseQuery(database_url, "ratings"))
    name = str(data.interactions.users.ids[0])  # what the service knows the user by
    add(database_url, [(7, 2, 3, 3), (9, 2, 3, 3)])
    found = add_newer(data, database_url, without=[name])
    assert found.n_rows == 1
    assert len(found.data.interactions) == 3
    assert found.data.report.n_rows == 3
    assert add_newer(data, database_url, without=[name, str(found.data.interactions.users.ids[2])]).n_rows == 0


def test_users_who_are_left_out_stay_out_where_ids_become_text(tmp_path: Path) -> None:
    url = file_url(tmp_path / "shop.db")
    execute(url, "CREATE TABLE ratings (user_id, item_id, rating, ts)")
    add(url, [(9.0, 1, 1, 1), (2.0, 2, 5, 2)])
    data = load(DatabaseQuery(url, "ratings"))
    add(url, [(9.0, 2, 3, 3), (2.0, 1, 3, 3), ("anna", 1, 3, 3)])
    found = add_newer(data, url, without=["9"]).data
    assert found.interactions.users.ids.to_list() == ["2", "9", "anna"]
    assert len(found.interactions) == 4  # the row of 9 that was there is for the erasure itself to remove


@pytest.mark.parametrize("odd", ["infinity", "nan", None])
def test_rows_that_a_watermark_cannot_order_are_never_added(database_url: str, odd: str | None) -> None:
    execute(
        database_url,
        "CREATE TABLE ratings (user_id int, item_id int, rating double precision, grown double precision)",
    )
    add(database_url, [(1, 1, 1, 1.5), (2, 2, 5, 2.5), (3, 1, 2, None if odd is None else float(odd))])
    source = DatabaseQuery(
        database_url, "SELECT user_id, item_id, rating AS count, grown FROM ratings", watermark="grown"
    )
    data = load(source)
    assert add_newer(data, database_url).n_rows == 0
    add(database_url, [(4, 1, 2, None if odd is None else float(odd)), (5, 1, 2, 3.5)])
    found = add_newer(data, database_url)
    assert found.n_rows == 1
    assert add_newer(found.data, database_url).n_rows == 0


@pytest.mark.parametrize("kind", ["timestamp", "timestamptz", "date"])
def test_a_time_without_end_is_never_newer(postgres_url: str, kind: str) -> None:
    execute(
        postgres_url,
        f"CREATE TABLE ratings (user_id bigint, item_id bigint, count double precision, ts {kind})",
    )
    add(postgres_url, [(1, 1, 1, "2024-01-01"), (2, 2, 5, "2024-01-02"), (3, 1, 2, "infinity")])
    data = load(DatabaseQuery(postgres_url, "ratings"))
    assert add_newer(data, postgres_url).n_rows == 0
    add(postgres_url, [(4, 1, 2, "infinity"), (5, 1, 2, "2024-01-03")])
    found = add_newer(data, postgres_url)
    assert (found.n_rows, len(found.data.interactions)) == (1, 3)
    assert add_newer(found.data, postgres_url).n_rows == 0


def test_a_watermark_of_text_grows_by_its_bytes_whatever_its_collation(tmp_path: Path) -> None:
    url = file_url(tmp_path / "shop.db")
    execute(
        url, "CREATE TABLE ratings (user_id int, item_id int, count int, grown text COLLATE NOCASE, at int)"
    )
    many = "INSERT INTO ratings VALUES (?, ?, ?, ?, 1)"
    execute(url, many, [(1, 1, 1, "A1"), (2, 2, 5, "a1"), (3, 1, 2, "B1")])
    data = load(DatabaseQuery(url, "ratings", watermark="grown"))
    assert add_newer(data, url).n_rows == 0
    execute(url, many, [(4, 1, 2, "a1"), (5, 1, 2, "a2")])
    found = add_newer(data, url)
    assert found.n_rows == 2
    assert add_newer(found.data, url).n_rows == 0


def test_a_text_beside_numbers_that_grow_is_never_newer(tmp_path: Path) -> None:
    url = file_url(tmp_path / "shop.db")
    execute(url, "CREATE TABLE ratings (user_id, item_id, count, grown)")
    add(url, [(1, 1, 1, 8), (2, 2, 5, 9)])
    data = load(DatabaseQuery(url, "ratings", watermark="grown"))
    add(url, [(3, 1, 2, "soon"), (4, 1, 2, 9), (5, 1, 2, 10)])
    found = add_newer(data, url)
    assert found.n_rows == 2
    assert add_newer(found.data, url).n_rows == 0


def test_a_new_row_without_a_time_is_dropped_as_a_load_does(database_url: str) -> None:
    execute(
        database_url,
        "CREATE TABLE ratings (user_id bigint, item_id bigint, rating double precision, ts bigint, id bigint)",
    )
    many = "INSERT INTO ratings VALUES (?, ?, ?, ?, ?)"
    execute(database_url, many, [(1, 1, 1, LAST, 1), (2, 2, 5, LAST, 2)])
    source = DatabaseQuery(database_url, "ratings", watermark="id")
    data = load(source)
    execute(database_url, many, [(3, 1, 2, None, 3)])
    found = add_newer(data, database_url)
    assert found.data.report.dropped == load(source).report.dropped == {"no time": 1}
    assert found.data.fingerprint == load(source).fingerprint
    assert add_newer(found.data, database_url).n_rows == 0


def test_whole_floats_beside_a_text_are_written_as_whole_numbers(tmp_path: Path) -> None:
    url = file_url(tmp_path / "shop.db")
    execute(url, "CREATE TABLE ratings (user_id, item_id, rating, ts)")
    add(url, [(float(row), 1, 3, 1) for row in range(BATCH)])
    add(url, [(1.5, 1, 3, 1), (2.0, 2, 4, 1), ("anna", 1, 5, 2)])  # another batch than the whole ones
    ids = load(DatabaseQuery(url, "ratings")).interactions.users.ids
    assert len(ids) == BATCH + 2
    assert {"0", "1.5", "2", str(BATCH - 1), "anna"} <= set(ids)


@pytest.mark.parametrize("column", ["user_id", "ts"])
def test_a_column_that_was_renamed_since_is_one_sentence(database_url: str, column: str) -> None:
    data = load(DatabaseQuery(open_shop(database_url), "ratings"))
    execute(database_url, f"ALTER TABLE ratings RENAME COLUMN {column} TO {column}s")
    add(database_url, [(1, 1, 5, LAST + 1)])
    with pytest.raises(ColumnError, match=rf"no column '{column}' in .*Did you mean {column}s\?"):
        add_newer(data, database_url)


def test_rows_that_are_gone_leave_nothing_newer(database_url: str) -> None:
    data = load(DatabaseQuery(open_shop(database_url), "ratings"))
    execute(database_url, f"DELETE FROM ratings WHERE ts = {LAST}")
    newer = add_newer(data, database_url)
    assert (newer.n_rows, newer.data) == (0, data)
