from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from tastemap.data import CheckReport, Finding, RatingScale, check, load
from tastemap.data.findings import KINDS
from tastemap.errors import ColumnError, DataError, SourceNotFoundError
from tests.toys import hand_dataset

HEADER = "user_id,item_id,rating,timestamp"
CLEAN = ["1,1,5,100", "1,2,4,200", "2,1,3,300", "2,3,1,400", "3,2,2,500"]


def written(folder: Path, *lines: str, name: str = "ratings.csv", header: str = HEADER) -> Path:
    path = folder / name
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def only(report: CheckReport, kind: str) -> Finding:
    found = {finding.kind: finding for finding in report.findings}
    assert kind in found, f"found {sorted(found)}"
    return found[kind]


def troubles(report: CheckReport) -> list[str]:
    return [finding.kind for finding in report.findings if finding.severity != "note"]


def test_a_clean_table_is_clean(tmp_path: Path) -> None:
    report = check(written(tmp_path, *CLEAN))
    assert report.is_clean
    assert troubles(report) == []
    assert report.name == "ratings"


def test_figures_describe_the_usable_rows(tmp_path: Path) -> None:
    figures = check(written(tmp_path, *CLEAN, "3,2,2,500", ",1,1,1")).figures
    assert figures is not None
    assert (figures.n_rows, figures.n_kept, figures.n_users, figures.n_items) == (7, 5, 3, 3)
    assert figures.density == 5 / 9
    assert (figures.first_time, figures.last_time) == ("1970-01-01T00:01:40Z", "1970-01-01T00:08:20Z")
    assert figures.rating_scale == RatingScale(1, 5)
    assert figures.histogram == (("1", 1), ("2", 1), ("3", 1), ("4", 1), ("5", 1))
    assert figures.top_share == 2 / 5
    assert (figures.n_single_users, figures.n_single_items) == (1, 1)


def test_the_summary_says_the_figures() -> None:
    said = " ".join(check(hand_dataset().interactions.frame()).summary())
    for part in ("13 rows, 13 of them usable", "6 users and 5 items", "43.33%", "1 to 5", "5: 4", "1970-01-01"):
        assert part in said


@pytest.mark.parametrize(
    ("kind", "rows", "count", "place"),
    [
        ("empty_rows", ["", ",,,"], 2, "line 7"),
        ("missing_ids", [",1,3,600", "4, ,3,700"], 2, "line 7"),
        ("bad_ratings", ["4,1,,600", "4,2,nan,700", "4,3,good,800", "5,1,inf,900"], 4, "line 7"),
        ("decimal_commas", ['4,1,"3,5",600'], 1, "line 7"),
        ("out_of_scale", ["4,1,99,600"], 1, "line 7"),
        ("duplicates", ["1,1,5,600", "1,1,5,700"], 2, "line 2"),
        ("conflicts", ["1,1,2,600"], 1, "line 2"),
        ("padded_ids", [" 1,3,2,600"], 1, "line 7"),
        ("respelled_ids", ["001,3,2,600", "2.0,2,3,700"], 2, "line 7"),
        ("missing_times", ["4,1,2,"], 1, "line 7"),
        ("bad_times", ["4,1,2,yesterday"], 1, "line 7"),
        ("mixed_time_units", ["4,1,2,978300760000"], 1, "line 7"),
    ],
)
def test_odd_rows_are_found_with_their_place(
    tmp_path: Path, kind: str, rows: list[str], count: int, place: str
) -> None:
    report = check(written(tmp_path, *CLEAN, *rows))
    finding = only(report, kind)
    assert finding.count == count
    assert finding.unit == "rows"
    assert finding.fixable
    assert finding.rows[0].place == place
    assert troubles(report) == ([] if finding.severity == "note" else [kind])


def test_an_example_shows_the_values_as_they_came(tmp_path: Path) -> None:
    (example,) = only(check(written(tmp_path, *CLEAN, " 1,3,2,600")), "padded_ids").rows
    assert example.values == {"user": " 1", "item": "3", "value": "2", "time": "600"}
    assert str(example) == "line 7: user ' 1', item '3', value '2', time '600'"


def test_a_finding_shows_five_rows_at_most(tmp_path: Path) -> None:
    finding = only(check(written(tmp_path, *CLEAN, *["4,1,x,1"] * 9)), "bad_ratings")
    assert finding.count == 9
    assert [row.place for row in finding.rows] == ["line 7", "line 8", "line 9", "line 10", "line 11"]


def test_a_table_of_one_column_is_a_wrong_delimiter(tmp_path: Path) -> None:
    report = check(written(tmp_path, "1^1^5", "2^1^4", header="user_id^item_id^rating"))
    assert not report.is_clean
    assert report.figures is None
    assert report.summary() == []
    assert [finding.kind for finding in report.findings] == ["wrong_delimiter"]


