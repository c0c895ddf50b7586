"""Read folders in the layouts in which MovieLens is published: ratings, titles and users together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tastemap.data import ids as id_columns
from tastemap.data.catalog import Catalog
from tastemap.data.text_format import TextFormat
from tastemap.errors import DataError

# One vocabulary for all editions: older ones say "Children's".
GENRES_100K = (
    "unknown", "Action", "Adventure", "Animation", "Children", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
RENAMED_GENRES = {"Children's": "Children"}
NO_GENRES = "(no genres listed)"

OCCUPATIONS_1M = (
    "other", "educator", "artist", "clerical", "college student", "customer service", "healthcare", "executive",
    "farmer", "homemaker", "K-12 student", "lawyer", "programmer", "retired", "marketing", "scientist",
    "self-employed", "engineer", "craftsman", "unemployed", "writer",
)  # fmt: skip

# The last year in brackets: "Toy Story (1995)", "Twin Peaks (1989-1990)", "Land Before Time III (1995) (V)".
YEAR = re.compile(r"\((\d{4})(?:[-–]\d{0,4})?\)")

RATINGS_100K = TextFormat("\t", ("user_id", "item_id", "rating", "timestamp"), False, has_quotes=False)
RATINGS_DAT = TextFormat("::", ("user_id", "item_id", "rating", "timestamp"), False, has_quotes=False)


@dataclass(frozen=True)
class Layout:
    """The files of a MovieLens folder.

    Parameters
    ----------
    ratings : Path
    form : TextFormat or None
        Its layout; None where the file has a header.
    titles, users : Path or None
    """

    ratings: Path
    form: TextFormat | None
    titles: Path | None
    users: Path | None


def recognize(folder: Path) -> Layout | None:
    """The layout of a folder, or None if it is not one of MovieLens."""
    if (folder / "u.data").is_file():
        return Layout(folder / "u.data", RATINGS_100K, _there(folder / "u.item"), _there(folder / "u.user"))
    if (folder / "ratings.csv").is_file() and _is_movies_csv(folder / "movies.csv"):
        return Layout(folder / "ratings.csv", None, folder / "movies.csv", None)
    if (folder / "ratings.dat").is_file() and (folder / "movies.dat").is_file():
        return Layout(folder / "ratings.dat", RATINGS_DAT, folder / "movies.dat", _there(folder / "users.dat"))
    return None


def read_catalog(path: Path) -> Catalog:
    """Titles with ``year`` and ``genres``, from ``u.item``, ``movies.csv`` or ``movies.dat``.

    The year is the one in the title, so that every source of a set agrees; where the title has
    none it is that of the release date. ``u.item`` also gives ``release_date``.
    """
    if path.name == "u.item":
        return Catalog(_read_u_item(path))
    if path.suffix == ".csv":
        frame = pl.read_csv(path, infer_schema=False)
        rows = list(zip(*(frame[name].to_list() for name in ("movieId", "title", "genres")), strict=True))
    else:
        rows = [(line[0], "::".join(line[1:-1]), line[-1]) for line in _lines(path, "::", 3)]
    return Catalog(
        pl.DataFrame(
            {
                "item_id": id_columns.from_text(pl.Series([row[0] for row in rows], dtype=pl.String)),
                "title": [(row[1] or "").strip() for row in rows],
                "year": pl.Series([year_in(row[1] or "") for row in rows], dtype=pl.Int64),
                "genres": pl.Series([split_genres(row[2] or "") for row in rows], dtype=pl.List(pl.String)),
            }
        )
    )


def read_users(path: Path) -> pl.DataFrame:
    """``user_id, age, sex, occupation`` from ``u.user`` or ``users.dat``; zip codes are not read.

    ``users.dat`` gives the lower end of an age bracket as the age.
    """
    if path.suffix == ".dat":
        rows = [
            (int(user), int(age), sex, OCCUPATIONS_1M[int(occupation)])
            for user, sex, age, occupation, _ in _lines(path, "::", 5)
        ]
    else:
        rows = [(int(line[0]), int(line[1]), line[2], line[3]) for line in _lines(path, "|", 5)]
    schema = {"user_id": pl.Int64, "age": pl.Int64, "sex": pl.String, "occupation": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def year_in(title: str) -> int | None:
    """The last year in brackets in a title, or None."""
    found = YEAR.findall(title)
    return int(found[-1]) if found else None


def split_genres(text: str) -> list[str]:
    """Genres from ``"Action|Children's"``, in one vocabulary; the mark for none gives an empty list."""
    if text in ("", NO_GENRES):
        return []
    return [RENAMED_GENRES.get(genre, genre) for genre in text.split("|")]


def _read_u_item(path: Path) -> pl.DataFrame:
    """``id|title|release date|video date|address|19 flags``, latin-1."""
    rows = _lines(path, "|", 5 + len(GENRES_100K))
    titles = [row[1].strip() for row in rows]
    dates = pl.Series([row[2] or None for row in rows], dtype=pl.String).str.to_date("%d-%b-%Y", strict=False)
    flags = [row[-len(GENRES_100K) :] for row in rows]
    frame = pl.DataFrame(
        {
            "item_id": pl.Series([int(row[0]) for row in rows], dtype=pl.Int64),
            "title": titles,
            "year": pl.Series([year_in(title) for title in titles], dtype=pl.Int64),
            "genres": pl.Series(
                [
                    [genre for genre, flag in zip(GENRES_100K, of_item, strict=True) if flag == "1"]
                    for of_item in flags
                ],
                dtype=pl.List(pl.String),
            ),
            "release_date": dates,
        }
    )
    return frame.with_columns(pl.col("year").fill_null(pl.col("release_date").dt.year().cast(pl.Int64)))


def _lines(path: Path, separator: str, least: int) -> list[list[str]]:
    """The fields of each line; UTF-8 if it is, else latin-1 (editions differ)."""
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            fields = line.rstrip("\r").split(separator)
            if len(fields) < least:
                raise DataError(
                    f"{path.name} line {number} has {len(fields)} fields where at least {least} are expected; "
                    "fetch the data set again.",
                    line=number,
                )
            rows.append(fields)
    return rows


def _there(path: Path) -> Path | None:
    return path if path.is_file() else None


def _is_movies_csv(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline().strip().split(",") == ["movieId", "title", "genres"]
