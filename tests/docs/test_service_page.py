"""The guide of the service: each request that it shows is made, and answers as it says."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import tastemap as tm
from tests.docs.examples import python_blocks, run_blocks
from tests.surfaces.service.conftest import serving
from tests.surfaces.service.running import running

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "service.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```\n(?:\n```json\n(.*?)```)?", PAGE, flags=re.DOTALL)
REQUESTS = [
    (shlex.split(line), answer)
    for block, answer in BLOCKS
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith("curl ")
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of the page."""
    made = tm.fit(tm.load_data("ml-100k"), "als", rng=0)
    return tm.save(made, tmp_path_factory.mktemp("page") / "my-model")


@pytest.fixture(scope="module")
def client(model: Path) -> Iterator[TestClient]:
    """One service for the whole page, whose requests follow each other."""
    with serving(model) as client:
        yield client


def made(client: TestClient, words: list[str]) -> Any:
    """What a curl command would print; fails for a status of failure."""
    method, headers, content, url = "GET", {}, None, ""
    rest = iter(words[1:])
    for word in rest:
        if word == "-X":
            method = next(rest)
        elif word == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif word == "-d":
            content = next(rest)
        else:
            url = word
    answer = client.request(
        method, url.replace("127.0.0.1:8000", "localhost"), headers=headers, content=content
    )
    assert answer.is_success, (words, answer.text)
    return answer.json()


def shape(value: Any) -> Any:
    """Names of fields, all the way down; of a list those of its first element."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return None


def test_there_are_requests_to_try() -> None:
    assert len(REQUESTS) >= 15


@pytest.mark.parametrize("number", range(len(REQUESTS)))
def test_a_request_of_the_page_answers_as_it_says(client: TestClient, number: int) -> None:
    words, answer = REQUESTS[number]
    found = made(client, words)
    if answer:
        shown = json.loads(answer)
        assert shape(found) == shape(shown)
        assert {k: v for k, v in found.items() if k != "items"} == {
            k: v for k, v in shown.items() if k != "items"
        }


def test_the_python_example_runs(model: Path, tmp_path: Path) -> None:
    [code] = python_blocks(PAGE)
    with running(model, tmp_path) as url:
        printed = run_blocks([code.replace("http://127.0.0.1:8000", url)], tmp_path)
    assert printed[0].count("because of") == 3


def test_the_error_of_the_page_is_the_one_that_comes(client: TestClient) -> None:
    error = client.get("/v1/items/99999").json()["error"]
    shown = json.loads(re.findall(r"```json\n(\{\"error\".*?)```", PAGE, flags=re.DOTALL)[0])["error"]
    assert error["code"] == shown["code"]
    assert error["message"].startswith(shown["message"].removesuffix("…"))
    assert error["details"] == shown["details"]
