from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tastemap.artifacts import is_artifact, load, save, versions
from tastemap.errors import ArtifactError
from tastemap.models.factor import FactorModel
from tests.saved import contents_of, factors_recommender, manifest_of

# Saves into argv[1] with shift argv[2], and dies before call number argv[3] of those that change the disk.
KILLED_SAVE = """
import os, sys
from pathlib import Path
from tastemap.artifacts import save
from tests.saved import factors_recommender

left = int(sys.argv[3])

def counted(call):
    def wrapped(*arguments, **named):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return call(*arguments, **named)
    return wrapped

recommender = factors_recommender(shift=float(sys.argv[2]))
for name in ("write", "fsync", "replace", "unlink"):
    setattr(os, name, counted(getattr(os, name)))
save(recommender, Path(sys.argv[1]))
"""


def shift_of(folder: Path) -> float:
    model = load(folder).model
    assert isinstance(model, FactorModel)
    return float(model.user_bias[0]) + 1.0


def assert_tidy(folder: Path) -> None:
    """Nothing lies there but the lock, manifests and the files that they name."""
    named = {facts["name"] for facts in manifest_of(folder)["files"].values()}
    for path in folder.glob("manifest-*.json"):
        named |= {word for word in path.read_text().split('"') if word.endswith((".arrow", ".safetensors"))}
    rest = {path.name for path in folder.iterdir() if not path.name.startswith("manifest")}
    assert rest == named | {".lock"}


def fail_at(monkeypatch: pytest.MonkeyPatch, name: str, call: int) -> None:
    """Let the given call (from 0) of ``os.<name>``, and all after it, find the disk full."""
    real: Callable[..., Any] = getattr(os, name)
    calls = iter(range(10**6))

    def failing(*arguments: Any, **named: Any) -> Any:
        if next(calls) >= call:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*arguments, **named)

    monkeypatch.setattr(os, name, failing)


@pytest.mark.parametrize("name", ["write", "fsync", "replace"])
@pytest.mark.parametrize("call", [0, 1, 2])
def test_a_full_disk_leaves_the_old_artifact_and_says_so(
    name: str, call: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save(factors_recommender(), tmp_path / "saved")
    before = contents_of(folder)
    with monkeypatch.context() as patch:
        fail_at(patch, name, call)
        # The new version has one data file, then the kept manifest, then the manifest.
        with pytest.raises(
            ArtifactError, match=r"No space left on device\. The artifact that was there is unharmed"
        ):
            save(factors_recommender(shift=1.0), folder)
    assert load(folder).name == "als"
    assert (folder / "manifest.json").read_bytes() == before["manifest.json"]
    save(factors_recommender(shift=1.0), folder)
    assert shift_of(folder) == 1.0
    assert versions(folder) == [1, 2]
    assert_tidy(folder)


@pytest.mark.parametrize("name", ["write", "replace"])
@pytest.mark.parametrize("call", [0, 3, 8])
def test_a_full_disk_at_the_first_save_leaves_no_artifact_and_no_data(
    name: str, call: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "new"
    with monkeypatch.context() as patch:
        fail_at(patch, name, call)
        with pytest.raises(ArtifactError, match=r"No space left on device\. Nothing was saved"):
            save(factors_recommender(), folder)
    assert not is_artifact(folder)
    assert set(contents_of(folder)) == {".lock"}
    save(factors_recommender(), folder)
    assert_tidy(folder)


def test_an_error_after_the_commit_says_that_the_artifact_was_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "saved"
    for number in range(6):
        save(factors_recommender(shift=float(number)), folder)
    with monkeypatch.context() as patch:
        fail_at(patch, "unlink", 0)
        with pytest.raises(ArtifactError, match="The artifact itself was saved"):
            save(factors_recommender(shift=6.0), folder)
    assert shift_of(folder) == 6.0


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ArtifactError, match=r"cannot be made: .*file is a file; name another place"):
        save(factors_recommender(), tmp_path / "file" / "saved")


def run_killed_save(folder: Path, shift: float, calls: int) -> int:
    arguments = [sys.executable, "-c", KILLED_SAVE, str(folder), str(shift), str(calls)]
    return subprocess.run(arguments, check=False, cwd=Path(__file__).parents[2]).returncode


@pytest.mark.parametrize("calls", [0, 1, 2, 4, 6, 7, 8, 9])
def test_a_save_killed_before_any_system_call_leaves_an_artifact_that_loads(calls: int, tmp_path: Path) -> None:
    folder = save(factors_recommender(), tmp_path / "saved")
    ended = run_killed_save(folder, 1.0, calls)
    assert ended in (0, 9)
    assert shift_of(folder) in (0.0, 1.0)
    assert ended == 9 or shift_of(folder) == 1.0
    save(factors_recommender(shift=2.0), folder)
    assert shift_of(folder) == 2.0
    assert_tidy(folder)


@pytest.mark.parametrize("calls", [0, 3, 7, 20])
def test_after_a_killed_first_save_the_folder_can_be_saved_into(calls: int, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    assert run_killed_save(folder, 1.0, calls) == 9
    assert not is_artifact(folder)
    save(factors_recommender(), folder)
    assert shift_of(folder) == 0.0
    assert_tidy(folder)


def test_saves_at_once_do_not_harm_each_other(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    recommenders = [factors_recommender(shift=float(number)) for number in range(8)]
    failed: list[BaseException] = []

    def save_and_load(number: int) -> None:
        try:
            for _ in range(3):
                save(recommenders[number], folder)
                load(folder)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=save_and_load, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    for number in versions(folder):
        load(folder, version=number)
    assert_tidy(folder)


def test_processes_killed_at_random_moments_while_others_save_leave_a_whole_artifact(tmp_path: Path) -> None:
    folder = save(factors_recommender(), tmp_path / "saved")
    script = (
        "import sys; from tastemap.artifacts import save; from tests.saved import factors_recommender\n"
        "print('ready', flush=True)\n"
        "for n in range(10**6): save(factors_recommender(shift=float(n % 7)), sys.argv[1])"
    )
    rng = np.random.default_rng(0)
    for _ in range(2):
        pair = [
            subprocess.Popen(
                [sys.executable, "-c", script, str(folder)],
                stdout=subprocess.PIPE,
                cwd=Path(__file__).parents[2],
            )
            for _ in range(2)
        ]
        for process in pair:
            assert process.stdout is not None
            process.stdout.readline()
        for process in pair:
            threading.Event().wait(float(rng.uniform(0.05, 0.3)))
            process.send_signal(signal.SIGKILL)
            process.communicate()
        for number in versions(folder):
            load(folder, version=number)
    save(factors_recommender(), folder)
    assert_tidy(folder)
