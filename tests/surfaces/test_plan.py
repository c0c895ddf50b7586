"""``tastemap plan``, and what a command says while kernels are compiled for the first time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tastemap.data import load, load_blocks
from tastemap.tuning import plan
from tests.surfaces.conftest import Command


def without_measured(found: dict[str, object]) -> dict[str, object]:
    """Without the time: the speed of the machine is measured anew."""
    return {name: value for name, value in found.items() if name != "seconds"}


def test_plan_says_what_a_fit_needs_and_ends_with_the_fit(tastemap: Command, table: Path) -> None:
    answer = tastemap("plan", table, "--model", "als", "--set", "n_factors=3")
    assert answer.status == 0
    for name in ("memory", "artifact", "time"):
        assert name in answer.out
    assert "epochs in all" in answer.out
    assert f"Next: tastemap fit {table} --model als --set n_factors=3" in answer.err


def test_plan_as_json_has_the_fields_of_the_library(tastemap: Command, table: Path) -> None:
    found = tastemap("plan", table, "--model", "ease", "--json").json
    expected = plan(load(table), "ease").as_json()
    assert set(found) == set(expected)
    assert without_measured(found) == without_measured(expected)


def test_a_plan_beyond_the_memory_says_what_to_do_and_names_no_fit(
    tastemap: Command, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["tastemap.tuning.plan"], "machine_memory", lambda: 10**8)
    answer = tastemap("plan", table, "--model", "als")
    assert answer.status == 0
    assert "lower n_factors" in answer.err
    assert "Next:" not in answer.err


@pytest.mark.parametrize("model", ["als", "ials"])
def test_a_plan_with_less_memory_is_that_of_the_fit_that_keeps_rows_on_disk(
    tastemap: Command, table: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    in_memory = tastemap("plan", table, "--model", model, "--json").json
    for name, value in (("BYTES_PER_ROW", 1 << 40), ("SMALLEST_BLOCK", 7), ("LARGEST_BLOCK", 7)):
        monkeypatch.setattr(load_blocks, name, value)
    on_disk = tastemap("plan", table, "--model", model, "--max-memory", "4GB", "--json").json
    expected = plan(load(table, max_memory=4 * 10**9), model, max_memory="4GB")
    assert without_measured(on_disk) == without_measured(expected.as_json())
    for part in ("data", "validation", "fit"):
        assert on_disk["parts"][part] < in_memory["parts"][part]
    answer = tastemap("plan", table, "--model", model, "--max-memory", "4GB")
    assert "they stay on disk" in answer.err
    assert f"Next: tastemap fit {table} --model {model} --max-memory 4GB" in answer.err


def test_a_plan_of_a_model_that_holds_its_data_in_memory_reads_them_into_it(
    tastemap: Command, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_blocks, "BYTES_PER_ROW", 1 << 40)
    answer = tastemap("plan", table, "--model", "ease", "--max-memory", "4GB")
    assert answer.status == 0
    assert "stay on disk" not in answer.err


def test_a_plan_beyond_the_memory_that_is_allowed_says_so_and_the_fit_is_refused(
    tastemap: Command, table: Path, tmp_path: Path
) -> None:
    options = [table, "--model", "als", "--max-memory", "100MB"]
    answer = tastemap("plan", *options)
    assert answer.status == 0
    assert "max_memory allows 100 MB, so it would be refused: lower n_factors, or allow more." in answer.err
    assert "Next:" not in answer.err
    assert tastemap("plan", *options, "--json").json["fits"] is False
    refused = tastemap("fit", *options, "-o", tmp_path / "model")
    assert refused.status == 2
    assert "max_memory must be at least" in refused.err


def test_a_plan_counts_the_rows_that_positive_min_leaves(tastemap: Command, table: Path) -> None:
    few, by_setting, all_rows = (
        tastemap("plan", table, "--model", "ials", *options, "--json").json
        for options in (["--positive-min", "4"], ["--set", "positive_min=4"], [])
    )
    assert without_measured(few) == without_measured(by_setting)
    assert few["parts"]["fit"] < all_rows["parts"]["fit"]


@pytest.mark.parametrize(
    "arguments",
    [["--model", "alss"], ["--model", "als", "--set", "n_factor=3"], ["--model", "als", "--set", "x"]],
)
def test_a_plan_of_what_is_not_there_is_wrong_usage(
    tastemap: Command, table: Path, arguments: list[str]
) -> None:
    assert tastemap("plan", table, *arguments).status == 2


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled without the JIT")
def test_the_first_use_says_once_that_kernels_are_compiled_and_the_second_nothing(
    table: Path, tmp_path: Path
) -> None:
    command = [
        sys.executable,
        "-m",
        "tastemap",
        "fit",
        str(table),
        "--model",
        "bias",
        "-o",
        str(tmp_path / "m"),
    ]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    said = [
        subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stderr
        for _ in range(2)
    ]
    assert [text.count("Compiling a numeric kernel") for text in said] == [1, 0]
