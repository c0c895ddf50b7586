"""``tastemap serve`` as a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.surfaces.conftest import Command
from tests.surfaces.service.running import workers_of

Start = Callable[..., tuple[subprocess.Popen[str], Any]]
WAIT_S = 60


@pytest.fixture
def folder(fitted: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of a fitted model, beside which the database may be made."""
    return Path(shutil.copytree(fitted["als"], tmp_path / "als"))


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """``start("--workers", 2)``: the process and the line that it was ready with, as an object."""
    processes = []

    def started(
        *options: object, at_start: Callable[[subprocess.Popen[str]], None] = lambda _: None
    ) -> tuple[subprocess.Popen[str], Any]:
        command = [sys.executable, "-m", "tastemap", "serve", folder, "--port", 0, "--json", *options]
        log = (folder.parent / "log").open("w")
        process = subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.PIPE, stderr=log, text=True
        )
        log.close()
        processes.append(process)
        at_start(process)
        assert process.stdout is not None
        return process, json.loads(process.stdout.readline())

    yield started
    for process in processes:
        process.kill()
        process.wait(WAIT_S)
        assert process.stdout is not None
        process.stdout.close()


def end(process: subprocess.Popen[str]) -> int:
    process.terminate()
    return process.wait(WAIT_S)


def test_it_says_when_it_is_ready_answers_and_ends_in_good_order(start: Start, folder: Path) -> None:
    process, ready = start("--log-format", "json")
    assert set(ready) == {"url", "openapi", "workers"}
    assert httpx.get(ready["openapi"]).json()["openapi"]
    answer = httpx.get(f"{ready['url']}/v1/users/u1/recommendations", params={"k": 3})
    assert answer.status_code == 200
    assert "server" not in answer.headers
    assert end(process) == 0
    lines = [json.loads(line) for line in (folder.parent / "log").read_text().splitlines()]
    assert [line["status"] for line in lines if line["message"] == "request"] == [200, 200]
    assert {line["level"] for line in lines} == {"info"}


def test_what_was_begun_is_finished_after_the_signal(start: Start) -> None:
    process, ready = start()
    url = httpx.URL(ready["url"])
    body = json.dumps({"user_id": 1, "item_id": 1, "rating": 4.0}).encode()
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: localhost:{url.port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with closing(socket.create_connection((url.host, url.port or 0), timeout=WAIT_S)) as connection:
        connection.sendall(head.encode() + body[:5])
        until_in_flight(ready["url"], 2)  # this request and the one that asks
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        connection.sendall(body[5:])
        assert connection.recv(65536).startswith(b"HTTP/1.1 201")
    assert process.wait(WAIT_S) == 0


def until_in_flight(url: str, wanted: int) -> None:
    while f"tastemap_requests_in_flight {wanted}.0" not in httpx.get(f"{url}/metrics").text:
        time.sleep(0.05)


def test_a_worker_that_is_killed_while_it_starts_is_replaced_before_the_service_is_ready(start: Start) -> None:
    def kill(process: subprocess.Popen[str]) -> None:
        while not (workers := workers_of(process)):
            time.sleep(0.01)
        os.kill(min(workers), signal.SIGKILL)

    process, ready = start("--workers", 2, at_start=kill)
    assert len(workers_of(process)) == 2
    assert httpx.get(f"{ready['url']}/v1/items").status_code == 200
    assert end(process) == 0


def test_no_secret_stands_in_the_list_of_processes(start: Start, folder: Path, tmp_path: Path) -> None:
    secret = "hunter2"
    environment = os.environ | {"TASTEMAP_DATABASE": f"sqlite:///{tmp_path / secret}.db"}
    command = [
        sys.executable,
        "-m",
        "tastemap",
        "serve",
        str(folder),
        "--port",
        "0",
        "--json",
        "--workers",
        "2",
    ]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        listed = subprocess.run(
            ["ps", "-ww", "-eo", "args="], capture_output=True, text=True, check=True
        ).stdout
        process.terminate()
        assert process.wait(WAIT_S) == 0
    assert secret not in listed
    assert (tmp_path / f"{secret}.db").exists()


def test_settings_come_from_a_file_and_options_go_before_it(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "service.toml"
    path.write_text('port = 1\nhost = "localhost"\nmax_body_bytes = 10\n', encoding="utf-8")
    process, ready = start("--settings", path)  # with --port 0
    assert ready["url"].startswith("http://localhost:")
    assert httpx.post(f"{ready['url']}/v1/events", json={"user_id": 1, "item_id": 1}).status_code == 413
    assert end(process) == 0


def test_a_setting_that_is_none_is_refused(tastemap: Command, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "service.toml"
    path.write_text("max_body = 10", encoding="utf-8")
    answer = tastemap("serve", folder, "--settings", path)
    assert (answer.status, "Unknown setting 'max_body'" in answer.err) == (2, True)


@pytest.mark.parametrize(
    "options", [("--host", "0.0.0.0"), ("--allow-host", "shop.example"), ("--trusted-proxy", "127.0.0.1")]
)
def test_others_are_not_let_in_without_keys(tastemap: Command, folder: Path, options: tuple[str, ...]) -> None:
    answer = tastemap("serve", folder, "--port", 0, *options)
    assert answer.status == 2
    assert f"tastemap keys add {folder} NAME --scope admin" in answer.err


def test_with_a_key_others_are_let_in_and_asked_for_it(tastemap: Command, start: Start, folder: Path) -> None:
    secret = tastemap("keys", "add", folder, "shop", "--scope", "client", "--json").json["secret"]
    process, ready = start("--host", "0.0.0.0")
    assert httpx.get(f"{ready['url']}/v1/items").status_code == 401
    assert httpx.get(f"{ready['url']}/v1/items", headers={"X-API-Key": secret}).status_code == 200
    assert end(process) == 0


def test_a_port_in_use_is_named_before_anything_is_loaded(tastemap: Command, folder: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        answer = tastemap("serve", folder, "--port", port, "--json")
    assert answer.status == 1
    assert answer.json["error"]["code"] == "server"
    assert f"port {port} of 127.0.0.1 is in use" in answer.err


@pytest.mark.parametrize(
    ("host", "said"), [("192.0.2.1", "no address of this machine"), ("no.such.host.invalid", "cannot be found")]
)
def test_a_host_that_is_not_ours_is_named(tastemap: Command, folder: Path, host: str, said: str) -> None:
    tastemap("keys", "add", folder, "shop", "--scope", "client")
    answer = tastemap("serve", folder, "--host", host, "--port", 0)
    assert (answer.status, said in answer.err) == (1, True)


def test_what_is_no_artifact_is_not_served(tastemap: Command, tmp_path: Path) -> None:
    answer = tastemap("serve", tmp_path / "nothing", "--port", 0)
    assert answer.status == 1
    assert "is no artifact" in answer.err
    assert not list(tmp_path.iterdir())


def test_a_damaged_artifact_is_told_in_a_sentence(folder: Path) -> None:
    [arrays] = [path for path in folder.iterdir() if path.name.startswith("arrays-")]
    arrays.write_bytes(arrays.read_bytes()[:-1] + b"\0")
    command = [sys.executable, "-m", "tastemap", "serve", str(folder), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S)
    assert (done.returncode, done.stdout) == (1, "")
    assert arrays.name in done.stderr
    assert "Traceback" not in done.stderr
