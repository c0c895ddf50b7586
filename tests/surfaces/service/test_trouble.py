"""The whole service when things go wrong around it."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from fastapi.testclient import TestClient

from tests.hostile.test_databases import stopped
from tests.postgres import Cluster
from tests.surfaces.conftest import Command
from tests.surfaces.service.conftest import Serve, serving
from tests.surfaces.service.running import ask, running, started


def test_who_is_cut_off_at_the_end_is_told_so_as_of_everything_else(
    fitted: dict[str, Path], tmp_path: Path
) -> None:
    folder, settings = shutil.copytree(fitted["als"], tmp_path / "als"), tmp_path / "service.toml"
    settings.write_text("shutdown_s = 1\nbody_timeout_s = 60\n")
    process, url = started(folder, tmp_path, "--settings", str(settings))
    with closing(http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)) as connection:
        connection.putrequest("POST", "/v1/events")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", "10")
        connection.endheaders(b"{")
        while "tastemap_requests_in_flight 2.0" not in urllib.request.urlopen(f"{url}/metrics").read().decode():
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        answer = connection.getresponse()
        assert (answer.status, json.load(answer)["error"]["code"]) == (503, "shutting_down")
        assert answer.headers["X-Request-Id"]
        assert answer.headers["Retry-After"] == "1"
    assert process.wait(30) == 0
    assert process.stdout is not None
    process.stdout.close()
    log = (tmp_path / "serve.log").read_text()
    assert "status=503" in log
    assert "Traceback" not in log


def test_without_the_database_lists_go_on_and_writes_are_refused(serve: Serve, postgres: Cluster) -> None:
    with postgres.database() as url:
        client = serve("als", database=url)
        client.post("/v1/events", json={"user_id": 3, "item_id": 5, "rating": 1})
        assert client.get("/v1/users/3/recommendations").json()["basis"] == "history"
        with stopped(postgres):
            found = client.get("/v1/users/3/recommendations")
            assert found.status_code == 200
            assert found.json()["basis"] == "user"
            assert "without live events" in found.json()["notes"][0]
            refused = client.post("/v1/events", json={"user_id": 3, "item_id": 6, "rating": 1})
            assert refused.status_code == 503
            assert refused.headers["retry-after"]
            assert refused.json()["error"]["code"] == "database_unavailable"
            assert client.get("/healthz").status_code == 200
            assert "ok" != client.get("/readyz").json()["database"]
        deadline = time.monotonic() + 20
        while client.get("/v1/users/3/recommendations").json()["notes"] and time.monotonic() < deadline:
            time.sleep(0.2)
        rows = client.get("/v1/users/3/history").json()["items"]
        events = {row["item_id"] for row in rows if row["source"] == "event"}
        assert events == {5}  # what was acknowledged, and nothing that was not


def test_no_client_learns_where_the_database_is_and_the_log_tells_it(
    serve: Serve, postgres: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    with postgres.database() as url:
        client, port = serve("als", database=url), str(urlsplit(url).port)
        with stopped(postgres):
            asked = [
                client.post("/v1/events", json={"user_id": 3, "item_id": 6, "rating": 1}),
                client.get("/v1/users/3/export"),
                client.get("/user.json?id=777"),
                client.get("/user?id=777"),
            ]
        assert [answer.status_code for answer in asked] == [503] * 4
        for answer in asked:
            for part in ("postgresql:", "127.0.0.1", port, urlsplit(url).path):
                assert part not in answer.text
        assert "The database cannot be " in asked[0].json()["error"]["message"]
        request_id = asked[0].headers["x-request-id"]
        assert [
            f":{port}/" in line for line in caplog.messages if request_id in line and "database" in line
        ] == [True]


def test_no_client_learns_which_file_the_database_is(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    client = serve("als")
    path = client.app.state.settings.database_url.removeprefix("sqlite:///")  # type: ignore[attr-defined]
    Path(path).rename(path + ".away")
    refused = client.post("/v1/events", json={"user_id": 3, "item_id": 6, "rating": 1})
    Path(path + ".away").rename(path)
    assert refused.status_code == 503
    assert refused.json()["error"]["message"] == (
        "The database has been deleted while it was in use; put it back and start again."
    )
    assert any(path in line for line in caplog.messages)


def test_who_waits_for_the_database_holds_up_nobody(serve: Serve, postgres_url: str) -> None:
    client = serve("als", database=postgres_url)
    with psycopg.connect(postgres_url) as other, ThreadPoolExecutor(1) as pool:
        other.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        waiting = pool.submit(client.get, "/v1/users/3/recommendations")
        until_somebody_waits(postgres_url)
        assert client.get("/v1/items").status_code == 200
        assert not waiting.done()
        other.rollback()
        answer = waiting.result().json()
    assert (answer["basis"], answer["notes"]) == ("user", [])


def until_somebody_waits(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        deadline = time.monotonic() + 4  # who waits for longer than 5 s is answered without the database
        while time.monotonic() < deadline:
            if connection.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone():
                return
            time.sleep(0.01)
    raise AssertionError("Nobody waits for the lock.")


def test_without_the_database_users_and_histories_are_what_the_model_knows(
    serve: Serve, postgres: Cluster
) -> None:
    with postgres.database() as url:
        client = serve("als", database=url)
        before = {path: client.get(f"/v1/users/3{path}").json() for path in ("", "/history?limit=500")}
        client.post("/v1/events", json={"user_id": 777, "item_id": 5, "rating": 1})
        with stopped(postgres):
            for path, answer in before.items():
                found = client.get(f"/v1/users/3{path}").json()
                assert "without live events" in found["notes"][0]
                assert {**found, "notes": []} == answer
            for path in ("/v1/users/777", "/v1/users/777/history", "/user.json?id=777"):
                refused = client.get(path)  # "unknown" would be untrue
                assert (refused.status_code, refused.json()["error"]["code"]) == (503, "database_unavailable")
            for ask in (client.get, client.delete):  # of half of it nobody may say: this is all
                path = "/v1/users/3" + ("/export" if ask == client.get else "")
                assert ask(path).status_code == 503


def test_two_servers_on_one_database_know_each_other_s_events_and_erasures(
    serve_either: Serve, database_url: str, tmp_path: Path
) -> None:
    first = serve_either("als")
    with serving(tmp_path / "als", database=database_url) as second:
        first.post("/v1/events", json={"user_id": 777, "item_id": 5, "rating": 4})
        second.post("/v1/events", json={"user_id": 777, "item_id": 6, "rating": 2})
        answers = [client.get("/v1/users/777/recommendations").json() for client in (first, second)]
        assert answers[0] == answers[1]
        assert first.get("/v1/users/777/history").json()["n_ratings"] == 2
        for user in (777, 3):  # one whom the model has never met, and one of its own
            assert first.get(f"/v1/users/{user}/export").status_code == 200
            assert second.delete(f"/v1/users/{user}").status_code == 200
            assert first.get(f"/v1/users/{user}/export").status_code == 404
            assert first.get(f"/v1/users/{user}/recommendations").json()["basis"] == "popularity"


def bases(pool: ThreadPoolExecutor, url: str, user: int) -> set[str]:
    """What eight lists at once are made from, which no worker makes alone."""
    path = f"{url}/v1/users/{user}/recommendations"
    return set(pool.map(lambda _: str(ask(path)["basis"]), range(8)))


def test_two_workers_on_one_server_know_each_other_s_events_and_erasures(
    fitted: dict[str, Path], postgres_url: str, tmp_path: Path
) -> None:
    arguments = ("--workers", "2", "--database", postgres_url)
    with running(fitted["als"], tmp_path, *arguments) as url, ThreadPoolExecutor(8) as pool:
        for user in range(4):
            assert bases(pool, url, user) == {"user"}
            ask(f"{url}/v1/events", {"user_id": user, "item_id": 5, "rating": 1})
            assert bases(pool, url, user) == {"history"}
            ask(f"{url}/v1/users/{user}", method="DELETE")
            assert bases(pool, url, user) == {"popularity"}


def test_no_request_fails_while_versions_are_reloaded(fitted: dict[str, Path], tmp_path: Path) -> None:
    statuses: list[int] = []
    done = threading.Event()
    with running(fitted["als"], tmp_path, "--workers", "2") as url, ExitStack() as ending:

        def look(user: int) -> None:
            while not done.is_set():
                with urllib.request.urlopen(f"{url}/v1/users/{user}/recommendations", timeout=30) as answer:
                    statuses.append(answer.status)

        pool = ending.enter_context(ThreadPoolExecutor(4))
        looking = [pool.submit(look, user) for user in range(4)]
        for _ in range(10):
            assert ask(f"{url}/v1/model/reload", {})["version"] == 1
        done.set()
        for future in looking:
            future.result()
    assert len(statuses) > 20
    assert set(statuses) == {200}


def test_all_workers_follow_a_reload(fitted: dict[str, Path], tmp_path: Path, tastemap: Command) -> None:
    with running(fitted["als"], tmp_path, "--workers", "2") as url:
        ask(f"{url}/v1/events", {"user_id": 3, "item_id": 5, "rating": 1})
        assert tastemap("refit", tmp_path / fitted["als"].name, "--json").json["version"] == 2
        deadline = time.monotonic() + 30
        seen: list[int] = []
        while seen[-20:] != [2] * 20 and time.monotonic() < deadline:
            seen.append(ask(f"{url}/v1/model")["version"])
        assert seen[-20:] == [2] * 20


def test_a_body_that_is_too_large_is_refused(client: TestClient) -> None:
    answer = client.post(
        "/v1/events",
        content=b'{"user_id": "' + b"x" * (10 * 2**20),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 413
    assert "error" in answer.json()