def test_a_frame_of_one_column_is_told_the_same() -> None:
    assert [finding.kind for finding in check(pl.DataFrame({"user_id": [1]})).findings] == ["wrong_delimiter"]


def test_milliseconds_throughout_are_a_note(tmp_path: Path) -> None:
    rows = ["1,1,5,978300760000", "1,2,4,978300761000", "2,1,3,978300762000"]
    report = check(written(tmp_path, *rows))
    assert only(report, "fine_times").count == 3
    assert report.is_clean
    assert report.figures is not None
    assert report.figures.first_time == "2000-12-31T22:12:40Z"


def test_equal_times_are_found(tmp_path: Path) -> None:
    finding = only(check(written(tmp_path, "1,1,5,9", "1,2,4,9", "2,1,3,9")), "constant_times")
    assert (finding.count, finding.fixable) == (3, False)


def test_a_time_column_without_times_is_left_aside(tmp_path: Path) -> None:
    report = check(written(tmp_path, "1,1,5,", "1,2,4,", "2,1,3,"))
    assert only(report, "unused_times").severity == "note"
    assert report.is_clean


def test_times_as_dates_are_no_finding(tmp_path: Path) -> None:
    report = check(written(tmp_path, "1,1,5,2020-01-01", "1,2,4,2020-01-02T10:00:00Z", "2,1,3,2021-01-01"))
    assert report.is_clean
    assert report.figures is not None
    assert report.figures.last_time == "2021-01-01T00:00:00Z"


def test_constant_raters_need_five_equal_ratings(tmp_path: Path) -> None:
    rows = [f"8,{item},4,1{item}" for item in range(5)] + [f"9,{item},4,2{item}" for item in range(4)]
    finding = only(check(written(tmp_path, *CLEAN, *rows)), "constant_raters")
    assert (finding.count, finding.unit, finding.severity) == (1, "users", "note")
    assert finding.rows[0].values["user"] == "8"


def test_single_users_and_items_are_counted(tmp_path: Path) -> None:
    report = check(written(tmp_path, *CLEAN))
    assert (only(report, "single_users").count, only(report, "single_users").unit) == (1, "users")
    assert (only(report, "single_items").count, only(report, "single_items").unit) == (1, "items")
    assert only(report, "single_items").rows[0].values["item"] == "3"


def test_a_few_text_ids_among_integers_are_noted(tmp_path: Path) -> None:
    rows = [f"{user},1,3,{user}" for user in range(1, 30)]
    report = check(written(tmp_path, *rows, "guest,1,4,99"))
    assert only(report, "mixed_ids").count == 1
    assert only(report, "mixed_ids").rows[0].values["user"] == "guest"


def test_text_ids_alone_are_no_finding(tmp_path: Path) -> None:
    report = check(written(tmp_path, "007,a,3,1", "008,b,4,2", "007,b,5,3"))
    assert not {finding.kind for finding in report.findings} & {"mixed_ids", "respelled_ids", "padded_ids"}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("ids", [["7", "007"], ["7", "7.0"], ["b", "b "], [" 7", "7"]])
def test_ids_are_told_apart_as_in_a_load(tmp_path: Path, ids: list[str], ending: str) -> None:
    frame = pl.DataFrame({"user_id": ["u", "u", "v"], "item_id": [*ids, ids[0]], "rating": ["1", "5", "5"]})
    path = tmp_path / f"shop.{ending}"
    if ending == "csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path)
    report, loaded = check(path), load(path).interactions
    assert report.figures is not None
    assert (report.figures.n_kept, report.figures.n_items) == (len(loaded), loaded.n_items)
    assert set(troubles(report)) & {"padded_ids", "respelled_ids"}
    assert ("conflicts" in troubles(report)) == (loaded.n_items == 1)


def test_what_a_repeat_does_is_said_without_times_as_well(tmp_path: Path) -> None:
    rows = ["1,1,5", "1,1,5", "1,2,4", "1,2,3"]
    report = check(written(tmp_path, *rows, header="user_id,item_id,rating"))
    for kind in ("duplicates", "conflicts"):
        finding = only(report, kind)
        assert "time" not in finding.fix
        assert "twice" not in finding.harm


def test_a_long_tail_and_sparsity_are_noted_in_large_tables_only() -> None:
    many = pl.DataFrame(
        {"user_id": range(1_000), "item_id": [0] * 600 + list(range(1, 401)), "rating": [1, 5] * 500}
    )
    assert only(check(many), "long_tail").unit == "items"
    assert "long_tail" not in {finding.kind for finding in check(many.head(900)).findings}
    apart = pl.DataFrame({"user_id": range(20_000), "item_id": range(20_000), "rating": [1, 5] * 10_000})
    assert only(check(apart), "sparse").count == 20_000


