from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.surfaces.service.conftest import Serve
from tests.surfaces.service.running import running

CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.mark.parametrize("name", ["als", "ials"])
def test_requests_made_up_from_the_description_find_no_fault(
    fitted: dict[str, Path], tmp_path: Path, name: str
) -> None:
    with running(fitted[name], tmp_path) as url:
        command = [
            str(Path(sys.executable).with_name("schemathesis")),
            *("--config-file", str(CONFIG), "run", f"{url}/v1/openapi.json", "--checks", "all"),
            *("--max-examples", "8", "--seed", "1", "--no-color"),
        ]
        environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stdout[-6_000:]
    assert "Tested: 21" in done.stdout


def test_the_description_is_openapi_3_1_and_knows_the_scale_of_the_model(client: TestClient) -> None:
    described = client.get("/v1/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    rating = described["components"]["schemas"]["EventRequest"]["properties"]["rating"]["anyOf"][0]
    assert (rating["minimum"], rating["maximum"]) == (1.0, 5.0)


def test_counts_have_no_scale(serve: Serve) -> None:
    described = serve("ials").get("/v1/openapi.json").json()
    assert "EventRequest" in described["components"]["schemas"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v1/users/3", "DELETE, GET, HEAD"),
        ("PUT", "/v1/events", "POST"),
        ("GET", "/v1/events", "POST"),
        ("DELETE", "/v1/items", "GET, HEAD"),
        ("POST", "/healthz", "GET, HEAD"),
        ("PUT", "/login", "GET, HEAD, POST"),
        ("DELETE", "/item", "GET, HEAD"),
    ],
)
def test_a_method_that_is_not_there_is_answered_with_those_that_are(
    client: TestClient, method: str, path: str, allowed: str
) -> None:
    answer = client.request(method, path, headers={"content-type": "application/json"})
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    assert answer.json()["error"]["code"] == "method_not_allowed"
