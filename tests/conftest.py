"""What all tests share: how Hypothesis runs, and how golden files are refreshed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# No wall-clock limits: they fail on a busy machine, and where a kernel is compiled first.
# The same cases in every run; HYPOTHESIS_PROFILE=explore looks for new ones.
settings.register_profile("tastemap", deadline=None, max_examples=50, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "tastemap"))

GoldenCheck = Callable[[Path, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--golden-update` is what `make golden-update` passes."""
    parser.addoption(
        "--golden-update", action="store_true", help="write golden files instead of comparing them"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> GoldenCheck:
    """Compare a text with a committed file; with `--golden-update`, write the file."""

    def check(path: Path, text: str) -> None:
        if request.config.getoption("--golden-update"):
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{path} does not exist yet; run: make golden-update"
        assert text == path.read_text(encoding="utf-8"), f"{path} is out of date; run: make golden-update"

    return check
