from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import tastemap as tm
from tastemap.cli.main import run
from tastemap.service.database import Store
from tests.architecture.source import ROOT
from tests.surfaces.service.conftest import serving
from tests.surfaces.service.running import running

PAIRS = [(f"u{user}", f"i{item}") for user in range(30) for item in range(20) if (user + item) % 3]
CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = "50"
"""For each operation and phase. By itself Schemathesis tries 100: by hand, before a release."""
SERVER = """
import sys
from tastemap.service.guard import gate
from tastemap.service.server import run
from tastemap.service.settings import ServiceSettings

gate.WRONG_KEYS_AT_ONCE = 10**9  # or most of what is tried with a wrong key would be told to wait
folder, database = sys.argv[1:]
settings = ServiceSettings.of(folder=folder, database=database, port=0, rate_limit=10**6, rate_burst=10**6)
run(settings, lambda url: print(url, flush=True))
"""


@pytest.fixture(scope="module")
def counts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of counts whose ids are text."""
    folder = tmp_path_factory.mktemp("counts")
    (folder / "pairs.csv").write_text("user_id,item_id\n" + "".join(f"{user},{item}\n" for user, item in PAIRS))
    command = ["fit", str(folder / "pairs.csv"), "--model", "ials", "-o", str(folder / "ials"), "--json"]
    assert run([*command, "--set", "n_factors=4"]) == 0
    return folder / "ials"


def tried(url: str, folder: Path, *arguments: str) -> str:
    """What requests made up from the description of a service came to; fails where one found a fault."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        *("--config-file", str(CONFIG), "run", f"{url}/v1/openapi.json", "--checks", "all"),
        *("--max-examples", EXAMPLES, "--seed", "1", "--no-color", *arguments),
    ]
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6_000:]
    return done.stdout


def test_requests_made_up_from_the_description_find_no_fault(fitted: dict[str, Path], tmp_path: Path) -> None:
    with running(fitted["als"], tmp_path) as url:
        assert "Tested: 21" in tried(url, tmp_path)


def test_requests_made_up_with_a_key_and_without_find_no_fault(
    counts: Path, postgres_url: str, tmp_path: Path
) -> None:
    folder = shutil.copytree(counts, tmp_path / "model")
    with closing(Store.open(postgres_url)) as store:
        secret = store.add_key("admin", "admin", 1.0)
    command = [sys.executable, "-c", SERVER, str(folder), postgres_url]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        assert "Tested: 21" in tried(url, tmp_path, "--header", f"Authorization: Bearer {secret}")
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def test_the_description_is_openapi_3_1_and_knows_the_scale_of_the_model(client: TestClient) -> None:
    described = client.get("/v1/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    rating = described["components"]["schemas"]["EventRequest"]["properties"]["rating"]["anyOf"][0]
    assert (rating["minimum"], rating["maximum"]) == (1.0, 5.0)


def test_a_reload_from_ratings_to_counts_leaves_nothing_of_the_first_description(
    fitted: dict[str, Path], counts: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(fitted["als"], tmp_path / "model")
    tm.save(tm.load(counts), folder)
    with serving(counts) as alone, serving(folder) as client:
        assert client.get("/v1/model").json()["version"] == 2
        assert client.post("/v1/model/reload", json={"version": 1}).status_code == 200
        of_ratings = client.get("/v1/openapi.json").json()
        assert client.post("/v1/model/reload", json={"version": 2}).status_code == 200
        of_counts = client.get("/v1/openapi.json").json()
        assert of_counts == alone.get("/v1/openapi.json").json()
    required = [told["components"]["schemas"]["Rated"]["required"] for told in (of_ratings, of_counts)]
    assert required == [["item_id", "rating"], ["item_id"]]
    event = of_counts["components"]["schemas"]["EventRequest"]
    assert "anyOf" not in event
    assert event["properties"]["rating"]["anyOf"][0]["minimum"] > 0
    assert "pattern" in str(of_ratings["components"]["schemas"]["EventRequest"]["properties"]["user_id"])


@pytest.mark.parametrize(("side", "status"), [(1.0, 201), (0.5, 422)])
def test_counts_are_taken_from_the_smallest_that_is_described(counts: Path, side: float, status: int) -> None:
    with serving(counts) as client:
        schemas = client.get("/v1/openapi.json").json()["components"]["schemas"]
        smallest = schemas["EventRequest"]["properties"]["rating"]["anyOf"][0]["minimum"]
        event = {"user_id": "u1", "item_id": "i1", "rating": side * smallest}
        assert client.post("/v1/events", json=event).status_code == status
        asked = {"history": [{"item_id": "i1", "rating": side * smallest}], "item_id": "i2"}
        assert client.post("/v1/explanations", json=asked).status_code == (200 if status == 201 else 422)


def test_keys_are_described_as_the_gate_asks_for_them(client: TestClient) -> None:
    application: Any = client.app
    secret = {
        scope: application.state.service.store.add_key(scope, scope, 1.0) for scope in ("client", "admin")
    }
    described = client.get("/v1/openapi.json", headers={"X-API-Key": secret["client"]}).json()
    assert set(described["components"]["securitySchemes"]) == {"bearer", "header"}
    seen = Counter[str]()
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            sent = {"Content-Type": "application/json"} if method == "post" else {}
            answers = [
                client.request(method, path.replace("{user_id}", "1"), headers=headers | sent).status_code
                for headers in (
                    {},
                    {"X-API-Key": secret["client"]},
                    {"Authorization": f"Bearer {secret['client']}"},
                    {"X-API-Key": secret["admin"]},
                )
            ]
            match operation["security"]:
                case []:
                    seen["anybody"] += 1
                    assert 401 not in answers
                case [{"bearer": []}, {"header": []}]:
                    seen["client"] += 1
                    assert answers[0] == 401
                    assert not {401, 403} & set(answers[1:])
                case [{"bearer": ["admin"]}, {"header": ["admin"]}]:
                    seen["admin"] += 1
                    assert answers[:3] == [401, 403, 403]
                    assert answers[3] not in (401, 403)
                case other:
                    pytest.fail(f"{method} {path}: {other}")
    assert seen == {"anybody": 2, "client": 16, "admin": 3}


def test_where_all_is_open_a_key_is_described_and_not_needed(client: TestClient) -> None:
    for operations in client.get("/v1/openapi.json").json()["paths"].values():
        for operation in operations.values():
            assert operation["security"] == [] or operation["security"][-1] == {}


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
