"""The page on lists and neighbors says what the code does."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import polars as pl

from tastemap.inference import similar_items
from tastemap.inference.where import matching

PAGE = (Path(__file__).parents[2] / "docs" / "lists.md").read_text(encoding="utf-8")
CATALOG = pl.DataFrame(
    {"title": ["Alien (1979)", "Star (1940)"], "year": [1979, 1940], "genres": [["Horror"], ["War"]]}
)


def test_every_filter_in_the_table_is_read() -> None:
    written = re.findall(r"^\| `([^`]+)` \| ", PAGE, re.MULTILINE)
    kept = [matching(CATALOG, expression)[0].tolist() for expression in written]
    assert kept == [[False, False], [True, False], [False, True], [True, False], [True, True], [False, True]]


def test_the_note_on_an_unknown_text_is_the_one_quoted() -> None:
    quoted = " ".join(re.findall(r"\*(No item has [^*]+)\*", PAGE)[0].split())
    assert matching(CATALOG, "genre = Horrror")[1] == [quoted]


def test_the_least_number_of_common_users_is_the_one_stated() -> None:
    default = inspect.signature(similar_items).parameters["min_common_users"].default
    assert re.findall(r"\*\*(\d+) users in common\*\*", PAGE) == [str(default)]
