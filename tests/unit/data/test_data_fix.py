from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastemap.data import check, fix, load
from tastemap.data.data_fix import REMOVING_KINDS
from tastemap.errors import DataError, InvalidValueError
from tests.unit.data.test_data_check import CLEAN, written

MESSY = [
    *CLEAN,
    "",
    ",1,3,600",
    "4,1,good,700",
    "4,2,99,800",
    '4,3,"3,0",900',
    "4,1,2,",
    "4,2,3,soon",
    "1,1,5,1000",
    "1,2,1,1100",
    " 2,2,4,1200",
    "003,3,5,1300",
    "5,1,4,978300760000",
]


def read(path: Path) -> pl.DataFrame:
    if path.suffix == ".parquet":
        return pl.read_parquet(path)
    if path.suffix == ".jsonl":
        return pl.read_ndjson(path)
    return pl.read_csv(path, separator="\t" if path.suffix == ".tsv" else ",")


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "jsonl"])
def test_a_repaired_table_is_clean_and_holds_the_right_rows(tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"repaired.{ending}"
    changes = fix(written(tmp_path, *MESSY), out)
    assert changes == {
        "empty_rows": 1,
        "missing_ids": 1,
        "bad_ratings": 1,
        "decimal_commas": 1,
        "out_of_scale": 1,
        "duplicates": 1,
        "conflicts": 1,
        "padded_ids": 1,
        "respelled_ids": 1,
        "missing_times": 1,
        "bad_times": 1,
        "mixed_time_units": 1,
    }
    assert check(out).is_clean
    assert sorted(read(out).rows()) == [
        (1, 1, 5, 1000),
        (1, 2, 1, 1100),
        (2, 1, 3, 300),
        (2, 2, 4, 1200),
        (2, 3, 1, 400),
        (3, 2, 2, 500),
        (3, 3, 5, 1300),
        (4, 3, 3, 900),
        (5, 1, 4, 978300760),
    ]


def test_rows_left_and_rows_removed_add_up(tmp_path: Path) -> None:
    out = tmp_path / "repaired.csv"
    changes = fix(written(tmp_path, *MESSY), out)
    n_removed = sum(count for kind, count in changes.items() if kind in REMOVING_KINDS)
    assert len(read(out)) + n_removed == len(MESSY)


FIELDS = st.sampled_from(["1", "2", "3", "01", " 1", "2.0", "", "x"])
RATINGS = st.sampled_from(["1", "2", "5", "5.0", "", "nan", "99", "4,5", "bad"])
TIMES = st.sampled_from(["100", "200", "300", "", "978300760000", "soon"])


@given(rows=st.lists(st.tuples(FIELDS, FIELDS, RATINGS, TIMES), min_size=1, max_size=25))
def test_any_table_is_clean_after_one_repair(
    rows: list[tuple[str, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("fix")
    frame = pl.DataFrame(rows, schema=["user_id", "item_id", "rating", "timestamp"], orient="row")
    source, out = folder / "ratings.csv", folder / "repaired.csv"
    frame.write_csv(source)
    # The scale is given: a guess from a handful of rows may change when some of them go.
    before = check(source, rating_scale=(1, 5)).figures
    assert before is not None
    if before.n_kept == 0:
        with pytest.raises(DataError, match="No row would be left"):
            fix(source, out, rating_scale=(1, 5))
        return
    changes = fix(source, out, rating_scale=(1, 5))
    n_left = len(pl.read_csv(out, infer_schema=False))
    assert n_left == before.n_kept
    assert n_left + sum(changes.get(kind, 0) for kind in REMOVING_KINDS) == len(frame)
    after = check(out, rating_scale=(1, 5))
    assert [f.kind for f in after.findings if f.fixable and f.kind != "fine_times"] == []
    assert len(load(out).interactions) == n_left


def test_a_clean_table_comes_out_as_it_was(tmp_path: Path) -> None:
    source, out = written(tmp_path, *CLEAN), tmp_path / "repaired.csv"
    assert fix(source, out) == {}
    assert out.read_text() == source.read_text()


def test_further_columns_and_the_order_of_rows_stay(tmp_path: Path) -> None:
    lines = [f"{line},note {number}" for number, line in enumerate(CLEAN)]
    random.Random(0).shuffle(lines)
    source = written(tmp_path, *lines, ",1,3,600,lost", header="user_id,item_id,rating,timestamp,comment")
    fix(source, tmp_path / "repaired.csv")
    assert (tmp_path / "repaired.csv").read_text().splitlines()[1:] == lines


def test_of_conflicting_ratings_the_last_by_time_stays_as_in_a_load(tmp_path: Path) -> None:
    source = written(tmp_path, "1,1,3,300", "1,1,5,100", "1,1,2,300", "2,1,4,100")
    fix(source, tmp_path / "repaired.csv")
    repaired, loaded = load(tmp_path / "repaired.csv"), load(source)
    assert repaired.interactions.frame().equals(loaded.interactions.frame())
    assert repaired.interactions.frame().rows() == [(1, 1, 3.0, 300), (2, 1, 4.0, 100)]


def test_milliseconds_are_written_in_seconds(tmp_path: Path) -> None:
    source = written(tmp_path, "1,1,5,978300760000", "2,1,4,978300761500")
    assert fix(source, tmp_path / "repaired.csv") == {"fine_times": 2}
    assert read(tmp_path / "repaired.csv")["timestamp"].to_list() == [978300760, 978300761]


def test_text_ids_and_dates_survive_a_change_of_format(tmp_path: Path) -> None:
    source = written(tmp_path, "007,a,4.5,2020-01-01", "8,b,3,2020-01-02", "9,b,x,2020-01-02")
    fix(source, tmp_path / "repaired.parquet")
    repaired = pl.read_parquet(tmp_path / "repaired.parquet")
    assert repaired.rows() == [("007", "a", 4.5, "2020-01-01"), ("8", "b", 3.0, "2020-01-02")]


def test_a_typed_table_keeps_its_types(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"user_id": [1, 1, 2], "item_id": ["a", "a", "b"], "rating": [4.0, 4.0, 2.0], "tags": [[1], [2], [3]]}
    )
    out = tmp_path / "repaired.parquet"
    assert fix(frame, out) == {"duplicates": 1}
    assert pl.read_parquet(out).equals(frame[[1, 2]])
    with pytest.raises(DataError, match=r"columns tags; write \.parquet or \.jsonl"):
        fix(frame, tmp_path / "repaired.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["repaired.parquet"]


def test_out_must_be_another_file_of_a_known_ending(tmp_path: Path) -> None:
    source = written(tmp_path, *CLEAN)
    with pytest.raises(InvalidValueError, match="another file than the source"):
        fix(source, source)
    with pytest.raises(InvalidValueError, match=r"\.csv, \.tsv, \.parquet, \.jsonl"):
        fix(source, tmp_path / "repaired.xlsx")


def test_a_table_without_a_usable_row_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No row would be left"):
        fix(written(tmp_path, ",1,3,1", ",2,4,2"), tmp_path / "repaired.csv")
    assert not (tmp_path / "repaired.csv").exists()
