"""What is read in blocks and kept on disk is what is read at once, row by row and word by word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tastemap.data import Dataset, load, load_blocks, row_blocks
from tastemap.errors import DataError, StorageError, TastemapError
from tastemap.linalg.placement import OnDisk

SMALLEST = 1  # bytes of memory: every table is too large


@pytest.fixture(autouse=True)
def blocks_of_seven(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few rows a block that a small table has many."""
    monkeypatch.setattr(load_blocks, "SMALLEST_BLOCK", 7)
    monkeypatch.setattr(load_blocks, "LARGEST_BLOCK", 7)


def assert_same(found: Dataset, expected: Dataset) -> None:
    assert isinstance(found.interactions.placement, OnDisk)
    assert found.fingerprint == expected.fingerprint
    assert found.interactions.users == expected.interactions.users
    assert found.interactions.items == expected.interactions.items
    assert found.report == expected.report
    ours, theirs = found.interactions.by_item, expected.interactions.by_item
    for name in ("indptr", "indices", "values"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name))


IDS = {
    "numbers": st.integers(-50, 50).map(str),
    "text": st.sampled_from(["a", "b", "u 1", "é", "Z", "zz", "1x"]),
    "padded": st.sampled_from(["7", "07", "007", "1", "2"]),
}
TIMES = {
    "seconds": st.integers(1_000_000_000, 1_000_000_050).map(str),
    "milliseconds": st.integers(1_000_000_000_000, 1_000_000_009_999).map(str),
    "iso": st.sampled_from(["2020-01-01", "2020-01-02T10:00:00Z", "2021-05-05 01:02:03"]),
    "useless": st.just("n/a"),
    "some": st.sampled_from(["1000000000", "1000000001", ""]),
}


@pytest.mark.parametrize("ids", sorted(IDS))
@pytest.mark.parametrize("times", sorted(TIMES))
@pytest.mark.parametrize("has_ratings", [True, False])
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_text_tables(
    ids: str, times: str, has_ratings: bool, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    field = st.tuples(IDS[ids], IDS[ids], st.integers(1, 5).map(str), TIMES[times])
    rows = data.draw(st.lists(field, min_size=1, max_size=60))
    header = ("user", "item", "rating", "timestamp")
    lines = [header, *rows] if has_ratings else [(*row[:2], row[3]) for row in [header, *rows]]
    path = tmp_path_factory.mktemp("table") / "table.csv"
    path.write_text("".join(",".join(line) + "\n" for line in lines))
    try:
        expected = load(path)
    except TastemapError as error:
        with pytest.raises(type(error)):
            load(path, max_memory=SMALLEST)
        return
    assert_same(load(path, max_memory=SMALLEST), expected)


def test_typed_tables_of_other_types(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    frame = pl.DataFrame(
        {
            "user_id": rng.integers(0, 9, 100).astype(np.uint16),
            "item_id": pl.Series(rng.integers(0, 20, 100)).cast(pl.String).cast(pl.Categorical),
            "rating": rng.integers(1, 11, 100) / 2,
            "timestamp": pl.from_epoch(pl.Series(rng.integers(10**9, 10**9 + 99, 100))),
        }
    )
    path = tmp_path / "table.parquet"
    frame.write_parquet(path, row_group_size=11)
    assert_same(load(path, max_memory=SMALLEST), load(path))


@pytest.mark.parametrize("times", ["2020-01-01", "1577836800"])
def test_blocks_without_a_time_among_others(tmp_path: Path, times: str) -> None:
    path = tmp_path / "table.csv"
    rows = [f"u{row},i{row % 5},3,{'' if row < 30 or row % 3 == 0 else times}" for row in range(60)]
    path.write_text("user,item,rating,timestamp\n" + "\n".join(rows) + "\n")
    assert_same(load(path, max_memory=SMALLEST), load(path))


def test_times_are_found_where_few_rows_have_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_blocks, "SAMPLE_ROWS", 4)  # every tenth row is looked at
    path = tmp_path / "table.csv"
    rows = [f"u{row},i{row % 5},3,{'' if row % 10 == 0 else 1577836800 + row}" for row in range(40)]
    path.write_text("user,item,rating,timestamp\n" + "\n".join(rows) + "\n")
    found = load(path, max_memory=SMALLEST)
    assert_same(found, load(path))
    assert found.interactions.timestamps is not None


def test_a_bad_value_in_a_later_block_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    lines = [f"u{row},i{row % 5},{'x' if row == 30 else 3}" for row in range(40)]
    path.write_text("user,item,rating\n" + "\n".join(lines) + "\n")
    with pytest.raises(DataError, match="line 32: 'x'"):
        load(path, max_memory=SMALLEST)


def test_a_table_without_rows_that_count_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("user,item,rating\n,1,3\n,2,4\n")
    with pytest.raises(DataError, match="no interactions left"):
        load(path, max_memory=SMALLEST)


def test_small_tables_stay_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("user,item,rating\n1,1,3\n1,2,4\n")
    assert not isinstance(load(path, max_memory=10_000_000).interactions.placement, OnDisk)


def test_parts_of_data_on_disk_are_those_of_data_in_memory(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    pairs = sorted({(int(rng.integers(15)), int(rng.integers(30))) for _ in range(150)})
    path = tmp_path / "table.csv"
    path.write_text("user,item,rating\n" + "".join(f"{u},{i},{1 + (u + i) % 5}\n" for u, i in pairs))
    whole, blocks = load(path), load(path, max_memory=SMALLEST)
    mask = rng.random(len(whole.interactions)) < 0.4
    assert_same(blocks.select(mask), whole.select(mask))


def test_a_disk_without_room_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"Could not set .* bytes aside .* Make room there"):
        OnDisk(tmp_path, 10).empty(2**58, np.dtype(np.int8))


def test_a_set_with_official_folds_keeps_them_however_little_memory_is_allowed() -> None:
    found, expected = (load("ml-100k", max_memory=most).interactions.folds for most in (SMALLEST, None))
    assert found is not None
    assert expected is not None
    assert np.array_equal(found, expected)
