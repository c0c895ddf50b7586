"""Rows on disk: the same artifact as in memory, byte for byte; a kill in the middle; a disk that is full."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tastemap.artifacts import save
from tastemap.data import Dataset, load, load_blocks
from tastemap.linalg.placement import OnDisk
from tastemap.linalg.threads import use_threads
from tastemap.models import half_step, ials_sides
from tastemap.training import fit
from tests.saved import contents_of
from tests.surfaces.conftest import Command, tastemap

__all__ = ["tastemap"]

BLOCK = 64
"""Rows at a time; the table has 1,200."""
SMALL: dict[str, object] = {"n_factors": 4, "n_epochs": 4}
OPTIONS = ["--set", "n_factors=4", "--set", "n_epochs=4", "--seed", "1"]

# The command of argv[4:] with rows on disk, killed in epoch argv[1] of its search or fit (0: never). Files may
# not grow beyond argv[2] bytes (-1: as they like); room is "reserved" or "written", as argv[3] says.
COMMAND = """
import os, resource, signal, sys
from functools import partial
from tastemap.artifacts import checkpoints
from tastemap.cli.main import run
from tastemap.cli.progress import TerminalProgress
from tastemap.data import load_blocks

epochs_left = int(sys.argv[1])

def step(self, task, done, total, figures):
    global epochs_left
    if task.startswith(("search", "fit")):
        epochs_left -= 1
        if epochs_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

