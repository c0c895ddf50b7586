"""The page on data larger than the memory: its commands and its example run as they stand, on a small file."""

from __future__ import annotations

import re
import shlex
from functools import partial
from pathlib import Path

import pytest

from tastemap.artifacts import checkpoints
from tastemap.cli.progress import TerminalProgress
from tastemap.data import load_blocks
from tests.docs.examples import python_blocks, run_blocks, shown_outputs
from tests.saved import contents_of
from tests.surfaces.conftest import Command, tastemap
from tests.toys import planted

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "large-data.md").read_text(encoding="utf-8")
(COMMANDS,) = re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)
(SESSION,) = re.findall(r"```console\n\$ (.*?)```", PAGE, flags=re.DOTALL)

__all__ = ["tastemap"]


class CutOffError(BaseException):
    """What nobody catches, as nobody catches a kill."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the file that the page speaks of; its rows count as too many for the memory."""
    planted().interactions.frame().write_parquet(tmp_path / "ratings.parquet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(load_blocks, "BYTES_PER_ROW", 1 << 40)
    monkeypatch.setattr(load_blocks, "SMALLEST_BLOCK", 64)
    monkeypatch.setattr(load_blocks, "LARGEST_BLOCK", 64)
    return tmp_path


def cut_off_in(epoch: int, patch: pytest.MonkeyPatch) -> None:
    """End a fit at the end of an epoch of its search, before it is kept; keep all epochs before."""
    once = partial(checkpoints.FileCheckpoints, first_after_s=0.0)
    patch.setattr(checkpoints, "FileCheckpoints", once)
    patch.setattr(checkpoints, "LARGEST_SHARE", 1e9)

    def step(_: TerminalProgress, task: str, done: int, total: int, figures: dict[str, float]) -> None:
        if task.startswith("search") and done == epoch:
            raise CutOffError

    patch.setattr(TerminalProgress, "step", step)


def test_the_commands_run_and_a_fit_that_is_cut_off_goes_on_as_shown(
    tastemap: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for line in COMMANDS.splitlines():
        answer = tastemap(*shlex.split(line)[1:])
        assert answer.status == 0, answer.err
        assert "they stay on disk" in answer.err
    undisturbed = contents_of((folder / "my-model").rename(folder / "undisturbed"))
    typed, *shown = SESSION.splitlines()
    (kept,) = re.findall(r"after epoch (\d+)", SESSION)
    with monkeypatch.context() as patch:
        cut_off_in(int(kept) + 1, patch)
        with pytest.raises(CutOffError):
            tastemap(*shlex.split(typed)[1:])
    assert (folder / "my-model.unfinished").exists()
    answer = tastemap(*shlex.split(typed)[1:])
    assert answer.status == 0, answer.err
    assert [line for line in answer.err.splitlines() if line in shown] == shown != []
    assert contents_of(folder / "my-model") == undisturbed
    assert not (folder / "my-model.unfinished").exists()


def test_the_example_runs_and_saves_what_the_command_does(tastemap: Command, folder: Path) -> None:
    fit = COMMANDS.splitlines()[-1]
    assert tastemap(*shlex.split(fit)[1:]).status == 0
    by_command = contents_of((folder / "my-model").rename(folder / "by-command"))
    assert run_blocks(python_blocks(PAGE), folder) == shown_outputs(PAGE)
    assert contents_of(folder / "my-model") == by_command
    assert not (folder / "my-model.unfinished").exists()
