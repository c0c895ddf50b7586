"""Tables of pairs to predict: every row stays, with all its columns."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tastemap.data import read_pairs, write_table
from tastemap.errors import ColumnError, DataError


def written(folder: Path, text: str, name: str = "pairs.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_other_columns_stay_behind_the_ids(tmp_path: Path) -> None:
    frame = read_pairs(written(tmp_path, "when,movie,rating,user\nmon,10,4,1\ntue,20,,2\n"))
    assert frame.columns == ["user_id", "item_id", "when", "rating"]
    assert frame.rows() == [(1, 10, "mon", "4"), (2, 20, "tue", None)]


@pytest.mark.parametrize("name", ["pairs.csv", "pairs.parquet", "pairs.jsonl"])
def test_an_empty_id_is_null_and_rows_without_any_field_are_left_out(tmp_path: Path, name: str) -> None:
    rows = pl.DataFrame(
        {"user": ["a", "", None, "b"], "item": [1, 2, None, None], "note": ["x", "y", None, None]}
    )
    write_table(rows, tmp_path / name)
    assert read_pairs(tmp_path / name).rows() == [("a", 1, "x"), (None, 2, "y"), ("b", None, None)]


def test_named_columns_become_the_ids_and_others_of_these_names_are_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, "user_id,who,what,item\nx,1,10,y\n")
    frame = read_pairs(path, user_col="who", item_col="what")
    assert (frame.columns, frame.rows()) == (["user_id", "item_id", "item"], [(1, 10, "y")])


def test_a_line_with_too_many_fields_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 2 has 3 fields where 2 are expected"):
        read_pairs(written(tmp_path, "user::item\n1::2::3\n4::5\n", "pairs.dat"))


def test_a_folder_is_no_table_of_pairs(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder; name a file"):
        read_pairs(tmp_path)


def test_a_table_without_items_lists_its_columns(tmp_path: Path) -> None:
    with pytest.raises(ColumnError, match=r"no item column under a usual name\. Columns found: user, note"):
        read_pairs(written(tmp_path, "user,note\n1,2\n"))
