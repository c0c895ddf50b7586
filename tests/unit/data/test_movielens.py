"""Folders in the layouts of MovieLens, made small: ratings, titles and users together."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from tastemap.data import load
from tastemap.data.movielens import GENRES_100K, recognize, split_genres, year_in
from tastemap.errors import DataError


def flags(*genres: str) -> str:
    return "|".join("1" if genre in genres else "0" for genre in GENRES_100K)


def write_100k(folder: Path) -> None:
    (folder / "u.data").write_text("196\t242\t3\t881250949\n186\t302\t5\t891717742\n22\t242\t1\t878887116\n")
    (folder / "u.item").write_bytes(
        (
            f"242|Kolya (1996)|24-Jan-1997||http://x|{flags('Comedy')}\n"
            f"302|Misérables, Les (1995) |||http://x|{flags('Children', 'Drama')}\n"
            f"303|Nameless|09-Feb-1971||http://x|{flags('unknown')}\n"
            f"304|unknown||||{flags()}\n"
        ).encode("latin-1")
    )
    (folder / "u.user").write_text("196|49|M|writer|55105\n186|39|F|executive|00000\n22|25|M|writer|40206\n")


def test_a_100k_folder_gives_titles_years_genres_and_users(tmp_path: Path) -> None:
    write_100k(tmp_path)
    dataset = load(tmp_path)
    assert dataset.catalog.frame.rows() == [
        (242, "Kolya (1996)", 1996, ["Comedy"], date(1997, 1, 24)),
        (302, "Misérables, Les (1995)", 1995, ["Children", "Drama"], None),
        (303, "Nameless", 1971, ["unknown"], date(1971, 2, 9)),
        (304, "unknown", None, [], None),
    ]
    assert dataset.user_features is not None
    assert dataset.user_features.rows()[0] == (196, 49, "M", "writer")
    assert dataset.user_features.columns == ["user_id", "age", "sex", "occupation"]
    assert len(dataset.interactions) == 3


def test_a_part_of_ml_100k_has_no_official_folds(tmp_path: Path) -> None:
    write_100k(tmp_path)
    assert load(tmp_path).interactions.folds is None


def test_official_folds_are_lines_of_the_file(tmp_path: Path) -> None:
    # 100,000 pairs: line n holds user n mod 1000 and item n div 1000.
    lines = [f"{n % 1000}\t{n // 1000}\t{1 + n % 5}\t{n}" for n in range(100_000)]
    (tmp_path / "u.data").write_text("\n".join(lines) + "\n")
    data = load(tmp_path).interactions
    assert data.folds is not None
    assert data.timestamps is not None
    assert (data.folds == data.timestamps // 20_000 + 1).all()
    test = load(f"{tmp_path}:u2.test").interactions
    assert test.timestamps is not None
    assert sorted(test.timestamps.tolist()) == list(range(20_000, 40_000))
    train = load(Path(f"{tmp_path}:u2.train"))
    assert train.report.n_rows == train.report.n_kept == 80_000
    assert train.name.endswith(":u2.train")
    assert train.interactions.folds is None


def test_an_ml_1m_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "ratings.dat").write_text("1::1193::5::978300760\n2::661::3::978302109\n")
    (tmp_path / "movies.dat").write_bytes(
        "661::James and the Giant Peach (1996)::Animation|Children's|Musical\n"
        "1193::Été: un film (1975)::Drama\n1194::Odd::title (1980)::(no genres listed)\n".encode("latin-1")
    )
    (tmp_path / "users.dat").write_text("1::F::1::10::48067\n2::M::56::16::70072\n")
    dataset = load(tmp_path)
    assert dataset.interactions.frame().rows() == [(1, 1193, 5.0, 978300760), (2, 661, 3.0, 978302109)]
    assert dataset.catalog.frame.rows() == [
        (661, "James and the Giant Peach (1996)", 1996, ["Animation", "Children", "Musical"]),
        (1193, "Été: un film (1975)", 1975, ["Drama"]),
        (1194, "Odd::title (1980)", 1980, []),
    ]
    assert dataset.user_features is not None
    assert dataset.user_features.rows() == [(1, 1, "F", "K-12 student"), (2, 56, "M", "self-employed")]


def test_an_ml_10m_folder_has_half_stars_and_no_users(tmp_path: Path) -> None:
    (tmp_path / "ratings.dat").write_text("1::122::5::838985046\n1::185::0.5::838983525\n")
    (tmp_path / "movies.dat").write_text("122::Boomerang (1992)::Comedy|Romance\n", encoding="utf-8")
    dataset = load(tmp_path)
    assert dataset.interactions.values.tolist() == [5.0, 0.5]
    assert dataset.user_features is None
    assert dict(dataset.catalog.frame.select("item_id", "title").iter_rows()) == {122: "Boomerang (1992)"}


def test_a_csv_edition_is_read_with_quoted_titles(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,11,4.0,964982703\n")
    (tmp_path / "movies.csv").write_text(
        'movieId,title,genres\n11,"American President, The (1995)",Comedy|Drama\n12,Serial,(no genres listed)\n'
    )
    (tmp_path / "tags.csv").write_text("userId,movieId,tag,timestamp\n")
    assert load(tmp_path).catalog.frame.rows() == [
        (11, "American President, The (1995)", 1995, ["Comedy", "Drama"]),
        (12, "Serial", None, []),
    ]


def test_a_broken_catalog_line_is_named(tmp_path: Path) -> None:
    write_100k(tmp_path)
    (tmp_path / "u.item").write_text("242|Kolya (1996)\n")
    with pytest.raises(DataError, match=r"u\.item line 1 has 2 fields"):
        load(tmp_path)


def test_an_ordinary_ratings_csv_is_no_movielens_folder(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating\n1,11,4\n")
    (tmp_path / "movies.csv").write_text("id,name\n11,Alpha\n")
    assert recognize(tmp_path) is None
    assert load(tmp_path).catalog.frame.is_empty()


@pytest.mark.parametrize(
    ("title", "year"),
    [
        ("Toy Story (1995)", 1995),
        ("2001: A Space Odyssey (1968)", 1968),
        ("Land Before Time III (1995) (V)", 1995),
        ("Summer of '42 (Le 1942) (1971)", 1971),
        ("Series, The (2003-2010)", 2003),
        ("Series, The (2003–)", 2003),
        ("1984", None),
        ("unknown", None),
    ],
)
def test_the_year_is_the_last_one_in_brackets(title: str, year: int | None) -> None:
    assert year_in(title) == year


def test_genres_share_one_vocabulary() -> None:
    assert split_genres("Animation|Children's|Comedy") == ["Animation", "Children", "Comedy"]
    assert split_genres("(no genres listed)") == split_genres("") == []


def test_given_features_replace_those_of_the_set(tmp_path: Path) -> None:
    write_100k(tmp_path)
    dataset = load(
        tmp_path,
        item_features=pl.DataFrame({"item_id": [242], "title": ["Mine"]}),
        user_features=pl.DataFrame({"user_id": [22], "team": ["red"]}),
    )
    assert dict(dataset.catalog.frame.select("item_id", "title").iter_rows()) == {242: "Mine"}
    assert dataset.user_features is not None
    assert dataset.user_features.columns == ["user_id", "team"]