@pytest.mark.parametrize(
    ("ratings", "scale", "n_outside"),
    [
        ([1, 2, 3, 4, 5], (1, 5), 0),
        ([0.5, 2, 3, 4, 5], (0.5, 5), 0),
        ([1, 5, 9, 10], (1, 10), 0),
        ([1, 2, 3, 4, 5, 99], (1, 5), 1),
        ([1, 2, 3, 4, 5] * 100 + [6, 6, -1], (1, 5), 3),
        ([1, 2, 3, 4, 5] * 100 + [0.5, 0.5], (0.5, 5), 0),
        ([1, 2, 3, 4, 5] * 10 + [10] * 10, (1, 10), 0),
    ],
)
def test_strays_do_not_stretch_the_scale(
    ratings: list[float], scale: tuple[float, float], n_outside: int
) -> None:
    frame = pl.DataFrame(
        {"user_id": range(len(ratings)), "item_id": 1, "rating": pl.Series(ratings, strict=False)}
    )
    report = check(frame)
    assert report.figures is not None
    assert report.figures.rating_scale == RatingScale(*scale)
    assert report.figures.n_kept == len(ratings) - n_outside


def test_a_given_scale_decides_what_lies_outside(tmp_path: Path) -> None:
    report = check(written(tmp_path, *CLEAN), rating_scale=(1, 4))
    assert only(report, "out_of_scale").rows[0].values["value"] == "5"


def test_ratings_of_many_values_are_counted_in_bins() -> None:
    frame = pl.DataFrame(
        {"user_id": range(101), "item_id": 1, "rating": [float(value) for value in range(101)]}
    )
    figures = check(frame).figures
    assert figures is not None
    assert figures.histogram[0] == ("0 to 10", 10)
    assert sum(count for _, count in figures.histogram) == 101


def test_repeated_implicit_interactions_are_noted_and_kept(tmp_path: Path) -> None:
    report = check(written(tmp_path, "1,1", "1,1", "2,1", header="user_id,item_id"))
    assert only(report, "repeated_pairs").count == 1
    assert report.is_clean
    assert report.figures is not None
    assert report.figures.n_kept == 3
    assert report.figures.rating_scale is None


def test_counts_must_be_above_zero(tmp_path: Path) -> None:
    report = check(written(tmp_path, "1,1,3", "1,2,0", "2,1,-1", "2,2,x", header="user_id,item_id,count"))
    assert only(report, "bad_ratings").count == 3


def test_every_row_has_one_verdict(tmp_path: Path) -> None:
    """A row with several troubles is removed once and counted once."""
    report = check(written(tmp_path, *CLEAN, ",1,bad,never", "9,1,bad,never", "1,1,5,600"))
    counts = {finding.kind: finding.count for finding in report.findings if finding.unit == "rows"}
    assert counts == {"missing_ids": 1, "bad_ratings": 1, "duplicates": 1}


def test_columns_can_be_named(tmp_path: Path) -> None:
    path = written(tmp_path, "1,a,3", "2,b,4", header="who,what,how")
    report = check(path, user_col="who", item_col="what", rating_col="how")
    assert report.figures is not None
    assert report.figures.n_kept == 2
    with pytest.raises(ColumnError, match="user"):
        check(path)


def test_typed_columns_are_checked_too(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "user_id": [1.0, 2.0, None, 2.0],
            "item_id": ["a", "b", "a", "b "],
            "rating": [5.0, 1.0, 3.0, float("nan")],
        }
    )
    path = tmp_path / "ratings.parquet"
    frame.write_parquet(path)
    for report in (check(frame), check(path)):
        assert only(report, "missing_ids").rows[0].place == "row 3"
        assert only(report, "bad_ratings").count == 1
        assert only(report, "padded_ids").count == 1


def test_the_report_is_json() -> None:
    dated = hand_dataset().interactions.frame().with_columns(pl.from_epoch("timestamp"))
    body = json.loads(json.dumps(check(pl.concat([dated, dated])).as_json(), allow_nan=False))
    assert body["is_clean"] is False
    assert body["findings"][0]["kind"] == "duplicates"
    assert body["findings"][0]["count"] == 13
    assert body["figures"]["rating_scale"] == {"low": 1.0, "high": 5.0}


def test_findings_come_in_a_fixed_order(tmp_path: Path) -> None:
    kinds = [finding.kind for finding in check(written(tmp_path, *CLEAN, "", "4,1,x,1", " 1,1,5,9")).findings]
    assert kinds == sorted(kinds, key=list(KINDS).index)


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFoundError):
        check(tmp_path / "absent.csv")
    with pytest.raises(DataError):
        check(written(tmp_path))


def test_a_table_without_a_usable_row_still_gets_a_report(tmp_path: Path) -> None:
    report = check(written(tmp_path, ",1,3,1", ",2,4,2"))
    assert only(report, "missing_ids").count == 2
    assert report.figures is not None
    assert report.figures.n_kept == 0
