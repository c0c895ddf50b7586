"""The page on choosing a model runs, and names every candidate and every setting that is searched."""

from __future__ import annotations

import re
from pathlib import Path

from tastemap.tuning.arena import MEASURED_USERS
from tastemap.tuning.candidates import SIMPLEST_FIRST, candidates, written
from tastemap.tuning.race import FEWEST_USERS
from tastemap.tuning.space import SPACE, Dimension, Span
from tastemap.tuning.tune import N_TRIALS
from tests.docs.examples import python_blocks, run_blocks

PAGE = (Path(__file__).parents[2] / "docs" / "auto.md").read_text(encoding="utf-8")


def test_the_example_runs(tmp_path: Path) -> None:
    (output,) = run_blocks(python_blocks(PAGE), tmp_path)
    assert "Recommender" in output
    assert "regularization=" in output


def test_every_candidate_stands_in_the_table_in_its_order() -> None:
    stated = re.findall(r"^\| (rating|ranking) \| `(.+)` \|$", PAGE, re.MULTILINE)
    assert stated == [
        (objective, candidate.label) for objective in SIMPLEST_FIRST for candidate in candidates(objective)
    ]


def test_every_setting_that_is_searched_stands_in_the_table_with_its_bounds() -> None:
    stated = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (.+?) \| ?(.*?) ?\|$", PAGE, re.MULTILINE)
    assert stated == [
        (
            model,
            name,
            tried(dimension),
            " ".join(f"{k}={written(v)}" for k, v in dimension.with_settings.items()),
        )
        for model, space in SPACE.items()
        for name, dimension in space.items()
    ]


def test_the_numbers_are_those_of_the_code() -> None:
    words = " ".join(PAGE.split())
    assert f"of at most {MEASURED_USERS:,} users" in words
    assert f"at least {FEWEST_USERS:,} of them" in words
    assert f"There are {N_TRIALS} trials" in words


def tried(dimension: Dimension) -> str:
    if isinstance(dimension, Span):
        return f"{dimension.low:g} to {dimension.high:g}"
    return ", ".join(map(written, dimension.values))
