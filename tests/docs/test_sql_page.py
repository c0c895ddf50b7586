"""The page on databases: its commands and its example run as they stand, in SQLite and in PostgreSQL."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.docs.examples import python_blocks, run_blocks, shown_outputs
from tests.surfaces.conftest import Command, tastemap
from tests.unit.data.shops import execute, file_url, open_shop

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "sql.md").read_text(encoding="utf-8")
SQLITE, POSTGRESQL = re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)

RECOMMENDED = 39
"""Users of the shop; one more has rated every item."""

__all__ = ["tastemap"]


def run(tastemap: Command, commands: str) -> None:
    """Each line of a block."""
    for line in commands.splitlines():
        answer = tastemap(*shlex.split(line)[1:])
        assert answer.status == 0, answer.err


def test_the_commands_for_sqlite_run(
    tastemap: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = open_shop(file_url(tmp_path / "shop.db"))
    run(tastemap, SQLITE)
    assert execute(url, "SELECT count(DISTINCT user_id) FROM recommendations") == [(RECOMMENDED,)]


def test_the_commands_for_postgresql_run(
    tastemap: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    monkeypatch.chdir(tmp_path)
    run(tastemap, POSTGRESQL.replace("postgresql://me@localhost/shop", open_shop(postgres_url)))
    assert execute(postgres_url, "SELECT count(DISTINCT user_id) FROM recommendations") == [(RECOMMENDED,)]


def test_the_example_prints_what_the_page_shows(tmp_path: Path) -> None:
    open_shop(file_url(tmp_path / "shop.db"))
    assert run_blocks(python_blocks(PAGE), tmp_path) == shown_outputs(PAGE)
