from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tastemap.artifacts import info, load, save, store, versions
from tastemap.errors import ArtifactError
from tastemap.models.factor import FactorModel
from tests.saved import contents_of, data_file, factors_recommender, manifest_of


def shift_of(folder: Path, version: int | None = None) -> float:
    model = load(folder, version=version).model
    assert isinstance(model, FactorModel)
    return float(model.user_bias[0]) + 1.0


def saved_times(folder: Path, times: int) -> Path:
    for number in range(times):
        save(factors_recommender(shift=float(number)), folder)
    return folder


def test_saving_the_same_again_changes_nothing(tmp_path: Path) -> None:
    folder = saved_times(tmp_path / "saved", 2)
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    save(factors_recommender(shift=1.0), folder)
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before


def test_an_earlier_save_stays_loadable_as_a_version(tmp_path: Path) -> None:
    folder = saved_times(tmp_path / "saved", 3)
    assert versions(folder) == [1, 2, 3]
    assert [shift_of(folder, number) for number in (1, 2, 3, None)] == [0.0, 1.0, 2.0, 2.0]
    assert info(folder)["version"] == 3
    assert info(folder, version=1)["version"] == 1


def test_data_that_did_not_change_is_stored_once(tmp_path: Path) -> None:
    folder = saved_times(tmp_path / "saved", 3)
    names = [path.name for path in folder.iterdir()]
    assert sum(name.startswith("arrays-") for name in names) == 3
    assert sum(name.startswith("interactions-") for name in names) == 1


def test_five_earlier_versions_are_kept_and_no_file_of_older_ones(tmp_path: Path) -> None:
    folder = saved_times(tmp_path / "saved", 9)
    assert versions(folder) == [4, 5, 6, 7, 8, 9]
    assert [shift_of(folder, number) for number in versions(folder)] == [3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    assert sum(path.name.startswith("arrays-") for path in folder.iterdir()) == 6


def test_a_load_that_saves_overtake_notices_and_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, open_data = saved_times(tmp_path / "saved", 1), store.open_data

    def overtaken(*arguments: Any, **named: Any) -> Any:
        """Between the manifest and the first file, saves push out the version that is being read."""
        monkeypatch.setattr(store, "open_data", open_data)
        saved_times(folder, 8)
        return open_data(*arguments, **named)

    monkeypatch.setattr(store, "open_data", overtaken)
    assert shift_of(folder) == 7.0


def test_an_earlier_version_that_is_damaged_is_refused(tmp_path: Path) -> None:
    folder = saved_times(tmp_path / "saved", 1)
    damaged = data_file(folder, "arrays")
    saved_times(folder, 2)
    damaged.unlink()
    assert shift_of(folder) == 1.0
    with pytest.raises(ArtifactError, match=f"{damaged.name} is missing"):
        load(folder, version=1)


def test_rolling_back_is_saving_an_earlier_version(tmp_path: Path) -> None:
    folder = saved_times(tmp_path / "saved", 3)
    save(load(folder, version=1), folder)
    assert shift_of(folder) == 0.0
    assert versions(folder) == [1, 2, 3, 4]


def test_a_version_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    folder = saved_times(tmp_path / "saved", 2)
    with pytest.raises(ArtifactError, match=r"has no version 7; there are 1, 2\."):
        load(folder, version=7)


def test_a_copy_kept_before_an_interrupted_commit_is_no_version_of_its_own(tmp_path: Path) -> None:
    folder = saved_times(tmp_path / "saved", 2)
    (folder / "manifest-0002.json").write_bytes((folder / "manifest.json").read_bytes())
    assert versions(folder) == [1, 2]
    save(factors_recommender(shift=5.0), folder)
    assert versions(folder) == [1, 2, 3]


def test_a_damaged_data_file_is_written_again(tmp_path: Path) -> None:
    folder = saved_times(tmp_path / "saved", 1)
    before = contents_of(folder)
    path = data_file(folder, "arrays")
    path.write_bytes(b"\0" * path.stat().st_size)
    save(factors_recommender(), folder)
    assert contents_of(folder) == before


def test_a_manifest_that_cannot_be_understood_still_protects_its_files(tmp_path: Path) -> None:
    folder = saved_times(tmp_path / "saved", 1)
    kept = str(manifest_of(folder)["files"]["arrays"]["name"])
    save(factors_recommender(shift=1.0), folder)
    (folder / "manifest-0001.json").write_text((folder / "manifest-0001.json").read_text().replace("{", "", 1))
    save(factors_recommender(shift=2.0), folder)
    assert (folder / kept).exists()
