from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tastemap.artifacts import tensors
from tastemap.artifacts.store import locked
from tastemap.inspection.item_map import N_STEPS, lay_out
from tastemap.models.factor import FactorModel
from tastemap.models.recommender import Recommender
from tastemap.service.answers.map import layout, on_map
from tastemap.service.live import lay_out as program
from tastemap.service.pages import layouts
from tastemap.service.pages.layouts import AllMaps, Maps
from tastemap.training import fit
from tests.saved import factors_recommender, weights_recommender
from tests.toys import planted


@pytest.fixture(scope="module")
def als() -> Recommender:
    return fit(planted(n_items=30), "als", settings={"n_factors": 3, "n_epochs": 2}, rng=0)


async def laid_out(maps: Maps) -> Maps:
    """The same maps once the layout is over."""
    maps.start()
    if maps.task is not None:
        await maps.task
    return maps


def placed(vectors: np.ndarray) -> tuple[np.ndarray, str]:
    """What the program makes of vectors, and what it says meanwhile."""
    out = StringIO()
    return program.places_of(vectors.astype(np.float32), out), out.getvalue()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Process]:
    """The processes that are started from now on."""
    found: list[Process] = []
    start = asyncio.create_subprocess_exec

    async def noted(*command: str, **pipes: Any) -> Process:
        found.append(await start(*command, **pipes))
        return found[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    return found


async def begun(maps: Maps, started: list[Process]) -> None:
    """Wait until a layout has its process."""
    maps.start()
    while not started:
        await asyncio.sleep(0.01)


def test_main_directions_are_there_at_once_and_neighborhoods_follow(als: Recommender, tmp_path: Path) -> None:
    async def looked_at() -> None:
        maps = AllMaps(lambda: tmp_path / "maps").of(als)
        maps.start()
        assert maps.principal["state"] == "ready"
        early = maps.neighborly()
        assert (early["state"], early["done"], early["total"]) == ("working", 0, N_STEPS)
        assert early["sentence"] == "t-SNE lays out 30 items."
        assert early["x"] is early["y"] is None
        assert (await laid_out(maps)).neighborly()["state"] == "ready"
        assert maps.done > 0

    asyncio.run(looked_at())


def test_places_are_those_that_the_library_lays_out(als: Recommender, tmp_path: Path) -> None:
    maps = asyncio.run(laid_out(Maps(als, tmp_path)))
    assert isinstance(als.model, FactorModel)
    places = lay_out(als.model.item_factors[on_map(als)])
    found = maps.neighborly()
    expected = layout("tsne", "ready", sentence=found["sentence"], places=places)
    assert found == expected


def test_a_layout_that_was_kept_is_read_and_not_made_again(
    als: Recommender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = asyncio.run(laid_out(Maps(als, tmp_path))).neighborly()
    monkeypatch.setattr(sys, "executable", "/nowhere")
    assert asyncio.run(laid_out(Maps(als, tmp_path))).neighborly() == first


def test_a_damaged_file_is_made_again(als: Recommender, tmp_path: Path) -> None:
    maps = Maps(als, tmp_path)
    maps.file.write_bytes(b"not a layout")
    assert asyncio.run(laid_out(maps)).neighborly()["state"] == "ready"
    assert set(tensors.decode(memoryview(maps.file.read_bytes()), maps.file.name)) == {"places"}


def test_other_vectors_have_another_file(als: Recommender, tmp_path: Path) -> None:
    assert isinstance(als.model, FactorModel)
    other = replace(als, model=replace(als.model, item_factors=als.model.item_factors * np.float32(2)))
    assert Maps(als, tmp_path).file != Maps(other, tmp_path).file
    assert Maps(als, tmp_path).file == Maps(replace(als), tmp_path).file


def test_a_folder_that_cannot_be_made_is_told_and_main_directions_stay(
    als: Recommender, tmp_path: Path
) -> None:
    (tmp_path / "maps").write_text("a file")
    maps = asyncio.run(laid_out(Maps(als, tmp_path / "maps")))
    found = maps.neighborly()
    assert found["state"] == "failed"
    assert found["sentence"] == "The map cannot be kept in maps: File exists. PCA is shown."
    assert str(tmp_path) not in found["sentence"]
    assert maps.principal["state"] == "ready"


def test_a_process_that_cannot_write_its_file_is_told(als: Recommender, tmp_path: Path) -> None:
    maps = Maps(als, tmp_path)
    maps.file.with_suffix(".tmp").mkdir()
    found = asyncio.run(laid_out(maps)).neighborly()
    assert (found["state"], found["sentence"]) == ("failed", "t-SNE ended early; PCA is shown.")


def test_without_scikit_learn_the_sentence_names_what_brings_it(
    als: Recommender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "blocked" / "sklearn"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('not here')")
    paths = [str(blocked.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    found = asyncio.run(laid_out(Maps(als, tmp_path / "maps"))).neighborly()
    assert found["state"] == "failed"
    assert found["sentence"].endswith("Run: pip install 'tastemap[explore]'")


def test_a_model_without_vectors_starts_no_process(tmp_path: Path) -> None:
    maps = asyncio.run(laid_out(Maps(weights_recommender(), tmp_path)))
    assert maps.task is None
    assert maps.neighborly()["state"] == maps.principal["state"] == "absent"
    assert maps.neighborly()["sentence"] == "ease has no item vectors to place items by."


def test_a_layout_is_begun_once(als: Recommender, tmp_path: Path, started: list[Process]) -> None:
    async def twice() -> None:
        maps = Maps(als, tmp_path)
        maps.start()
        await laid_out(maps)
        await laid_out(maps)

    asyncio.run(twice())
    assert [process.returncode for process in started] == [0]


def test_no_process_is_left_when_the_service_ends(
    als: Recommender, tmp_path: Path, started: list[Process]
) -> None:
    with locked(tmp_path):  # the layout cannot end by itself
        asyncio.run(begun(Maps(als, tmp_path), started))
    assert [process.returncode for process in started] == [-signal.SIGKILL]
    assert not list(tmp_path.glob("map-*"))


def test_another_model_ends_the_layout_of_the_one_before(
    als: Recommender, tmp_path: Path, started: list[Process]
) -> None:
    async def replaced() -> None:
        every = AllMaps(lambda: tmp_path)
        before = every.of(als)
        assert every.of(als) is before
        await begun(before, started)
        assert every.of(factors_recommender()) is not before
        assert before.task is not None
        with pytest.raises(asyncio.CancelledError):
            await before.task

    with locked(tmp_path):
        asyncio.run(replaced())
    assert [process.returncode for process in started] == [-signal.SIGKILL]


def test_few_items_are_put_on_their_main_directions() -> None:
    places, said = placed(np.eye(4))
    assert places.shape == (4, 2)
    assert places.dtype == np.float32
    assert said == ""


def test_items_beyond_the_largest_map_lie_among_their_neighbors(
    monkeypatch: pytest.MonkeyPatch, als: Recommender, tmp_path: Path
) -> None:
    vectors = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    vectors[30:] = vectors[:10] * np.float32(3)  # each points as one that is laid out
    monkeypatch.setattr(program, "LARGEST_MAP", 30)
    places, _ = placed(vectors)
    first = lay_out(vectors[:30]).astype(np.float32)
    np.testing.assert_array_equal(places[:30], first)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for row in range(30, 40):
        near = np.argsort(-(unit[:30] @ unit[row]), kind="stable")[:5]
        np.testing.assert_allclose(places[row], np.median(first[near], axis=0), rtol=1e-5)
    monkeypatch.setattr(layouts, "LARGEST_MAP", 20)
    maps = Maps(als, tmp_path, places=np.zeros((30, 2), np.float32))
    assert "Laid out are the 20 most popular items; each of the others" in maps.neighborly()["sentence"]


def test_the_program_says_its_steps_and_writes_its_file_once(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
    file, out = tmp_path / "map.safetensors", StringIO()
    arguments = [str(file), "12", "3"]
    assert program.main(arguments, BytesIO(vectors.tobytes()), out) == 0
    steps = [int(line) for line in out.getvalue().split()]
    assert steps == sorted(set(steps))
    assert steps[-1] <= N_STEPS
    written = file.read_bytes()
    again = StringIO()
    assert program.main(arguments, BytesIO(vectors.tobytes()), again) == 0
    assert again.getvalue() == ""
    assert file.read_bytes() == written
    assert not file.with_suffix(".tmp").exists()
