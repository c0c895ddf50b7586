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
    record = {"models": {"ials": {}}, "axes": {"n_users": {"points": [{"n_rows": 1_000_000}]}}}
    said = WRITTEN["source"]("growth", record)[0]
    assert said.startswith("Command: `python benchmarks/bench_growth.py --models ials --axes-at 1`.")
    said = WRITTEN["source"]("ials_choice_large", {"d=64": [{"regularization": 20.0}]})[0]
    assert said.startswith("Command: `python benchmarks/bench_ials.py --choose-large --d 64`.")
    said = WRITTEN["source"](
        "quality", {"rating": {"als": {"folds": {"2": {}}}, "bias": {"folds": {"1": {}}}}}
    )[0]
    assert said.startswith("Command: `python benchmarks/bench_quality.py --folds 1 2`.")


def test_batch_lists_say_where_half_of_implicit_s_time_is_enough() -> None:
    record = {"fitted": {"median_s_of_implicit": 0.042}, "random": {"median_s_of_implicit": 0.561}}
    said = WRITTEN["of_recommend"](record)[0]
    assert "Where factors are fitted ours takes 1/24 of implicit's time: the aim of one half is met." in said
    assert (
        "Where factors are random ours takes 1/1.8 of implicit's time: the aim of one half is missed." in said
    )


def test_the_service_says_which_lists_are_sent_again_and_which_are_made_anew() -> None:
    record = {
        "benchmark": "service",
        "lists-als-plain": {"p50_ms": 5.0},
        "lists-als-plain-made-anew": {"p50_ms": 20.0},
        "ready": {"seconds_to_first_page": [2.0]},
    }
    lines = WRITTEN["of_service"](record)
    told = {line.split("`")[1]: line for line in lines if line.startswith("- ")}
    assert list(told) == ["*-made-anew", "lists-*"]
    assert "every list is made anew" in told["*-made-anew"]
    assert "sent again" in told["lists-*"]


def test_a_service_measured_without_lists_says_nothing_of_them() -> None:
    lines = WRITTEN["of_service"]({"ready": {"seconds_to_first_page": [2.0]}})
    assert lines[0] == "| figure | value |"


def test_each_system_says_on_which_folds_and_under_which_load_it_was_measured() -> None:
    fold = {"rmse": 0.95, "fit_s": 1.0, "peak_mb": 200, "load_before": 3.0}
    als = {**fold, "rmse": 0.91, "folds": {"1": fold, "2": fold}}
    record = {"rating": {"bias": {**fold, "folds": {"1": fold}}, "als": als}, "ranking": {}}
    lines = WRITTEN["of_quality"](record)
    rows = [line for line in lines if line.startswith(("| als", "| bias"))]
    assert rows == ["| als | 0.91 | 1 | 200 | 3 | 1, 2 |", "| bias | 0.95 | 1 | 200 | 3 | 1 |"]


@pytest.mark.parametrize(("models", "said"), [({"irspack": {}}, True), ({"ials": {}}, False)])
def test_irspack_on_lastfm_counts_as_measured_here_where_it_was(models: dict[str, Any], said: bool) -> None:
    figures = {"ndcg@10": 0.2, "recall@10": 0.2}
    record = {"published": {}, "models": {name: figures for name in models}, "seed": 0}
    assert ("irspack was measured here" in WRITTEN["of_lastfm"](record)[0]) is said
