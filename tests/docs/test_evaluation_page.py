"""The page on evaluation documents every metric, with the figures that are worked by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tastemap.data.splits import SPLIT_KINDS
from tastemap.evaluation import METRICS, evaluate_recommender, parse_gate
from tests.unit.evaluation.by_hand import TEST_ROWS, dataset, recommender

PAGE = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")


def section(stem: str) -> str:
    found = re.search(rf"^### {stem}\n(.*?)(?=^##)", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None, f"docs/evaluation.md has no section ### {stem}"
    return found.group(1)


def test_every_metric_has_its_section_and_every_section_a_metric() -> None:
    assert re.findall(r"^### (\w+)$", PAGE, re.MULTILINE) == list(METRICS)


@pytest.mark.parametrize("stem", METRICS)
def test_the_worked_figure_of_a_section_is_what_the_library_finds(stem: str) -> None:
    found = evaluate_recommender(recommender(), dataset(TEST_ROWS), k=2, n_draws=1).result("als")
    figure = found.metrics[METRICS[stem].name(2)].value
    example = section(stem).split("*Example*:")[1]
    stated = float(re.findall(r"[=:] ?(\d+(?:\.\d+)?)\$?\.\s*$", example.strip())[0])
    assert stated == pytest.approx(figure, abs=5e-5)


def test_every_split_is_documented() -> None:
    for kind in SPLIT_KINDS:
        assert f"`{kind}`" in PAGE


def test_every_gate_shown_parses() -> None:
    shown = re.findall(r"^  \| `([^`]+)` \|", PAGE, re.MULTILINE) + re.findall(r'--fail-if "([^"]+)"', PAGE)
    gates = [text for text in shown if "METRIC" not in text]
    assert len(gates) == 4
    for text in gates:
        parse_gate(text)
