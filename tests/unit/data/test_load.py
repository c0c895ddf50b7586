"""From a table to a data set: what is recognized, what is dropped, and what is said about it."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tastemap.data import Dataset, RatingScale, load, make_interactions
from tastemap.errors import ColumnError, DataError, InvalidValueError, SourceNotFoundError

CSV = "user_id,item_id,rating,timestamp\n1,10,4,100\n2,10,5,200\n1,20,3.5,300\n"


def written(folder: Path, text: str, name: str = "ratings.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def rows_of(dataset: Dataset) -> list[tuple[object, ...]]:
    return dataset.interactions.frame().rows()


def test_a_plain_csv_becomes_sorted_interactions(tmp_path: Path) -> None:
    dataset = load(written(tmp_path, CSV))
    assert rows_of(dataset) == [(1, 10, 4.0, 100), (1, 20, 3.5, 300), (2, 10, 5.0, 200)]
    assert dataset.name == "ratings"
    assert (dataset.report.n_rows, dataset.report.n_kept) == (3, 3)


@pytest.mark.parametrize("separator", ["\t", "::", ";", "|", " ", ","])
@pytest.mark.parametrize("header", ["", "userId,movieId,rating,timestamp\n"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_each_separator_is_found_with_and_without_a_header(
    tmp_path: Path, separator: str, header: str, ending: str
) -> None:
    text = (header + "1,10,4,100\n2,10,5,200\n1,20,3.5,300\n").replace(",", separator).replace("\n", ending)
    assert rows_of(load(written(tmp_path, text, "x.dat"))) == [
        (1, 10, 4.0, 100),
        (1, 20, 3.5, 300),
        (2, 10, 5.0, 200),
    ]


@pytest.mark.parametrize(
    ("user", "item", "rating", "time"),
    [
        ("user", "item", "rating", "ts"),
        ("User ID", "Movie ID", "Stars", "Time"),
        ("uid", "iid", "score", "date"),
        ("userId", "movieId", "rating", "timestamp"),
        ("user_id:token", "item_id:token", "rating:float", "timestamp:float"),
        ("customer", "product_id", "overall", "unixReviewTime"),
        (" USERID ", "ISBN", "Book-Rating", "created_at"),
    ],
)
def test_columns_are_found_by_their_usual_names_in_any_order_and_case(
    tmp_path: Path, user: str, item: str, rating: str, time: str
) -> None:
    text = f"comment,{time},{rating},{item},{user}\nfine,100,4,10,1\nbad,200,2,20,2\n"
    assert rows_of(load(written(tmp_path, text))) == [(1, 10, 4.0, 100), (2, 20, 2.0, 200)]


def test_named_columns_win_over_usual_names(tmp_path: Path) -> None:
    path = written(tmp_path, "user,who,item,rating,liked,ts,at\nx,1,10,4,2,5,100\nx,2,10,3,1,5,200\n")
    dataset = load(path, user_col="who", rating_col="liked", time_col="at")
    assert rows_of(dataset) == [(1, 10, 2.0, 100), (2, 10, 1.0, 200)]


def test_a_header_of_unusual_names_is_a_header_if_the_caller_names_them(tmp_path: Path) -> None:
    path = written(tmp_path, "wer,was\nanna,buch\nbert,film\n")
    assert rows_of(load(path, user_col="wer", item_col="was")) == [("anna", "buch", 1.0), ("bert", "film", 1.0)]


@pytest.mark.parametrize("odd", ["007", "+1", "-0", "1e3", "7.0", "0x1", "ten", str(10**19), "１"])
def test_one_id_that_is_no_canonical_integer_makes_the_column_text(tmp_path: Path, odd: str) -> None:
    data = load(written(tmp_path, f"user,item,rating\n5,1,4\n{odd},1,3\n")).interactions
    assert data.users.ids.to_list() == sorted(["5", odd])
    assert data.items.ids.to_list() == [1]


def test_blanks_around_fields_do_not_make_ids_text(tmp_path: Path) -> None:
    data = load(written(tmp_path, "user, item, rating\n1, 10, 4\n2 , 10 , 5 \n")).interactions
    assert data.users.ids.to_list() == [1, 2]
    assert data.items.ids.to_list() == [10]


def test_negative_and_large_integers_are_integer_ids(tmp_path: Path) -> None:
    data = load(written(tmp_path, f"user,item,rating\n-5,1,4\n{2**63 - 1},0,3\n")).interactions
    assert data.users.ids.to_list() == [-5, 2**63 - 1]
    assert data.users.indices([-5, 7, 2**63 - 1]).tolist() == [0, -1, 1]


def test_without_a_rating_column_it_is_implicit_feedback_and_repeats_are_summed(tmp_path: Path) -> None:
    dataset = load(written(tmp_path, "user,item,ts\n1,10,5\n1,10,9\n2,10,7\n"))
    assert dataset.interactions.is_implicit
    assert rows_of(dataset) == [(1, 10, 2.0, 9), (2, 10, 1.0, 7)]
    assert dataset.report.n_merged == 1
    assert any("implicit" in note for note in dataset.report.notes)


def test_implicit_leaves_a_rating_column_aside_and_says_so(tmp_path: Path) -> None:
    dataset = load(written(tmp_path, CSV), implicit=True)
    assert dataset.interactions.values.tolist() == [1.0, 1.0, 1.0]
    assert any("'rating'" in note for note in dataset.report.notes)


def test_a_named_rating_column_holds_counts_under_implicit(tmp_path: Path) -> None:
    dataset = load(written(tmp_path, "user,item,n\n1,10,3\n1,20,0\n2,10,1\n"), rating_col="n", implicit=True)
    assert rows_of(dataset) == [(1, 10, 3.0), (2, 10, 1.0)]
    assert dataset.report.dropped == {"count not above zero": 1}


def test_a_count_column_is_implicit_feedback_with_counts(tmp_path: Path) -> None:
    dataset = load(written(tmp_path, "user,artist,plays\n1,a,30\n2,a,4\n"))
    assert dataset.interactions.is_implicit
    assert dataset.interactions.values.tolist() == [30.0, 4.0]


def test_of_repeated_ratings_the_last_by_time_counts_and_of_equal_times_the_highest(tmp_path: Path) -> None:
    lines = ["2,1,1,50", "1,1,4,300", "1,1,2,100", "1,1,3,300", "2,2,3,60", "1,1,5,200"]
    for given in (lines, lines[::-1]):
        dataset = load(written(tmp_path, "\n".join(["user,item,rating,ts", *given])))
        assert rows_of(dataset) == [(1, 1, 4.0, 300), (2, 1, 1.0, 50), (2, 2, 3.0, 60)]
        assert dataset.report.n_merged == 3


def test_without_times_the_last_line_of_repeated_ratings_counts(tmp_path: Path) -> None:
    dataset = load(written(tmp_path, "user,item,rating\n1,1,5\n2,1,3\n1,1,2\n"))
    assert rows_of(dataset) == [(1, 1, 2.0), (2, 1, 3.0)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"user_ids": [1, 2]}, "user_ids must be as long as values, 3. Got 2"),
        ({"item_ids": [1, 2, 3, 4]}, "item_ids must be as long as values, 3. Got 4"),
        ({"timestamps": np.zeros(2, np.int64)}, "timestamps must be as long as values"),
        ({"timestamps": [0.0, 1.5, 2.0]}, "timestamps must be integers, seconds since 1970. Got .* float64"),
        ({"timestamps": np.zeros(3, "M8[s]")}, "timestamps must be integers.* datetime64"),
        ({"folds": np.zeros(4, np.int8)}, "folds must be as long as values"),
        ({"values": [3, np.nan, 9]}, r"ratings from 1 to 5\. Got nan in row 1, counted from 0"),
        ({"values": [3, 4, 5.5]}, "Got 5.5 in row 2"),
        ({"values": [3, 0, 4], "rating_scale": None}, "counts above 0. Got 0 in row 1"),
        ({"values": [3, 1, np.inf], "rating_scale": None}, "counts above 0. Got inf in row 2"),
        ({"user_ids": [], "item_ids": [], "values": []}, "at least one interaction. Got none"),
    ],
)
def test_rows_that_are_no_interactions_are_refused_by_number(change: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"user_ids": [1, 1, 2], "item_ids": [1, 2, 1], "values": [1, 2, 5]}
    given = {**given, "rating_scale": RatingScale(1, 5), **change}
    values = np.array(given.pop("values"), np.float32)
    with pytest.raises(InvalidValueError, match=said):
        make_interactions(given.pop("user_ids"), given.pop("item_ids"), values, **given)


def test_times_may_be_any_integers() -> None:
    for times in ([3, 1, 2], np.array([3, 1, 2], np.int32)):
        made, _ = make_interactions([1, 1, 2], [1, 1, 1], np.array([1, 2, 3], np.float32), timestamps=times)
        assert made.timestamps is not None
        assert made.timestamps.dtype == np.int64
        assert made.timestamps.tolist() == [3, 2]


def test_every_row_is_accounted_for(tmp_path: Path) -> None:
    text = "\nuser,item,rating,ts\n1,1,5,1\n\n,1,4,2\n2,,4,3\n3,1,4,\n1,1,3,9\n   \n2,2,2,5\n\n"
    report = load(written(tmp_path, text)).report
    assert report.dropped == {"empty line": 4, "no user id": 1, "no item id": 1, "no time": 1}
    assert (report.n_kept, report.n_merged) == (2, 1)
    assert report.n_rows == report.n_kept + report.n_merged + sum(report.dropped.values())
    assert "4 rows dropped: empty line." in report.sentences()


@pytest.mark.parametrize(
    ("factor", "unit"), [(1, None), (1000, "milliseconds"), (10**6, "microseconds"), (10**9, "nanoseconds")]
)
def test_times_of_any_unit_become_seconds(tmp_path: Path, factor: int, unit: str | None) -> None:
    text = f"user,item,rating,ts\n1,1,5,{881250949 * factor}\n2,1,4,{891717742 * factor}\n"
    dataset = load(written(tmp_path, text))
    assert dataset.interactions.timestamps is not None
    assert dataset.interactions.timestamps.tolist() == [881250949, 891717742]
    assert any(unit in note for note in dataset.report.notes) if unit else len(dataset.report.notes) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-02", datetime(2024, 1, 2, tzinfo=UTC)),
        ("2024-01-02T03:04:05Z", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2024-01-02 03:04:05", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2024-01-02 03:04:05.75", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2024-01-02T03:04", datetime(2024, 1, 2, 3, 4, tzinfo=UTC)),
        ("2024-01-02T03:04:05+02:00", datetime(2024, 1, 2, 1, 4, 5, tzinfo=UTC)),
        ("2024-01-02T03:04:05-0330", datetime(2024, 1, 2, 6, 34, 5, tzinfo=UTC)),
        ("2024-01-02 03:04:05 UTC", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("1704164645.9", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ],
)
def test_datetimes_are_read_as_utc(tmp_path: Path, text: str, expected: datetime) -> None:
    data = load(written(tmp_path, f"user,item,rating,ts\n1,1,5,{text}\n")).interactions
    assert data.timestamps is not None
    assert data.timestamps.tolist() == [int(expected.timestamp())]


def test_a_recognized_time_column_without_any_time_is_left_aside(tmp_path: Path) -> None:
    dataset = load(written(tmp_path, "user,item,rating,date\n1,1,5,monday\n2,1,4,tuesday\n"))
    assert dataset.interactions.timestamps is None
    assert any("'date'" in note for note in dataset.report.notes)


def test_a_named_time_column_without_any_time_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path, "user,item,rating,date\n1,1,5,monday\n2,1,4,tuesday\n")
    with pytest.raises(DataError, match="line 2: 'monday'; line 3: 'tuesday'"):
        load(path, time_col="date")


@pytest.mark.parametrize(
    ("ratings", "expected"),
    [
        ([1, 3, 5], (1, 5)),
        ([2, 4, 4], (1, 5)),
        ([0.5, 3, 5], (0.5, 5)),
        ([1.5, 3, 4.5], (1, 5)),
        ([0, 3, 5], (0, 5)),
        ([1, 7, 10], (1, 10)),
        ([0, 7, 9], (0, 10)),
        ([0, 1, 1], (0, 1)),
        ([3, 55, 98], (0, 100)),
        ([-10, 0, 9.5], (-10, 9.5)),
        ([5, 5, 5], (1, 5)),
        ([7, 7, 7], (1, 10)),
        ([1000, 1000, 1000], (999, 1001)),
    ],
)
def test_the_rating_scale_is_guessed_and_said(
    tmp_path: Path, ratings: list[float], expected: tuple[float, float]
) -> None:
    lines = "".join(f"{user},1,{rating}\n" for user, rating in enumerate(ratings))
    dataset = load(written(tmp_path, "user,item,rating\n" + lines))
    assert dataset.interactions.rating_scale == RatingScale(*expected)
    assert any("scale" in note for note in dataset.report.notes)


def test_many_ratings_that_stop_short_of_a_usual_scale_are_their_own_scale() -> None:
    n = 2000
    frame = pl.DataFrame({"user": range(n), "item": [1] * n, "rating": [0.5 + (k % 8) / 2 for k in range(n)]})
    assert load(frame).interactions.rating_scale == RatingScale(0.5, 4.0)


def test_a_given_scale_is_used_and_checked(tmp_path: Path) -> None:
    path = written(tmp_path, CSV)
    assert load(path, rating_scale=(0, 10)).interactions.rating_scale == RatingScale(0.0, 10.0)
    with pytest.raises(DataError, match="2 ratings lie outside, such as 4, 5"):
        load(path, rating_scale=RatingScale(0.0, 3.5))
    with pytest.raises(InvalidValueError, match="rating_scale"):
        load(path, rating_scale=(5, 1))
    with pytest.raises(InvalidValueError, match="implicit"):
        load(path, rating_scale=(1, 5), implicit=True)


def test_adjacency_lists_are_read_as_implicit_feedback(tmp_path: Path) -> None:
    dataset = load(written(tmp_path, "0 10 11 12\n1 10\n2\n\n3 12 10\n", "train.txt"))
    assert dataset.interactions.frame().select("user_id", "item_id").rows() == [
        (0, 10), (0, 11), (0, 12), (1, 10), (3, 10), (3, 12),
    ]  # fmt: skip
    assert dataset.report.dropped == {"empty line": 1, "no item id": 1}
    assert dataset.report.n_rows == 8


def test_jsonl_keeps_the_types_of_ids(tmp_path: Path) -> None:
    lines = '{"user": "7", "item": 1, "rating": 4}\n{"user": "8", "item": 2, "rating": 2.5}\n'
    assert rows_of(load(written(tmp_path, lines, "x.jsonl"))) == [("7", 1, 4.0), ("8", 2, 2.5)]


def test_parquet_and_frames_give_what_the_csv_gives(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"user_id": [1, 2, 1], "item_id": [10, 10, 20], "rating": [4.0, 5.0, 3.5], "timestamp": [100, 200, 300]}
    )
    frame.write_parquet(tmp_path / "r.parquet")
    of_csv = load(written(tmp_path, CSV))
    assert load(frame).fingerprint == of_csv.fingerprint
    assert load(tmp_path / "r.parquet").fingerprint == of_csv.fingerprint


def test_typed_columns_are_converted_where_nothing_is_lost() -> None:
    frame = pl.DataFrame(
        {
            "user": pl.Series([1.0, 2.0, None]),
            "item": pl.Series(["a", "b", "c"], dtype=pl.Categorical),
            "ts": pl.Series([datetime(2024, 1, 2), datetime(2024, 1, 3), None]),
        }
    )
    dataset = load(frame)
    assert rows_of(dataset) == [(1, "a", 1.0, 1704153600), (2, "b", 1.0, 1704240000)]
    assert dataset.report.dropped == {"no user id": 1}


@pytest.mark.parametrize("users", [[1.5, 2.5], [True, False], [[1], [2]], [2.0**60, 1.0]])
def test_typed_columns_that_are_no_ids_are_refused(users: list[object]) -> None:
    with pytest.raises(ColumnError, match="'user'"):
        load(pl.DataFrame({"user": users, "item": [1, 2]}))


def test_a_zip_gives_its_one_table_or_the_named_one(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "pack.zip", "w") as archive:
        archive.writestr("pack/train.txt", "1 10 4\n2 10 5\n")
        archive.writestr("pack/testset.txt", "1 20 3\n")
        archive.writestr("pack/readme.txt", "hello")
    assert len(load(tmp_path / "pack.zip").interactions) == 2
    assert load(tmp_path / "pack.zip").name == "pack"
    assert rows_of(load(f"{tmp_path}/pack.zip:testset.txt")) == [(1, 20, 3.0)]
    with pytest.raises(SourceNotFoundError, match=r"Did you mean testset.txt"):
        load(f"{tmp_path}/pack.zip:testse.txt")


def test_a_folder_gives_its_one_table(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    written(tmp_path / "inner", CSV, "whatever.csv")
    assert len(load(tmp_path).interactions) == 3
    written(tmp_path / "inner", CSV, "other.csv")
    with pytest.raises(DataError, match=r"several tables: other.csv, whatever.csv"):
        load(tmp_path)


def test_item_features_bring_titles_years_and_genres(tmp_path: Path) -> None:
    features = written(
        tmp_path,
        'movieId,name,genre,budget\n10,"Alpha, The (1977)",Drama|Children\'s,5\n20,Beta,,\n10,Twin,X,1\n',
        "i.csv",
    )
    catalog = load(written(tmp_path, CSV), item_features=features).catalog
    assert catalog.frame.rows() == [
        (10, "Alpha, The (1977)", 1977, ["Drama", "Children"], 5),
        (20, "Beta", None, [], None),
    ]
    assert catalog.frame.columns == ["item_id", "title", "year", "genres", "budget"]


def test_features_of_007_are_not_those_of_7(tmp_path: Path) -> None:
    interactions = written(tmp_path, "user,item,rating\n1,7,4\n2,8,3\n")
    features = pl.DataFrame({"item": ["007", "8"], "title": ["Agent", "Eight"]})
    catalog = load(interactions, item_features=features).catalog
    assert dict(catalog.frame.select("item_id", "title").iter_rows()) == {8: "Eight"}


def test_features_of_no_item_of_the_data_are_told(tmp_path: Path) -> None:
    features = written(tmp_path, "item_id,title\nx10,Alpha\nx20,Beta\n", "other.csv")
    notes = load(written(tmp_path, CSV), item_features=features).report.notes
    assert notes[-1] == "0 of 2 items have a row in other.csv; check its ids."


def test_features_that_match_in_part_are_counted() -> None:
    data = pl.DataFrame({"user": [1, 2, 3], "item": [7, 8, 9], "rating": [1.0, 2.0, 3.0]})
    items = pl.DataFrame({"item": ["7", "7", "8", "80", "80", None], "title": list("abcdef")})
    users = pl.DataFrame({"user": [4, 3, 2, 1], "age": [40, 30, 20, 10]})
    notes = load(data, item_features=items, user_features=users).report.notes
    assert notes[1:] == (
        "2 of 3 items have a row in item_features.",
        "Not used: 3 rows of item_features, for items that are not in the data.",
        "2 ids in more than one row of item_features: the first row counts.",
        "Not used: 1 row of user_features, for users that are not in the data.",
    )


def test_features_that_match_one_to_one_are_not_remarked_on() -> None:
    data = pl.DataFrame({"user": [1, 2], "item": [7, 8], "rating": [1.0, 2.0]})
    features = pl.DataFrame({"item": [8, 7], "title": ["b", "a"]})
    assert load(data, item_features=features).report.notes == load(data).report.notes


def test_user_features_come_without_zip_codes(tmp_path: Path) -> None:
    features = written(tmp_path, "uid,age,zip_code\n1,33,12345\n", "u.csv")
    users = load(written(tmp_path, CSV), user_features=features).user_features
    assert users is not None
    assert users.to_dicts() == [{"user_id": 1, "age": 33}]


def test_latin1_tables_are_read(tmp_path: Path) -> None:
    path = written(tmp_path, "user,item,rating\nRené,1,4\nZoë,1,5\n", encoding="latin-1")
    assert load(path).interactions.users.ids.to_list() == ["René", "Zoë"]


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    assert len(load(written(tmp_path, "\ufeff" + CSV)).interactions) == 3
    assert load(written(tmp_path, "\ufeff1,10,4\n2,10,5\n")).interactions.users.ids.to_list() == [1, 2]


def test_quoted_fields_may_hold_the_separator(tmp_path: Path) -> None:
    data = load(written(tmp_path, 'user,item,rating\n"Smith, J.","a ""b""",4\n"Doe",c,5\n')).interactions
    assert data.users.ids.to_list() == ["Doe", "Smith, J."]
    assert data.items.ids.to_list() == ['a "b"', "c"]


def test_the_order_of_the_file_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {"user": rng.integers(0, 30, 300), "item": rng.integers(0, 30, 300), "rating": rng.integers(1, 6, 300),
         "ts": rng.permutation(300)}
    )  # fmt: skip
    assert load(frame).fingerprint == load(frame.sample(fraction=1, shuffle=True, seed=1)).fingerprint
