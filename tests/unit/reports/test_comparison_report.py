"""The comparison page says what changes, in the direction that is better, and runs nothing from the data."""

from __future__ import annotations

import json
from dataclasses import replace

from bs4 import BeautifulSoup

from tastemap.evaluation.comparison import (
    Comparison,
    ExposureChange,
    MetricChange,
    Overlap,
    Segment,
    SegmentOverlap,
)
from tastemap.reports import comparison_report

FOUND = Comparison(
    a="als of May",
    b="als of June",
    k=10,
    seed=3,
    test="ml-100k:u1.test",
    metrics=(
        MetricChange("rmse", 1.0, 0.95, -0.05, -0.05, -0.06, -0.04, "test"),
        MetricChange("ndcg@10", 0.2, 0.19, -0.01, -0.05, -0.03, 0.01, "test"),
        MetricChange("coverage@10", 0.0, 0.1, 0.1, None, None, None, "evaluation"),
    ),
    overlap=Overlap(943, 943, 0.7, 0.55, 0.1, (SegmentOverlap("5–28 in training", 236, 0.6),)),
    segments=(Segment("5–28 in training", "ndcg@10", 236, 0.1, 0.12, 0.3, 0.2),),
    gain=(ExposureChange(50, "Star Wars (1977)", 0.1, 0.25, 0.15),),
    lose=(ExposureChange("x9", None, 0.2, 0.1, -0.1),),
)


def _page(found: Comparison) -> BeautifulSoup:
    return BeautifulSoup(comparison_report(found), "html.parser")


def _cells(page: BeautifulSoup, part: str) -> list[list[str]]:
    rows = page.select(f"#{part} tbody tr")
    return [[cell.get_text(" ", strip=True) for cell in row.select("th, td")] for row in rows]


def test_metrics_stand_with_their_changes_intervals_and_sources() -> None:
    assert _cells(_page(FOUND), "metrics") == [
        ["RMSE", "1.000", "0.950", "−0.0500 −0.0600 to −0.0400", "clear", "test data"],
        ["NDCG@10", "0.200", "0.190", "−0.0100 −0.0300 to +0.0100", "not clear", "test data"],
        ["Coverage@10", "0.000", "0.100", "+0.1000", "no interval", "evaluations saved with both"],
    ]


def test_the_chart_turns_every_change_so_that_right_is_better() -> None:
    spec = _page(FOUND).select_one("#spec-changes")
    assert spec is not None
    rows = next(rows for rows in json.loads(spec.get_text())["datasets"].values() if "shape" in rows[0])
    assert [(row["name"], round(row["value"], 6)) for row in rows] == [("RMSE", 5.0), ("NDCG@10", -5.0)]
    assert [round(rows[0][end], 6) for end in ("low", "high")] == [4.0, 6.0]


def test_segments_overlap_and_exposure_have_their_tables() -> None:
    page = _page(FOUND)
    assert _cells(page, "segments")[0][-2:] == ["30.0\u202f%", "20.0\u202f%"]
    assert _cells(page, "overlap") == [["5–28 in training", "236", "60.0\u202f%"]]
    assert _cells(page, "exposure") == [
        ["Star Wars (1977)", "10.0\u202f%", "25.0\u202f%", "+15.0"],
        ["x9", "20.0\u202f%", "10.0\u202f%", "−10.0"],
    ]
    assert "Change in percentage points" in page.select("#exposure th")[3].get_text()


def test_a_comparison_of_nothing_is_a_page_too() -> None:
    empty = Comparison("a", "b", 10, 0, None, (), None, (), (), ())
    page = _page(empty)
    verdict = page.select_one(".verdict")
    assert verdict is not None
    assert "Nothing could be compared." in verdict.get_text()
    assert not page.select("script")


def test_markup_in_names_and_titles_is_text() -> None:
    evil = "<img src=x onerror=alert(1)>"
    page = _page(replace(FOUND, a=evil, gain=(replace(FOUND.gain[0], title=evil),), notes=(evil,)))
    assert not page.select("img")
    assert page.h1 is not None
    assert page.h1.get_text() == f"{evil} and als of June"
