"""The guide of the service and the reference of its API, done as a reader does them: all goes as they say."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
import urllib.error
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from tastemap.service.answers.asked import LONGEST_LIST, MOST_IDS, MOST_IN_QUERY, MOST_REASONS, ListOptions
from tastemap.service.answers.cursors import LARGEST_PAGE
from tastemap.service.app import create_app
from tastemap.service.database.appending import LONGEST_ID, LONGEST_KEY
from tastemap.service.guard.scopes import needed_scope
from tastemap.service.routes.bodies import BatchRequest, EventRequest
from tastemap.service.routes.events import MOST_AHEAD_S
from tastemap.service.settings import ServiceSettings
from tests.docs.examples import differing_lines
from tests.docs.walked import SAID, Asked, Outcome, Reader, Step, differences, documents, steps_of
from tests.surfaces.service.running import running

COMMAND = str(Path(sys.executable).with_name("tastemap"))
DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE, REFERENCE = ((DOCS / name).read_text(encoding="utf-8") for name in ("service.md", "api.md"))
STEPS = {"guide": steps_of(GUIDE), "reference": steps_of(REFERENCE)}
BEFORE = STEPS["guide"][: [step.heading for step in STEPS["guide"]].index("Lists")]
"""What the reference takes for granted: a service, keys, and the client in Python."""
PLACES = [(name, number) for name, steps in STEPS.items() for number in range(len(steps))]
ENDPOINTS = re.findall(r"^\| \[`(\w+) (/\S+)`\]\((#\S+)\) \| (\S+) \|", REFERENCE, re.MULTILINE)


@pytest.fixture(scope="module")
def outcomes(curl: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Outcome]]:
    """What came of each step of both pages, each page with a service of its own."""
    return {
        "guide": done(STEPS["guide"], tmp_path_factory.mktemp("guide")),
        "reference": done([*BEFORE, *STEPS["reference"]], tmp_path_factory.mktemp("reference"))[len(BEFORE) :],
    }


def done(steps: Sequence[Step], folder: Path) -> list[Outcome]:
    reader = Reader(folder)
    try:
        return [reader.does(step) for step in steps]
    finally:
        reader.close()


@pytest.mark.parametrize(("page", "number"), PLACES)
def test_a_step_of_a_page_goes_as_it_says(outcomes: dict[str, list[Outcome]], page: str, number: int) -> None:
    step, came = STEPS[page][number], outcomes[page][number]
    if came.failure is not None:
        raise came.failure
    if step.kind == "python":
        assert differing_lines(step.shown, came.printed) == []
        return
    answers = list(documents(came.printed))
    if step.shown:
        assert differences(step.shown, answers[-1]) == []
    elif SAID in step.code:
        assert came.printed or "> " in step.code
    assert step.shown.startswith('{"error"') or not any("error" in answer for answer in answers)


def test_what_differs_from_a_shown_answer_is_found() -> None:
    shown = '{"a": [{"b": 1.50}], "c": "one …", "d": [], "e": 2}'
    assert differences(shown, {"a": [{"b": 1.512}, {"b": 7.0}], "c": "one two", "d": [], "e": 2}) == []
    assert len(differences(shown, {"a": [{"b": 1.52}], "c": "on", "d": [1], "e": 2.0})) == 4
    assert len(differences(shown, {"a": [], "c": "one ", "d": []})) == 2


def described() -> dict[Asked, str]:
    """The endpoints of the application, each with its scope."""
    app = create_app(ServiceSettings.of(folder="model"))
    asked = [
        (method.upper(), path)
        for path, operations in FastAPI.openapi(app)["paths"].items()
        for method in operations
        if method != "head"
    ]
    asked.append(("GET", str(app.openapi_url)))
    return {(method, path): needed_scope(method, path) or "none" for method, path in asked}


def test_every_endpoint_is_in_the_table_with_its_scope_and_has_a_section() -> None:
    listed = {(method, path): scope.strip("`") for method, path, _, scope in ENDPOINTS}
    assert listed == described()
    headings = re.findall(r"^### `(.*)`$", REFERENCE, re.MULTILINE)
    assert headings == [f"{method} {path}" for method, path, _, _ in ENDPOINTS]
    assert [anchor for _, _, anchor, _ in ENDPOINTS] == [anchor_of(heading) for heading in headings]


def anchor_of(heading: str) -> str:
    """The link to a heading, as GitHub makes it."""
    return "#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize(("method", "path"), [endpoint[:2] for endpoint in ENDPOINTS])
@pytest.mark.parametrize("kind", ["sh", "python"])
def test_every_endpoint_is_asked_by_curl_and_from_python(
    outcomes: dict[str, list[Outcome]], method: str, path: str, kind: str
) -> None:
    template = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
    asked = [
        one
        for step, came in zip(STEPS["reference"], outcomes["reference"], strict=True)
        if step.kind == kind and step.heading == f"`{method} {path}`"
        for one in came.asked
    ]
    assert any(one == method and template.fullmatch(place) for one, place in asked)


def test_links_into_the_two_pages_lead_to_a_heading() -> None:
    known = {
        name: {anchor_of(heading) for heading in re.findall(r"^#+ (.*)$", page, re.MULTILINE)}
        for name, page in (("service.md", GUIDE), ("api.md", REFERENCE))
    }
    links = [
        (link[1] or page.name, link[2])
        for page in DOCS.glob("*.md")
        for link in re.finditer(r"\]\(((?:service|api)\.md)?(#[^)]+)\)", page.read_text(encoding="utf-8"))
        if link[1] or page.name in known
    ]
    assert len(links) > len(ENDPOINTS)
    assert [link for link in links if link[1] not in known[link[0]]] == []


def test_the_rules_of_lists_and_the_fields_of_events_are_listed() -> None:
    rules = GUIDE.split("## Lists\n")[1].split("\n## ")[0]
    rows = "".join(re.findall(r"^\| (`[^|]*) \|", rules, re.MULTILINE))
    assert set(re.findall(r"`(\w+)`", rows)) == set(ListOptions.model_fields)
    fields = REFERENCE.split("### `POST /v1/events`\n")[1].split("\n### ")[0]
    rows = "".join(re.findall(r"^\| (`[^|]*) \|", fields, re.MULTILINE))
    assert set(re.findall(r"`(\w+)`", rows)) == set(EventRequest.model_fields)


def test_limits_are_those_of_the_code() -> None:
    table = GUIDE.split("## Limits\n")[1].split("\n## ")[0]
    listed = [re.findall(r"[\d,]+", row) for row in re.findall(r"^\| \w.* \| (\d.*) \|$", table, re.MULTILINE)]
    [most] = [
        kind.max_length for kind in BatchRequest.model_fields["events"].metadata if hasattr(kind, "max_length")
    ]
    limits = [
        [ServiceSettings.model_fields["max_body_bytes"].default // 2**20],
        [LONGEST_LIST, MOST_REASONS],
        [MOST_IN_QUERY, MOST_IDS],
        [MOST_IDS],
        [most],
        [LARGEST_PAGE],
        [LONGEST_ID, LONGEST_KEY],
    ]
    assert [[int(one.strip(",").replace(",", "")) for one in row if one != ","] for row in listed] == limits
    assert MOST_AHEAD_S == 5 * 60


def retrying(url: str) -> dict[str, Any]:
    """The functions of the guide that ask, and ask again."""
    names: dict[str, Any] = {}
    client = next(step for step in STEPS["guide"] if "def ask(" in step.code)
    again = next(step for step in STEPS["guide"] if "def ask_again(" in step.code)
    exec(client.code.replace(SAID, url), names)
    exec(again.code.split("\n\n\nevent =")[0], names)
    return names


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model with ids of the guide."""
    folder = tmp_path_factory.mktemp("small")
    rows = [f"{user},{item},{1 + (user * item) % 5}" for user in range(190, 200) for item in range(310, 320)]
    (folder / "ratings.csv").write_text("\n".join(["user,item,rating", *rows]), encoding="utf-8")
    command = [COMMAND, "fit", "ratings.csv", "--model", "bias", "-o", "model"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "model"


def test_whoever_is_held_back_asks_again_when_it_is_time(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "service.toml"
    settings.write_text("rate_limit = 0.7\nrate_burst = 1\n", encoding="utf-8")
    served = shutil.copytree(model, tmp_path / "model")
    command = [COMMAND, "keys", "add", str(served), "shop", "--scope", "client"]
    key = subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout.strip()
    monkeypatch.setenv("KEY", key)
    event = {"user_id": 196, "item_id": 318, "rating": 4}
    with running(served, tmp_path, "--settings", str(settings)) as url:
        names = retrying(url)
        events = [names["ask_again"]("/v1/events", {**event, "key": f"shop-1/{number}"}) for number in range(3)]
        with pytest.raises(urllib.error.HTTPError, match="429"):  # the limit is there: without waiting
            [names["ask"]("/v1/users/196") for _ in range(3)]
    assert events == [{"seq": seq, "duplicate": False} for seq in (1, 2, 3)]


class _Unlucky(BaseHTTPRequestHandler):
    """Says 503, then nothing at all, then what was asked for."""

    came: list[bytes]

    def do_POST(self) -> None:
        self.came.append(self.rfile.read(int(self.headers["Content-Length"])))
        if len(self.came) == 2:
            self.connection.close()
            return
        self.send_response(503 if len(self.came) == 1 else 201)
        self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(b'{"seq": 1, "duplicate": true}')

    def log_message(self, *_: object) -> None:
        """Be silent."""


@pytest.fixture
def unlucky() -> Iterator[HTTPServer]:
    """A server that does not answer at once."""
    _Unlucky.came = []
    server = HTTPServer(("127.0.0.1", 0), _Unlucky)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_event_whose_answer_is_lost_is_sent_again_as_it_was(
    unlucky: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "any")
    ask_again = retrying(f"http://127.0.0.1:{unlucky.server_port}")["ask_again"]
    event = {"user_id": 196, "item_id": 318, "rating": 4, "key": "shop-1/order-7"}
    assert ask_again("/v1/events", event) == {"seq": 1, "duplicate": True}
    assert [json.loads(body) for body in _Unlucky.came] == [event] * 3
