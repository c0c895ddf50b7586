"""The page of benchmarks is what its script makes of the committed records."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
WRITTEN = runpy.run_path(str(ROOT / "scripts" / "write_benchmarks.py"))


def test_the_page_is_what_the_script_writes_from_the_records() -> None:
    committed = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert committed == WRITTEN["page"](), "run `python scripts/write_benchmarks.py`"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (True, "yes"), (24_500_007, "24,500,007"), (0.125, "0.125"), ([1, 2.5], "1, 2.5")],
)
def test_figures_are_shown_as_they_were_kept(value: Any, text: str) -> None:
    assert WRITTEN["shown"](value) == text


def test_a_record_without_a_section_of_its_own_is_shown_figure_by_figure() -> None:
    lines = WRITTEN["of_any"]({"benchmark": "b", "fit": {"seconds": 1.5}, "runs": [{"n": 1}, {"n": 2}]})
    assert lines[2:] == ["| fit / seconds | 1.5 |", "| runs / 1 / n | 1 |", "| runs / 2 / n | 2 |", ""]
