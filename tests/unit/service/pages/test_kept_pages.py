from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tastemap import artifacts
from tastemap.artifacts import save
from tastemap.service.answers import report as answers
from tastemap.service.live.serving import Serving
from tastemap.service.pages import for_you, home, looking
from tastemap.training import fit
from tests.saved import factors_recommender
from tests.toys import planted

PARTS: dict[str, Callable[[Serving], object]] = {
    "home": home._page,
    "for you": for_you._page,
    "data": looking._data,
    "training": looking._training,
    "what the figures say": looking._said,
}


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Without the collector: what is let go goes at once, as it must where what stays was frozen."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def served(folder: Path, version: int = 1) -> Serving:
    return Serving(factors_recommender(), folder, version, f"digest {version}", 0.0, 0)


@pytest.mark.parametrize("part", PARTS)
def test_a_page_is_made_once_and_does_not_keep_its_version(
    part: str, tmp_path: Path, uncollected: None
) -> None:
    serving = served(tmp_path)
    first = PARTS[part](serving)
    assert PARTS[part](serving) is first
    old = weakref.ref(serving), weakref.ref(serving.recommender)
    del serving
    assert [one() for one in old] == [None, None]


def test_what_is_ready_of_a_version_goes_with_it(tmp_path: Path, uncollected: None) -> None:
    serving = served(tmp_path).warmed()
    old = weakref.ref(serving), weakref.ref(serving.recommender)
    del serving
    assert [one() for one in old] == [None, None]


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the versions that were loaded to be compared with, a line each time."""
    loaded: list[int] = []
    load = artifacts.load

    def counted(folder: Path, *, version: int) -> object:
        loaded.append(version)
        return load(folder, version=version)

    monkeypatch.setattr(answers, "load", counted)
    return loaded


def test_two_versions_are_compared_once(tmp_path: Path, compared: list[int]) -> None:
    folder = tmp_path / "model"
    made = fit(planted(), "als", settings={"n_factors": 2, "n_epochs": 2}, rng=0)
    save(replace(made, seed=1), folder)
    save(made, folder)
    for _ in range(2):
        serving = Serving(made, folder, 2, f"served in {tmp_path}", 0.0, 0)
        assert answers.report(serving, 1)["comparison"]
    assert compared == [1]
