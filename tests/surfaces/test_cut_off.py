"""A fit that is killed goes on where it stood, and ends with the artifact that an undisturbed one leaves."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tastemap.artifacts.checkpoints import FileCheckpoints
from tastemap.training.checkpoint import Standing

PROGRAM = """
import os, signal, sys
from pathlib import Path
from tastemap import artifacts, training
from tastemap.artifacts.checkpoints import FileCheckpoints
from tastemap.data import load

class Deadly:
    steps = 0
    def note(self, message): print(message)
    def step(self, task, done, total, figures):
        if task.startswith(("search", "fit")):
            self.steps += 1
            if self.steps == int(sys.argv[4]):
                os.kill(os.getpid(), signal.SIGKILL)

data, out = load(sys.argv[1]), Path(sys.argv[2])
checkpoints = FileCheckpoints(out, first_after_s=0.0)
settings = {"n_factors": 4, "n_epochs": 4, **eval(sys.argv[5])}
found = training.fit(data, sys.argv[3], settings=settings, rng=1, progress=Deadly(), checkpoints=checkpoints)
artifacts.save(found, out)
checkpoints.forget()
"""


def run(source: Path, out: Path, model: str, deadly_step: int, settings: dict[str, object]) -> str | None:
    """What a fit said; None if it was killed at a step."""
    command = [sys.executable, "-c", PROGRAM, str(source), str(out), model, str(deadly_step), repr(settings)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if ended.returncode == -signal.SIGKILL:
        return None
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    """A table large enough for a validation part."""
    rng = np.random.default_rng(5)
    pairs = sorted({(int(rng.integers(60)), int(rng.integers(40))) for _ in range(900)})
    lines = [f"{user},{item},{1 + (user * 7 + item * 3) % 5},{user + item}" for user, item in pairs]
    path = tmp_path / "ratings.csv"
    path.write_text("user,item,rating,timestamp\n" + "\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("ials", {"solver": "cg"}),
        ("als", {"implicit_history": True}),
        ("als", {"validation_fraction": 0.0}),
    ],
)
def test_a_fit_killed_at_any_epoch_ends_with_the_same_bytes(
    ratings: Path, tmp_path: Path, model: str, settings: dict[str, object]
) -> None:
    assert run(ratings, tmp_path / "whole", model, 0, settings) is not None
    out, kills = tmp_path / "killed", 0
    said: str | None = None
    # Of each start the second epoch is the last: the first of them was kept, so every start is one epoch ahead.
    while said is None and kills < 20:
        said = run(ratings, out, model, 2, settings)
        kills += said is None
    assert said is not None, "a fit of a few epochs ends at last"
    assert kills >= 3
    assert "Going on after epoch" in said
    assert files_of(out) == files_of(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "ratings.csv", "whole"]


def test_what_another_fit_left_is_not_gone_on_from(ratings: Path, tmp_path: Path) -> None:
    assert run(ratings, tmp_path / "model", "als", 3, {}) is None
    said = run(ratings, tmp_path / "model", "als", 0, {"regularization": 2.0})
    assert said is not None
    assert "Going on" not in said


def test_a_damaged_checkpoint_is_left_aside(tmp_path: Path) -> None:
    checkpoints = FileCheckpoints(tmp_path / "model", first_after_s=0.0)
    state = {"user_factors": np.ones((3, 2), np.float32)}
    checkpoints.keep("key", Standing("final", 2, [{"phase": "final", "epoch": 1, "loss": 0.5}], state, 0))
    kept = checkpoints.last("key")
    assert kept is not None
    assert kept.epoch == 2
    assert np.array_equal(kept.state["user_factors"], state["user_factors"])
    assert checkpoints.last("another key") is None
    content = bytearray(checkpoints.path.read_bytes())
    content[-1] ^= 1
    checkpoints.path.write_bytes(content)
    assert checkpoints.last("key") is None
    checkpoints.path.write_bytes(bytes(content[:50]))
    assert checkpoints.last("key") is None


def test_nothing_is_kept_of_a_fit_that_takes_no_time(tmp_path: Path) -> None:
    checkpoints = FileCheckpoints(tmp_path / "model")
    checkpoints.keep("key", Standing("final", 1, [], {}, 0))
    assert not checkpoints.path.exists()


def test_a_folder_that_is_not_there_yet_is_made(tmp_path: Path) -> None:
    checkpoints = FileCheckpoints(tmp_path / "new" / "model", first_after_s=0.0)
    checkpoints.keep("key", Standing("final", 1, [], {}, 0))
    assert checkpoints.last("key") is not None
    checkpoints.forget()
    assert list((tmp_path / "new").iterdir()) == []


class Heard:
    """Progress that remembers its notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)

    def step(self, task: str, done: int, total: int, figures: dict[str, float]) -> None:
        """Nothing is remembered."""


def test_a_place_that_cannot_be_written_is_told_once_and_ends_nothing(tmp_path: Path) -> None:
    heard = Heard()
    checkpoints = FileCheckpoints(tmp_path / "model", progress=heard, first_after_s=0.0)
    checkpoints.path.mkdir()
    for epoch in (1, 2):
        checkpoints.keep("key", Standing("final", epoch, [], {}, 0))
    assert len(heard.notes) == 1
    assert "cannot be kept" in heard.notes[0]
    assert checkpoints.last("key") is None
    assert [path.name for path in tmp_path.iterdir()] == ["model.unfinished"]