load_blocks.BYTES_PER_ROW = 1 << 40
load_blocks.SMALLEST_BLOCK = load_blocks.LARGEST_BLOCK = 64
checkpoints.FileCheckpoints = partial(checkpoints.FileCheckpoints, first_after_s=0.0)
TerminalProgress.step = step
if sys.argv[3] == "written":
    del os.posix_fallocate
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
sys.exit(run(sys.argv[4:]))
"""


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ratings of 60 users and 40 items in no order, a quarter of them of a pair that has another one."""
    rng = np.random.default_rng(5)
    pairs = rng.integers(0, (60, 40), (1200, 2))
    stars = 1 + (pairs.prod(axis=1) + rng.integers(0, 2, 1200)) % 5
    times = rng.integers(10**9, 10**9 + 500, 1200)
    rows = zip(pairs, stars, times, strict=True)
    lines = [f"u{user},{item},{rating},{time}" for (user, item), rating, time in rows]
    path = tmp_path_factory.mktemp("source") / "ratings.csv"
    path.write_text("user,item,rating,timestamp\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every table is too large for the memory that is allowed, and is read in many blocks."""
    monkeypatch.setattr(load_blocks, "BYTES_PER_ROW", 1 << 40)
    monkeypatch.setattr(load_blocks, "SMALLEST_BLOCK", BLOCK)
    monkeypatch.setattr(load_blocks, "LARGEST_BLOCK", BLOCK)


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files, empty."""
    folder = tmp_path / "spool"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)  # what Python has found before
    return folder


def saved(data: Dataset, model: str, settings: dict[str, object], folder: Path) -> dict[str, bytes]:
    """The files of the artifact of a fit."""
    return contents_of(save(fit(data, model, settings={**SMALL, **settings}, rng=1), folder))


def assert_same_files(found: dict[str, bytes], expected: dict[str, bytes]) -> None:
    assert sorted(found) == sorted(expected)  # names hold digests
    assert [name for name in expected if found[name] != expected[name]] == []


def solve_at_a_time(n_entries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold targets and weights of so many entries in memory at a time, as large data do with millions."""
    for module in (half_step, ials_sides):
        monkeypatch.setattr(module, "ENTRIES_AT_A_TIME", n_entries)


def assert_same_on_disk(
    source: Path, model: str, settings: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    solve_at_a_time(100, monkeypatch)
    expected = saved(load(source), model, settings, tmp_path / "in-memory")
    data = load(source, max_memory=1)
    assert isinstance(data.interactions.placement, OnDisk)
    assert data.interactions.placement.block == BLOCK
    assert_same_files(saved(data, model, settings, tmp_path / "on-disk"), expected)


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("als", {}),
        ("als", {"validation_fraction": 0.0}),
        ("als", {"implicit_history": True}),
        ("ials", {"solver": "cg"}),
        ("ials", {"solver": "cholesky"}),
        ("ials", {"solver": "cholesky", "biases": True}),
        ("ials", {"solver": "cg", "alpha": 2.0, "recency": 1.5}),
        ("ials", {"solver": "cholesky", "alpha": 2.0, "log_values": True}),
        ("ials", {"solver": "cg", "unobserved_power": 0.5}),
        ("ials", {"solver": "cholesky", "alpha": 0.5, "unobserved_power": 0.5}),
        ("ials", {"solver": "cg", "positive_min": 4.0}),
    ],
)
@pytest.mark.usefixtures("small_blocks")
def test_a_fit_of_rows_on_disk_saves_the_bytes_of_one_in_memory(
    table: Path, model: str, settings: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_same_on_disk(table, model, settings, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("als", {"implicit_history": True}),
        ("ials", {"solver": "cholesky", "biases": True}),
        ("ials", {"solver": "cholesky", "alpha": 0.5, "unobserved_power": 0.5}),
    ],
)
def test_exact_solves_do_not_depend_on_how_many_entries_are_worked_on_at_a_time(
    table: Path, model: str, settings: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = saved(load(table), model, settings, tmp_path / "at-once")
    solve_at_a_time(100, monkeypatch)
    assert_same_files(saved(load(table), model, settings, tmp_path / "in-parts"), at_once)


@pytest.mark.usefixtures("small_blocks")
def test_so_does_a_fit_of_interactions_that_have_no_ratings_and_no_times(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = tmp_path / "pairs.csv"
    lines = table.read_text().splitlines()
    pairs.write_text("".join(f"{line.rsplit(',', 2)[0]}\n" for line in lines))
    assert_same_on_disk(pairs, "ials", {"solver": "cg", "alpha": 1.0}, tmp_path, monkeypatch)


@pytest.mark.usefixtures("small_blocks")
def test_the_bytes_are_the_same_at_any_number_of_threads(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, object] = {"solver": "cg", "alpha": 2.0, "recency": 1.5}
    with use_threads(2):
        assert_same_on_disk(table, "ials", settings, tmp_path, monkeypatch)
    with use_threads(1):
        found = saved(load(table, max_memory=1), "ials", settings, tmp_path / "one-thread")
    assert_same_files(found, contents_of(tmp_path / "in-memory"))


@pytest.mark.usefixtures("small_blocks")
def test_the_command_saves_the_same_bytes_and_empties_the_folder_of_temporary_files(
    tastemap: Command, table: Path, spool: Path, tmp_path: Path
) -> None:
    command = ["fit", table, "--model", "ials", *OPTIONS]
    in_memory = tastemap(*command, "-o", tmp_path / "in-memory")
    on_disk = tastemap(*command, "-o", tmp_path / "on-disk", "--max-memory", "4GB")
    assert (in_memory.status, on_disk.status) == (0, 0), on_disk.err
    said = f"1,200 rows of ratings do not fit the memory that is allowed: they stay on disk, in {spool}"
    assert said in on_disk.err
    assert "stay on disk" not in in_memory.err
    assert_same_files(contents_of(tmp_path / "on-disk"), contents_of(tmp_path / "in-memory"))
    assert list(spool.iterdir()) == []


def run_command(
    *arguments: object, killed_in: int = 0, largest_file: int = -1, room: str = "reserved"
) -> subprocess.CompletedProcess[str]:
    """Run a command with rows on disk in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", COMMAND, str(killed_in), str(largest_file), room, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("model", "options", "phase"),
    [("als", [], "search"), ("ials", ["--set", "validation_fraction=0", "--set", "solver=cg"], "fit")],
)
def test_a_fit_of_rows_on_disk_that_is_killed_goes_on_and_saves_the_same_bytes(
    tastemap: Command, table: Path, spool: Path, tmp_path: Path, model: str, options: list[str], phase: str
) -> None:
    whole = ["fit", table, "--model", model, *OPTIONS, *options]
    assert tastemap(*whole, "-o", tmp_path / "whole").status == 0
    out, unfinished = tmp_path / "killed", tmp_path / "killed.unfinished"
    command = [*whole, "-o", out, "--max-memory", "4GB"]
    assert run_command(*command, killed_in=2).returncode == -signal.SIGKILL
    assert unfinished.exists()
    assert not out.exists()
    assert list(spool.iterdir()) == []
    ended = run_command(*command)
    assert ended.returncode == 0, ended.stderr
    assert "they stay on disk" in ended.stderr
    assert f"Going on after epoch 1 of the {phase} that was cut off." in ended.stderr
    assert_same_files(contents_of(out), contents_of(tmp_path / "whole"))
    assert not unfinished.exists()
    assert list(spool.iterdir()) == []


def fill_disk_at(monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """Let the given array (from 0), and all after it, find the disk full when its room is reserved."""
    real: Callable[..., Any] = os.posix_fallocate
    calls = iter(range(10**6))

    def failing(*arguments: Any) -> Any:
        if next(calls) >= call:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments)

    monkeypatch.setattr(os, "posix_fallocate", failing)


def assert_says_what_to_do(err: str, spool: Path, reason: str) -> None:
    *_, last = err.splitlines()
    assert err.count("Error: ") == 1
    assert re.fullmatch(
        rf"Error: Could not set [\d,]+ bytes aside in {re.escape(str(spool))}: {reason}\. Make room there, "
        r"name another folder with TMPDIR, or allow more memory\.",
        last,
    )


@pytest.mark.parametrize(
    "call",
    # The rows as they are read have 4 arrays, and 4 once more where they are sorted; then the rows held out.
    [0, 3, 4, 7, 8, 10, 22],
)
@pytest.mark.usefixtures("small_blocks")
def test_a_disk_that_is_full_is_a_sentence_and_leaves_nothing(
    tastemap: Command, table: Path, spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    command = ["fit", table, "--model", "ials", *OPTIONS, "-o", tmp_path / "saved", "--max-memory", "4GB"]
    with monkeypatch.context() as patch:
        fill_disk_at(patch, call)
        answer = tastemap(*command)
    assert answer.status == 1
    assert_says_what_to_do(answer.err, spool, "No space left on device")
    assert list(spool.iterdir()) == []
    assert list(tmp_path.iterdir()) == [spool]


@pytest.mark.usefixtures("small_blocks")
def test_a_folder_that_tmpdir_names_in_vain_is_not_replaced_by_another_one(
    tastemap: Command, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "nowhere"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    answer = tastemap("fit", table, "--model", "als", "-o", tmp_path / "saved", "--max-memory", "4GB")
    assert answer.status == 1
    assert_says_what_to_do(answer.err, tmp_path / "nowhere", "No such file or directory")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("small_blocks")
def test_with_json_a_full_disk_is_a_document(
    tastemap: Command, table: Path, spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_disk_at(monkeypatch, 0)
    answer = tastemap("plan", table, "--model", "als", "--max-memory", "4GB", "--json")
    assert answer.status == 1
    assert answer.json["error"]["code"] == "storage"
    assert list(tmp_path.iterdir()) == [spool]


@pytest.mark.parametrize("room", ["reserved", "written"])
def test_a_refusal_of_the_system_itself_is_the_same_sentence(
    table: Path, spool: Path, tmp_path: Path, room: str
) -> None:
    command = ["fit", table, "--model", "ials", *OPTIONS, "-o", tmp_path / "saved", "--max-memory", "4GB"]
    ended = run_command(*command, largest_file=4 * 1200 - 1, room=room)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert_says_what_to_do(ended.stderr, spool, "File too large")
    assert list(spool.iterdir()) == []
    assert list(tmp_path.iterdir()) == [spool]
