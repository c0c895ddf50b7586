"""The page of growth is what its script makes of the committed records, and what it computes adds up."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    """The names of the script, which imports the one beside it."""
    scripts = str(ROOT / "scripts")
    sys.path.insert(0, scripts)
    try:
        return runpy.run_path(f"{scripts}/write_scaling.py")
    finally:
        sys.path.remove(scripts)


def test_the_page_is_what_the_script_writes_from_the_records(written: dict[str, Any]) -> None:
    committed = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    assert committed == written["page"](), "run `python scripts/write_scaling.py`"


def test_a_deployment_is_reckoned_from_the_measured_constants(written: dict[str, Any]) -> None:
    size = written["Deployment"](1e6, 1e5, ratings_of_user=50, factors=64, lists_a_second=100)
    growth = {"models": {"ials": {"points": [{"millions_a_second": 4.0}]}}}
    query = {"random 1000000": {"median_ms": 30.0, "items": 1_000_000}}
    said = "\n".join(written["of_deployment"](growth, query, size))
    # 10 iterations of 50 million ratings at 2 million a second and thread; 30 ms a million items.
    assert "0 thread-hours: 0.0 h" in said
    assert "| 3 ms of one thread |" in said
    assert "| 1 threads |" in said
    assert "0.3 GB" in said
    assert "1 GB" in said
