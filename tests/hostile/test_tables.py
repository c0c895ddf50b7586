"""Broken tables: each gives one clear sentence that says where, and nothing is silently wrong."""

from __future__ import annotations

import zipfile
from pathlib import Path

import polars as pl
import pytest

from tastemap.data import Dataset, IdMap, LoadReport, load, make_interactions
from tastemap.errors import ColumnError, DataError, SourceNotFoundError


def load_text(folder: Path, text: str | bytes, name: str = "ratings.csv") -> Dataset:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(path)


@pytest.mark.parametrize("rating", ["abc", "nan", "inf", "-inf", "1e400", "", "4,5", "--", "four", "NULL"])
@pytest.mark.parametrize("separator", ["\t", "::"])
def test_a_rating_that_is_no_finite_number_is_named_with_its_line(
    tmp_path: Path, rating: str, separator: str
) -> None:
    text = f"user,item,rating\n1,1,4\n\n2,1,{rating}\n3,1,5\n".replace(",", separator)
    text = text.replace(f"4{separator}5", "4,5") if rating == "4,5" else text
    with pytest.raises(DataError, match="line 4: ") as caught:
        load_text(tmp_path, text, "x.dat")
    assert "'rating'" in str(caught.value)
    assert caught.value.details["rows"] == [4]


def test_the_first_three_bad_ratings_are_shown_and_the_others_counted(tmp_path: Path) -> None:
    lines = ["user,item,rating", *[f"{user},1,{'x' if user % 2 else 4}" for user in range(20)]]
    with pytest.raises(DataError) as caught:
        load_text(tmp_path, "\n".join(lines) + "\n")
    assert "line 3: 'x'; line 5: 'x'; line 7: 'x' and 7 more" in str(caught.value)


def test_a_bad_rating_on_a_row_without_user_is_not_the_reason_to_stop(tmp_path: Path) -> None:
    assert load_text(tmp_path, "user,item,rating\n,1,x\n2,1,4\n").report.dropped == {"no user id": 1}


def test_an_unreadable_time_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'ts' .* line 3: 'soon'"):
        load_text(tmp_path, "user,item,rating,ts\n1,1,4,5\n2,1,4,soon\n")


@pytest.mark.parametrize("time", ["1e30", "nan", "2024-13-01", "2024-02-30T00:00:00", "99999999999999999999"])
def test_an_impossible_time_is_refused(tmp_path: Path, time: str) -> None:
    with pytest.raises(DataError, match="line 3"):
        load_text(tmp_path, f"user,item,rating,ts\n1,1,4,5\n2,1,4,{time}\n")


@pytest.mark.parametrize("text", ["", "\n\n  \n", "\ufeff"])
def test_an_empty_file_is_said_to_be_empty(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match=r"ratings\.csv is empty"):
        load_text(tmp_path, text)


def test_a_header_without_rows_is_said_to_have_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no rows"):
        load_text(tmp_path, "user,item,rating\n")


def test_rows_that_are_all_dropped_leave_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no interactions left"):
        load_text(tmp_path, "user,item,rating\n,1,4\n2,,5\n")


def test_one_column_is_a_separator_that_is_not_known(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="one column only: its first line is 'user#item#rating'"):
        load_text(tmp_path, "user#item#rating\n1#2#3\n")


@pytest.mark.parametrize(
    ("header", "side"), [("who,item,rating", "user"), ("user,what,rating", "item"), ("a,b,rating", "user")]
)
def test_a_missing_column_lists_the_columns_found(tmp_path: Path, header: str, side: str) -> None:
    with pytest.raises(ColumnError, match=f"no {side} column.*{header.replace(',', ', ')}.*--{side}-col"):
        load_text(tmp_path, f"{header}\n1,2,3\n")


