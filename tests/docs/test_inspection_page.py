"""The page on looking inside names every function there is, with the constants of the code."""

from __future__ import annotations

import re
from pathlib import Path

from tastemap import charts, inspection
from tastemap.charts.points import MOST_TITLES
from tastemap.inspection.item_map import FEWEST_ITEMS, LARGEST_MAP, N_STEPS, PERPLEXITY
from tastemap.inspection.items import N_GENRES

PAGE = (Path(__file__).parents[2] / "docs" / "inspection.md").read_text(encoding="utf-8")
CHARTS_OF_REPORTS = {"difference_chart", "dot_chart", "fold_chart", "interval_chart"}


def named(column: int) -> set[str]:
    """Names in a column of the table."""
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row[column])}


def test_every_function_and_chart_stands_in_the_table() -> None:
    assert named(0) == {name for name in inspection.__all__ if name.islower()}
    assert named(1) == {name for name in charts.__all__ if name.endswith("_chart")} - CHARTS_OF_REPORTS


def test_the_constants_are_those_of_the_code() -> None:
    assert f"perplexity {PERPLEXITY:g} (a third of the items if they are fewer than {3 * PERPLEXITY:g})" in PAGE
    assert f"{N_STEPS} steps, at most the {LARGEST_MAP:,} most popular items" in PAGE
    assert f"fewer\nthan {FEWEST_ITEMS} items" in PAGE
    assert (N_GENRES, MOST_TITLES) == (7, 20)
    assert "the seven most frequent" in PAGE
    assert "up to twenty" in PAGE
