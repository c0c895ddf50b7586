"""Workers that die, and what the others and those after them do."""

from __future__ import annotations

import shutil
import socket
import urllib.parse
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

import tastemap as tm
from tests.hostile.test_databases import stopped
from tests.postgres import Cluster
from tests.surfaces.service.running import (
    ask,
    asked_alone,
    kill,
    serving_process,
    started,
    until,
    until_replaced,
    workers_of,
)

LIST = "/v1/users/3/recommendations"


@pytest.fixture
def folder(fitted: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of a fitted model, beside which the database may be made."""
    return Path(shutil.copytree(fitted["als"], tmp_path / "als"))


def figure(url: str, name: str) -> float:
    """The sum of a figure over its labels."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def begun(url: str, length: int = 99) -> socket.socket:
    """A connection whose request has begun, and waits for a body of so many bytes."""
    where = urllib.parse.urlsplit(url)
    connection = socket.create_connection((where.hostname, where.port), timeout=30)
    connection.sendall(
        f"POST /v1/events HTTP/1.1\r\nHost: {where.netloc}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode()
    )
    return connection


def test_a_worker_that_dies_is_replaced_and_takes_only_its_open_requests_out_of_the_figures(
    folder: Path,
) -> None:
    listed = 'tastemap_request_duration_seconds_count{method="GET",route="/v1/items",status="200"}'
    with serving_process(folder, folder.parent, "--workers", "2") as (process, url):
        before = workers_of(process)
        assert len(before) == 2
        for _ in range(20):
            ask(f"{url}/v1/items")
        with closing(begun(url)):
            until(lambda: figure(url, "tastemap_requests_in_flight") == 2)  # with the one that asks
            # One of the two holds it: both are replaced, and neither stays in the gauge.
            for worker in before:
                until_replaced(process, kill(process, worker), url)
            assert workers_of(process).isdisjoint(before)
            assert figure(url, "tastemap_requests_in_flight") == 1
        assert figure(url, listed) == 20


def test_a_worker_that_dies_in_an_outage_ends_nobody_and_comes_back_with_the_database(
    folder: Path, postgres: Cluster
) -> None:
    log = folder.parent / "serve.log"
    with (
        postgres.database() as database,
        serving_process(folder, folder.parent, "--workers", "2", "--database", database) as (process, url),
    ):
        with stopped(postgres):
            left = kill(process, min(workers_of(process)))
            until(lambda: "another try in 2 s" in log.read_text())  # it failed twice
            assert "another try in 1 s" in log.read_text()
            for _ in range(10):
                assert "without live events" in ask(f"{url}{LIST}")["notes"][0]
        until_replaced(process, left, url)
        assert len(workers_of(process)) == 2
        for worker in workers_of(process):
            assert asked_alone(process, worker, f"{url}{LIST}")["notes"] == []
        assert process.poll() is None


def test_a_worker_that_finds_the_artifact_damaged_is_tried_again_while_the_others_serve(folder: Path) -> None:
    log = folder.parent / "serve.log"
    manifest = folder / "manifest.json"
    with serving_process(folder, folder.parent, "--workers", "2") as (process, url):
        whole = manifest.read_bytes()
        manifest.write_bytes(whole[:-2])
        left = kill(process, min(workers_of(process)))
        until(lambda: "another try in 1 s" in log.read_text())
        assert ask(f"{url}{LIST}")["version"] == 1
        manifest.write_bytes(whole)
        until_replaced(process, left, url)


def test_a_worker_that_is_started_later_serves_what_the_others_serve(folder: Path) -> None:
    def served() -> set[tuple[str, int]]:
        told = [asked_alone(process, worker, f"{url}/v1/model") for worker in workers_of(process)]
        return {(one["name"], one["version"]) for one in told}

    with serving_process(folder, folder.parent, "--workers", "2") as (process, url):
        first = tm.load(folder)
        tm.save(tm.fit(first.train, "ials", settings={"n_factors": 4, "n_epochs": 3}, rng=1), folder)
        until_replaced(process, kill(process, min(workers_of(process))), url)
        assert served() == {("als", 1)}  # nobody has said that the new one is to be served
        ask(f"{url}/v1/model/reload", {"version": None})
        until(lambda: served() == {("ials", 2)})
        until_replaced(process, kill(process, min(workers_of(process))), url)
        assert served() == {("ials", 2)}


def test_workers_end_in_good_order_with_a_parent_that_is_killed(folder: Path) -> None:
    process, url = started(folder, folder.parent, "--workers", "2")
    assert process.stdout is not None
    process.stdout.close()
    body = b'{"user_id": 1, "item_id": 1, "rating": 4.0}'
    with closing(begun(url, len(body))) as connection:
        until(lambda: figure(url, "tastemap_requests_in_flight") == 2)
        process.kill()
        process.wait(30)
        connection.sendall(body)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 201")
    until(lambda: refuses(url))
    with serving_process(folder, folder.parent, "--workers", "2") as (_, again):
        assert len(ask(f"{again}/v1/users/1/export")["events"]) == 1


def refuses(url: str) -> bool:
    """Whether nobody listens any more."""
    where = urllib.parse.urlsplit(url)
    with closing(socket.socket()) as tried:
        return tried.connect_ex((where.hostname, where.port)) != 0
