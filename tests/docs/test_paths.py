"""Files that pages and docstrings name are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "src/**/*.py", "benchmarks/*.py")
    for path in ROOT.glob(pattern)
    if path.name != "CHANGELOG.md"
)
NAMED = re.compile(
    r"(?<![\w./-])((?:benchmarks|docs|examples|scripts|src|tests)/[\w./-]+\.(?:md|py|json|toml|txt))"
)
"""A path from the root of the project."""


def named_paths(page: Path) -> set[str]:
    return set(NAMED.findall(page.read_text(encoding="utf-8")))


def test_the_pattern_finds_paths() -> None:
    assert sum(len(named_paths(page)) for page in PAGES) > 30
    assert NAMED.findall("`docs/data.md`, python scripts/a.py x, ../docs/b.md") == [
        "docs/data.md",
        "scripts/a.py",
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    assert [path for path in sorted(named_paths(page)) if not (ROOT / path).exists()] == []
