"""``tastemap rate``: answers typed at the terminal, the list they give, and the file they are kept in."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tests.surfaces.conftest import Command

Typist = Callable[..., None]


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch) -> Typist:
    """Set what the person types, line by line."""

    def type_lines(*lines: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))

    return type_lines


def test_ratings_become_a_list_with_reasons(tastemap: Command, fitted: dict[str, Path], types: Typist) -> None:
    types("5", "", "1", "q")
    answer = tastemap("rate", fitted["als"], "-k", 3, "--json")
    assert answer.status == 0
    document = answer.json
    assert [row["rating"] for row in document["ratings"]] == [5.0, 1.0]
    rated = {row["item_id"] for row in document["ratings"]}
    assert len(document["items"]) == 3
    for row in document["items"]:
        assert row["item_id"] not in rated
        assert {reason["item_id"] for reason in row["reasons"]} <= rated


def test_the_list_is_that_of_recommend_for_the_same_ratings(
    tastemap: Command, fitted: dict[str, Path], types: Typist, tmp_path: Path
) -> None:
    kept = tmp_path / "mine.csv"
    types("5", "2", "q")
    first = tastemap("rate", fitted["als"], "--save", kept, "-k", 4, "--json").json
    assert pl.read_csv(kept).columns == ["item_id", "rating"]
    again = tastemap("recommend", fitted["als"], "--history", kept, "-k", 4, "--json").json
    assert [row["item_id"] for row in first["items"]] == [row["item_id"] for row in again["items"]]


def test_a_history_is_extended_and_not_asked_again(
    tastemap: Command, fitted: dict[str, Path], types: Typist, tmp_path: Path
) -> None:
    kept = tmp_path / "mine.csv"
    types("5", "q")
    tastemap("rate", fitted["als"], "--save", kept)
    types("3", "q")
    tastemap("rate", fitted["als"], "--history", kept, "--save", kept)
    assert pl.read_csv(kept)["rating"].to_list() == [5.0, 3.0]
    assert pl.read_csv(kept)["item_id"].n_unique() == 2


def test_a_title_is_found_by_a_part_of_it(tastemap: Command, fitted: dict[str, Path], types: Typist) -> None:
    titles = [row["title"] for row in tastemap("recommend", fitted["als"], "--user", 1, "--json").json["items"]]
    types(f"/{titles[-1]}", "1", "4", "q")
    answer = tastemap("rate", fitted["als"], "--json")
    assert f"1  {titles[-1]}" in answer.err
    assert [row["rating"] for row in answer.json["ratings"]] == [4.0]


def test_an_answer_outside_the_scale_is_asked_for_again(
    tastemap: Command, fitted: dict[str, Path], types: Typist
) -> None:
    types("9", "great", "4", "q")
    answer = tastemap("rate", fitted["als"], "--json")
    assert answer.err.count("is no answer: rate from 1 to 5") == 2
    assert [row["rating"] for row in answer.json["ratings"]] == [4.0]


@pytest.mark.parametrize("lines", [(), ("q",), ("", "q")])
def test_without_a_rating_there_is_a_sentence_and_no_list(
    tastemap: Command, fitted: dict[str, Path], types: Typist, lines: tuple[str, ...]
) -> None:
    types(*lines)
    answer = tastemap("rate", fitted["als"])
    assert answer.status == 1
    assert "Nothing was rated" in answer.err