def test_a_named_column_that_is_not_there_gets_a_near_match(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("user,item,rating\n1,2,3\n")
    with pytest.raises(ColumnError, match=r"rating_col='ratings'.*Did you mean rating\?"):
        load(tmp_path / "r.csv", rating_col="ratings")


def test_a_usual_name_that_is_given_to_something_else_is_said(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("user,item,rating\n1,2,3\n")
    with pytest.raises(
        ColumnError, match=r"no user column under a usual name, besides what is named .* \(user\)"
    ):
        load(tmp_path / "r.csv", rating_col="user")


def test_a_line_with_too_many_fields_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 3 has 4 fields where 3 are expected"):
        load_text(tmp_path, "user,item,rating\n1,2,3\n1,3,4,5\n")
    with pytest.raises(DataError, match="line 3 has 4 fields where 3 are expected"):
        load_text(tmp_path, "user::item::rating\n1::2::3\n1::3::4::5\n", "x.dat")


def test_many_columns_without_header_need_names(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has 6 columns and no header"):
        load_text(tmp_path, "1,2,3,4,5,6\n7,8,9,1,2,3\n")


@pytest.mark.parametrize(
    "data", [b"PK\x03\x04\x00\x00", "user,item\n1,2\n".encode("utf-16"), b"a,b\x00\n1,2\n"]
)
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DataError, match="not a text table"):
        load_text(tmp_path, data)


def test_a_quote_that_never_closes_loses_no_line_silently(tmp_path: Path) -> None:
    text = 'user,item,rating\n"a,1,4\nb,1,5\nc,2,3\n'
    data = load_text(tmp_path, text).interactions
    assert data.users.ids.to_list() == ['"a', "b", "c"]


@pytest.mark.parametrize(("name", "data"), [("x.parquet", b"PAR1junk"), ("x.zip", b"PK"), ("x.parquet", b"")])
def test_damaged_containers_are_refused(tmp_path: Path, name: str, data: bytes) -> None:
    with pytest.raises(DataError, match=r"x\.(parquet|zip) is not a"):
        load_text(tmp_path, data, name)


@pytest.mark.parametrize("line", ['{"user": 2, "item"', "[1, 2]", "2,3", '{"user": 2} trailing'])
def test_a_broken_json_line_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(DataError, match="line 2 is not a JSON object"):
        load_text(tmp_path, '{"user": 1, "item": 2}\n' + line + "\n", "x.jsonl")


def test_an_integer_beyond_64_bits_stays_text_in_a_csv_and_is_refused_in_json(tmp_path: Path) -> None:
    data = load_text(tmp_path, "user,item,rating\n10000000000000000000,1,4\n5,1,3\n").interactions
    assert data.users.ids.to_list() == ["10000000000000000000", "5"]
    with pytest.raises(ColumnError, match="integers within 64 bits"):
        load_text(tmp_path, '{"user": 10000000000000000000, "item": 2}\n', "x.jsonl")


def test_a_missing_file_lists_near_matches(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("user,item\n1,2\n")
    with pytest.raises(SourceNotFoundError, match=r"Did you mean .*ratings\.csv"):
        load(tmp_path / "rating.csv")
    with pytest.raises(SourceNotFoundError, match=r"Did you mean ml-100k"):
        load("ml-100")
    with pytest.raises(SourceNotFoundError, match="Data sets: ml-100k"):
        load("/nowhere/at/all/zzz.csv")


@pytest.mark.parametrize(("ending", "remedy"), [(".xlsx", "save it as one"), (".csv.gz", "unpack it")])
def test_an_unknown_ending_lists_the_ones_that_are_read(tmp_path: Path, ending: str, remedy: str) -> None:
    with pytest.raises(DataError, match=rf"has the ending '.*'.*\.csv.*\.parquet; {remedy}"):
        load_text(tmp_path, "user,item\n1,2\n", f"x{ending}")


def test_an_empty_folder_and_an_empty_zip_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no table"):
        load(tmp_path / "empty")
    zipfile.ZipFile(tmp_path / "x.zip", "w").close()
    with pytest.raises(DataError, match="holds no table"):
        load(tmp_path / "x.zip")


@pytest.mark.parametrize("member", ["", ":ratings.csv"])
def test_a_zip_with_a_password_is_refused(tmp_path: Path, member: str) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("ratings.csv", "user,item\n1,2\n")
    data = bytearray((tmp_path / "x.zip").read_bytes())
    data[data.index(b"PK\x03\x04") + 6] |= 1  # the flags say that the member is encrypted
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(DataError, match=r"x\.zip cannot be unpacked: .*password.*Unpack it by other means"):
        load(f"{tmp_path / 'x.zip'}{member}")


def test_a_zip_cannot_write_outside_its_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("../../escaped.csv", "user,item\n1,2\n")
    assert len(load(f"{tmp_path}/x.zip:escaped.csv").interactions) == 1
    assert not list(tmp_path.parent.glob("escaped.csv"))
    assert not list(tmp_path.glob("escaped.csv"))


def test_parts_exist_only_where_folds_are_official(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("user,item,rating\n1,2,3\n")
    with pytest.raises(DataError, match="no data set of that name"):
        load(f"{tmp_path}/q.csv:u1.train")
    with pytest.raises(ValueError, match="'r' has no official folds"):
        load(f"{tmp_path}/r.csv:u1.train")


def test_one_user_or_one_item_loads(tmp_path: Path) -> None:
    data = load_text(tmp_path, "user,item,rating\n1,2,3\n").interactions
    assert (data.n_users, data.n_items, len(data)) == (1, 1, 1)


def test_html_and_formulas_in_ids_are_only_text(tmp_path: Path) -> None:
    data = load_text(tmp_path, "user,item,rating\n<b>x</b>,=1+1,3\n").interactions
    assert data.users.ids.to_list() == ["<b>x</b>"]
    assert data.items.ids.to_list() == ["=1+1"]


def test_missing_ids_never_become_an_index() -> None:
    with pytest.raises(DataError, match="must not be missing"):
        IdMap(pl.Series([1, None, 2]), kind="user")
    with pytest.raises(DataError, match="must not be missing"):
        make_interactions(pl.Series([1, None]), [1, 2], pl.Series([1.0, 1.0], dtype=pl.Float32).to_numpy())


def test_a_report_that_does_not_add_up_would_be_seen(tmp_path: Path) -> None:
    report = load_text(tmp_path, "user,item,rating\n1,2,3\n1,2,4\n,1,1\n\n").report
    assert report == LoadReport(4, 1, 1, {"empty line": 1, "no user id": 1}, report.notes)


@pytest.mark.parametrize("first", ["1,2", "   ", ",,", '1,"a\nb",4'])
def test_an_odd_first_row_does_not_change_what_the_columns_are(tmp_path: Path, first: str) -> None:
    text = f"user,item,rating\n{first}\n2,x,5\n"
    if first == "1,2":
        with pytest.raises(DataError, match="line 2: nothing"):
            load_text(tmp_path, text)
    else:
        frame = load_text(tmp_path, text).interactions.frame()
        assert frame.rows()[-1] == (2, "x", 5.0)


def test_line_ends_of_cr_alone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="CR alone"):
        load_text(tmp_path, "user,item,rating\r1,2,3\r")


def test_a_stray_cr_in_a_field_does_not_stop_the_sniffing(tmp_path: Path) -> None:
    data = load_text(tmp_path, "user,item,rating\na\rb,2,3\n").interactions
    assert data.users.ids.to_list() == ["a\rb"]


@pytest.mark.parametrize("name", ["r[1].csv", "r*.csv", "r?.csv"])
def test_a_file_name_is_no_pattern(tmp_path: Path, name: str) -> None:
    (tmp_path / "r1.csv").write_text("user,item,rating\n9,9,1\n")
    assert load_text(tmp_path, "user,item,rating\n1,2,3\n", name).interactions.users.ids.to_list() == [1]


def test_one_column_cannot_be_two_things(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("user,item,rating\n1,2,3\n")
    with pytest.raises(ColumnError, match=r"'user' of r\.csv is named for two things"):
        load(tmp_path / "r.csv", user_col="user", rating_col="user")


def test_an_empty_source_is_not_the_current_folder() -> None:
    with pytest.raises(SourceNotFoundError, match="source is empty"):
        load("")


def test_inch_marks_are_no_quotes(tmp_path: Path) -> None:
    text = 'user,item,rating\n1,Monitor 24",4\n2,Monitor 27",5\n3,Monitor,5\n'
    data = load_text(tmp_path, text).interactions
    assert data.items.ids.to_list() == ["Monitor", 'Monitor 24"', 'Monitor 27"']
