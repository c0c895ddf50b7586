"""``tastemap plan``, and what a command says while kernels are compiled for the first time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tastemap.data import load
from tastemap.tuning import plan
from tests.surfaces.conftest import Command


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
    measured = {"seconds"}  # the speed of the machine is measured anew
    assert {name: found[name] for name in found.keys() - measured} == {
        name: expected[name] for name in expected.keys() - measured
    }


def test_a_plan_beyond_the_memory_says_what_to_do_and_names_no_fit(
    tastemap: Command, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["tastemap.tuning.plan"], "machine_memory", lambda: 10**8)
    answer = tastemap("plan", table, "--model", "als")
    assert answer.status == 0
    assert "lower n_factors" in answer.err
    assert "Next:" not in answer.err


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
