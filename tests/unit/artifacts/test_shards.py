"""Arrays in several files load as if they were in one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tastemap import artifacts, training
from tastemap.artifacts import shards as sharding
from tastemap.errors import ArtifactError
from tests.toys import hand_dataset


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An artifact whose arrays are all too large for one file."""
    monkeypatch.setattr(sharding, "LARGEST_SHARD", 100)
    found = training.fit(hand_dataset(), "als", settings={"n_factors": 3, "n_epochs": 2}, rng=0)
    return artifacts.save(found, tmp_path / "model")


def test_each_array_has_a_file_and_all_are_read(folder: Path) -> None:
    names = json.loads((folder / "manifest.json").read_text())["files"]
    assert {"arrays", "arrays_02", "interactions_02"} <= set(names)
    whole = training.fit(hand_dataset(), "als", settings={"n_factors": 3, "n_epochs": 2}, rng=0)
    read = artifacts.load(folder)
    everybody = np.arange(whole.train.interactions.n_users)
    ours, theirs = (found.model.users(everybody).score_range(0, 2) for found in (read, whole))
    assert np.array_equal(ours, theirs)
    assert read.train.fingerprint == whole.train.fingerprint
    assert artifacts.info(folder)["size"]


def test_a_second_save_removes_the_files_of_the_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    artifacts.save(artifacts.load(folder), folder)
    artifacts.forget_earlier(folder)
    assert not list(folder.glob("arrays_0*"))
    artifacts.load(folder)


def test_a_missing_shard_is_one_sentence(folder: Path) -> None:
    next(iter(folder.glob("arrays_02-*"))).unlink()
    with pytest.raises(ArtifactError, match=r"arrays_02.* is missing"):
        artifacts.load(folder)


def test_a_manifest_without_one_of_them_is_refused(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"]["arrays_02"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match="are due"):
        artifacts.load(folder)


@pytest.mark.parametrize("role", ["arrays_03", "arrays_1", "losses_02", "arrays_002"])
def test_other_names_of_files_are_refused(folder: Path, role: str) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][role] = manifest["files"].pop("arrays_02")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match="files has the roles"):
        artifacts.load(folder)
