"""A small ratings table with titles, and models fitted to it through the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tastemap.cli.main import run
from tests.toys import planted


@dataclass(frozen=True)
class Answer:
    """What one command gave."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document that it is."""
        return json.loads(self.out)


Command = Callable[..., Answer]


@pytest.fixture
def tastemap(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process: ``tastemap("fit", source, "--model", "als")``."""

    def command(*arguments: object) -> Answer:
        capsys.readouterr()
        status = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Answer(status, captured.out, captured.err)

    return command


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ratings CSV of 60 users and 40 items."""
    path = tmp_path_factory.mktemp("source") / "ratings.csv"
    planted().interactions.frame().write_csv(path)
    return path


@pytest.fixture(scope="session")
def titles(table: Path) -> Path:
    """Titles, years and kinds of its items."""
    path = table.with_name("titles.csv")
    items = range(40)
    pl.DataFrame(
        {
            "item_id": items,
            "title": [f"Film <b>{item}</b> ({1960 + item})" for item in items],
            "year": [1960 + item for item in items],
            "kind": ["Drama" if item % 2 else "Comedy" for item in items],
        }
    ).write_csv(path)
    return path


@pytest.fixture(scope="session")
def fitted(table: Path, titles: Path) -> dict[str, Path]:
    """Saved models of both objectives."""
    folders = {}
    for name in ("als", "ials", "popularity"):
        folder = table.parent / f"saved-{name}"
        arguments = ["fit", str(table), "--model", name, "-o", str(folder), "--item-features", str(titles)]
        assert run([*arguments, "--json"]) == 0
        folders[name] = folder
    return folders
