from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pytest

from tastemap.artifacts import identify, load, save
from tastemap.errors import InvalidValueError, MissingExtraError
from tastemap.evaluation import evaluate
from tastemap.service.live.serving import Serving
from tastemap.service.pages import draw
from tastemap.service.pages.drawings import SOON, TROUBLE, Drawing, Drawings
from tastemap.training import fit, with_evaluation
from tests.toys import planted


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions of a model with an evaluation."""
    found = tmp_path_factory.mktemp("drawn") / "model"
    data, settings = planted(), {"n_factors": 2, "n_epochs": 3}
    record = evaluate(data, ["als"], settings={"als": settings}, n_draws=10)
    made = with_evaluation(fit(data, "als", settings=settings, rng=0), record.as_json())
    save(replace(made, seed=1), found)
    save(made, found)
    return found


def serving_of(folder: Path, version: int) -> Serving:
    identity = identify(folder, version)
    return Serving(load(folder, version=version), folder, version, identity.digest, identity.saved, 0)


def test_charts_come_soon_and_are_then_there_for_every_page(folder: Path) -> None:
    drawing = Drawings().of(serving_of(folder, 2))
    assert drawing.part("data") == SOON
    script = asyncio.run(drawing.script())
    assert script is not None
    assert b"vegaEmbed" in script
    drawing.thread.join()
    for page, part in (("data", "data"), ("training", "training"), ("report", "evaluation")):
        assert "data-spec" in drawing.part(page).charts[part]
    assert any("RMSE" in sentence for sentence in drawing.part("report").verdict)


REFUSES_PRIORITIES = """
import os, runpy, sys

def refused(by):
    raise PermissionError(1, "Operation not permitted")

os.nice = refused
runpy.run_module("tastemap.service.pages.draw", run_name="__main__", alter_sys=True)
"""


def test_charts_are_drawn_where_the_system_forbids_a_lower_priority(folder: Path) -> None:
    arguments = [str(folder), "2", identify(folder, 2).digest]
    done = subprocess.run(
        [sys.executable, "-c", REFUSES_PRIORITIES, *arguments], input=b"[]", capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert {orjson.loads(line).get("page") for line in done.stdout.splitlines()} >= {"data", "report"}


def test_a_version_is_drawn_once_and_the_one_before_is_let_go(folder: Path) -> None:
    drawings = Drawings()
    first = drawings.of(serving_of(folder, 1))
    assert drawings.of(serving_of(folder, 1)) is first
    second = drawings.of(serving_of(folder, 2))
    assert second is not first
    first.thread.join()
    assert first.part("data").missing == TROUBLE
    second.stop()
    second.thread.join()


def test_a_process_ends_with_what_it_draws_for(folder: Path) -> None:
    drawings = Drawings()
    thread = drawings.of(serving_of(folder, 1)).thread
    del drawings
    thread.join(60)
    assert not thread.is_alive()


def test_a_process_that_the_system_ends_is_told(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Seen(subprocess.Popen[bytes]):
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Seen)
    unwanted, drawing = Drawings().of(serving_of(folder, 1)), Drawing(["nowhere", "1", ""])
    unwanted.stop()
    started[1].send_signal(signal.SIGKILL)
    for one in (unwanted, drawing):
        one.thread.join()
    assert caplog.text.count("could not be drawn") == 1
    assert f"ended with status {-signal.SIGKILL}" in caplog.text


def test_a_version_that_is_gone_leaves_the_tables(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    drawing = Drawings().of(replace(serving_of(folder, 2), digest="of another one"))
    drawing.thread.join()
    assert drawing.part("data").missing == TROUBLE
    assert asyncio.run(drawing.script()) is None
    assert f"ended with status {draw.REPLACED}" in caplog.text


def test_a_comparison_is_drawn_by_itself(folder: Path) -> None:
    drawings, serving = Drawings(), serving_of(folder, 2)
    drawing = drawings.compared(serving, 1)
    assert drawings.compared(serving, 1) is drawing
    drawing.thread.join()
    assert drawing.part("comparison").charts["comparison"]
    with pytest.raises(InvalidValueError, match="against must be another version, 1"):
        drawings.compared(serving, 7)


def test_the_program_says_what_is_not_installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(recommender: Any) -> Any:
        raise MissingExtraError("Charts need altair.", extra="explore", missing="altair")

    monkeypatch.setattr(draw, "lines", absent)
    out = BytesIO()
    assert draw.main([str(folder), "2", identify(folder, 2).digest], BytesIO(b"[]"), out) == 0
    assert orjson.loads(out.getvalue()) == {"missing": "Charts need altair."}
