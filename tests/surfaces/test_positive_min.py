"""Low ratings on the command line: counted, not learned from, never listed."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tastemap.artifacts import load
from tests.surfaces.conftest import Command


def n_below(table: Path) -> tuple[int, int]:
    ratings = pl.read_csv(table)["rating"]
    return int((ratings < 3.0).sum()), len(ratings)


@pytest.mark.parametrize("given", [["--positive-min", 3], ["--set", "positive_min=3"]])
def test_fit_counts_the_ratings_that_it_does_not_learn_from(
    tastemap: Command, table: Path, tmp_path: Path, given: list[object]
) -> None:
    below, n = n_below(table)
    said = (
        f"{below:,} of {n:,} ratings are below positive_min 3: not learned from, and still never recommended."
    )
    answer = tastemap("fit", table, "--model", "ease", "-o", tmp_path / "m", *given)
    assert answer.status == 0
    assert said in answer.err
    answer = tastemap("fit", table, "--model", "ease", "-o", tmp_path / "m", *given, "--json")
    assert said in answer.json["notes"]
    assert (answer.json["n_interactions"], answer.json["config"]["positive_min"]) == (n, 3.0)
    assert len(load(tmp_path / "m").train.interactions) == n


def test_recommend_lists_nothing_that_was_rated_low(tastemap: Command, table: Path, tmp_path: Path) -> None:
    tastemap("fit", table, "--model", "popularity", "-o", tmp_path / "m", "--positive-min", 3)
    tastemap("recommend", tmp_path / "m", "--all", "-k", 40, "--out", tmp_path / "lists.csv")
    lists, rated = pl.read_csv(tmp_path / "lists.csv"), pl.read_csv(table)
    assert lists.height == 60 * 40 - rated.height
    assert lists.join(rated, on=["user_id", "item_id"], how="semi").is_empty()
    answer = tastemap(
        "recommend", tmp_path / "m", "--rated", "7=1", "--rated", "3=5", "-k", 40, "--out", tmp_path / "new.csv"
    )
    assert answer.status == 0
    assert set(pl.read_csv(tmp_path / "new.csv")["item_id"]) == set(range(40)) - {3, 7}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--model", "als", "--positive-min", 3], "positive_min is for ranking models; als predicts ratings"),
        (["--model", "ease", "--positive-min", 3, "--set", "positive_min=4"], "give it once"),
        (["--model", "ease", "--positive-min", 6], "Got 0 and 0; lower positive_min"),
        (["--model", "ease", "--positive-min", "nan"], "positive_min must be a finite number"),
    ],
)
def test_a_positive_min_that_cannot_be_is_refused(
    tastemap: Command, table: Path, tmp_path: Path, options: list[object], said: str
) -> None:
    answer = tastemap("fit", table, *options, "-o", tmp_path / "m")
    assert answer.status > 0
    assert said in answer.err
    assert not (tmp_path / "m").exists()


def test_evaluate_takes_it_as_a_setting(tastemap: Command, table: Path) -> None:
    answer = tastemap("evaluate", table, "--models", "ease", "--set", "positive_min=3", "--json")
    settings = {row["model"]: row["settings"] for row in answer.json["models"]}
    assert settings["ease"]["positive_min"] == 3.0
    assert settings["popularity"]["positive_min"] is None
