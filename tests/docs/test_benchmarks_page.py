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


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (
            {"machine": {"load_before": 5.8}},
            "Load before: 5.8: **the machine was busy**, wall times may be too long.",
        ),
        ({"load_average_before": 0.9}, "Load before: 0.9."),
        ({"machine": "Linux"}, "The load before was not recorded."),
    ],
)
def test_every_section_says_how_busy_the_machine_was(record: dict[str, Any], text: str) -> None:
    assert WRITTEN["source"]("plan", record)[0].endswith(text)


def test_the_command_of_a_section_makes_all_that_its_record_holds() -> None:
    entry = {"runs": {"ours": [{"seed": 0}, {"seed": 2}]}}
    said = WRITTEN["source"]("ials", {"d=64": entry, "d=128": entry})[0]
    assert said.startswith("Command: `python benchmarks/bench_ials.py --d 64 128 --seeds 0 2`.")
    said = WRITTEN["source"]("ials_choice_large", {"d=64": [{"regularization": 20.0}]})[0]
    assert said.startswith("Command: `python benchmarks/bench_ials.py --choose-large --d 64`.")
