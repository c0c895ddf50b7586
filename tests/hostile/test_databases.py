"""The database when things go wrong: kills, full disks, lost files, stopped servers, passwords."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tastemap.errors import MissingExtraError, TastemapError
from tastemap.service.database import DatabaseError, NewEvent, Store, Writer, connections, engines
from tests.postgres import CAREFUL, Cluster

N_EVENTS = 20_000

# Appends to the database argv[1] and names on standard output what was acknowledged, as soon as it was.
WRITES = """
import os, sys
from tastemap.service.database import NewEvent, Store, Writer
store = Store.open(sys.argv[1])
writer = Writer(store, limit=30_000)
for number in range(int(sys.argv[2])):
    def tell(future, key=f"k{number}"):
        os.write(1, f"{key} {future.result()[0].seq}\\n".encode())
    writer.submit([NewEvent("u", str(number), client_key=f"k{number}")]).add_done_callback(tell)
writer.close()
"""

# Appends until the file may not grow, and says what came of it.
FILLS = """
import resource, sys
from pathlib import Path
from tastemap.service.database import DatabaseError, NewEvent, Store
store = Store.open("sqlite:///" + sys.argv[1])
largest = max(path.stat().st_size for path in Path(sys.argv[1]).parent.iterdir()) + 2_000_000
resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
acknowledged = 0
try:
    for number in range(10_000):
        store.append([NewEvent("u", "x" * 500)])
        acknowledged += 1
except DatabaseError as error:
    print(error.message)
assert len(list(store.events())) == acknowledged > 50, acknowledged
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.append([NewEvent("u", "again")])
assert len(list(store.events())) == acknowledged + 1
store.close()
"""

# Opens the database argv[1] as somebody who may not write it.
READS_ONLY = """
import os, sys
from tastemap.service.database import DatabaseError, Store
Store.open(f"sqlite:///{sys.argv[1]}/warm.db").close()  # what is imported on the way may not be readable later
os.chmod(f"{sys.argv[1]}/events.db", 0o444)
os.chmod(sys.argv[1], 0o555)
if os.getuid() == 0:
    os.setuid(65534)  # root may write whatever the mode says
try:
    Store.open(f"sqlite:///{sys.argv[1]}/events.db")
except DatabaseError as error:
    print(error.message)
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path / 'events.db'}")
    yield opened
    opened.close()


def acknowledged_before_kill(url: str, told: Path) -> dict[str, int]:
    """Kill a writing process once a part of its events is acknowledged; the seq of each that was."""
    with told.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-c", WRITES, url, str(N_EVENTS)], stdout=out)
    while told.stat().st_size < 20_000 and process.poll() is None:
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    whole, _, _ = told.read_text().rpartition("\n")  # a last line may be cut
    return {key: int(seq) for key, seq in (line.split() for line in whole.splitlines())}


def test_a_killed_process_loses_nothing_that_it_acknowledged(database_url: str, tmp_path: Path) -> None:
    acknowledged = acknowledged_before_kill(database_url, tmp_path / "acknowledged")
    assert 1000 < len(acknowledged) < N_EVENTS
    store = Store.open(database_url)
    stored = list(store.events())
    assert acknowledged.items() <= {event.client_key: event.seq for event in stored}.items()
    # Group commit: the killed transaction is there whole or not at all, so what is there is a beginning.
    assert [event.item_id for event in stored] == [str(number) for number in range(len(stored))]
    first = store.append([NewEvent("u", "0", client_key="k0", time=stored[0].time)])
    assert (first[0].seq, first[0].duplicate) == (acknowledged["k0"], True)
    store.close()


def test_a_full_disk_is_a_sentence_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    done = subprocess.run([sys.executable, "-c", FILLS, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"The database {path} cannot be used: ")
    assert done.stdout.count("\n") == 1


def test_a_deleted_file_is_noticed_before_anything_is_acknowledged(store: Store, tmp_path: Path) -> None:
    store.append([NewEvent("u", "a")])
    (tmp_path / "events.db").unlink()
    for ask in everything(store):
        with pytest.raises(
            DatabaseError, match=r"events\.db has been deleted while it was in use; put it back"
        ):
            ask()


def everything(store: Store) -> list[Callable[[], object]]:
    """Calls of each kind."""
    return [
        lambda: store.append([NewEvent("u", "b")]),
        lambda: store.erase("u", 1.0),
        lambda: store.events_of("u", 0),
        lambda: list(store.events()),
        store.last_seq,
        store.served,
        lambda: store.serve(1, "d", 1.0),
        lambda: store.add_key("shop", "client", 1.0),
        store.keys,
        store.ping,
    ]


def test_a_file_replaced_by_another_one_is_noticed(store: Store, tmp_path: Path) -> None:
    Store.open(f"sqlite:///{tmp_path / 'other.db'}").close()
    (tmp_path / "other.db").replace(tmp_path / "events.db")
    for ask in everything(store):
        with pytest.raises(DatabaseError, match="has been replaced by another file"):
            ask()


def test_a_file_that_is_put_back_serves_on(store: Store, tmp_path: Path) -> None:
    store.append([NewEvent("u", "a")])
    (tmp_path / "events.db").rename(tmp_path / "away.db")
    with pytest.raises(DatabaseError):
        store.events_of("u", 0)
    (tmp_path / "away.db").rename(tmp_path / "events.db")
    store.append([NewEvent("u", "b")])
    assert [event.item_id for event in store.events_of("u", 0)] == ["a", "b"]


def test_a_failed_write_through_the_writer_is_not_acknowledged(store: Store, tmp_path: Path) -> None:
    writer = Writer(store)
    (tmp_path / "events.db").rename(tmp_path / "away.db")
    with pytest.raises(DatabaseError):
        writer.submit([NewEvent("u", "a")]).result(timeout=30)
    (tmp_path / "away.db").rename(tmp_path / "events.db")
    writer.submit([NewEvent("u", "b")]).result(timeout=30)
    assert [event.item_id for event in store.events_of("u", 0)] == ["b"]
    writer.close()


@pytest.mark.parametrize("content", [b"no database, but long enough to be read as a header " * 20, b"x"])
def test_a_file_of_another_kind_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ratings.csv"
    path.write_bytes(content)
    with pytest.raises(
        DatabaseError, match=r"ratings\.csv cannot be used: the file is there and is no SQLite database"
    ):
        Store.open(f"sqlite:///{path}")
    assert path.read_bytes() == content


def test_the_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE events (id INTEGER, name TEXT)")
    connection.close()
    with pytest.raises(DatabaseError, match="table events already exists"):
        Store.open(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    connection.close()
    assert tables == [("events",)]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"nowhere/events\.db cannot be used: unable to open database file"):
        Store.open(f"sqlite:///{tmp_path}/nowhere/events.db")


def test_a_file_that_may_not_be_written_is_named() -> None:
    # Not below pytest's folder, which other users may not enter.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        Store.open(f"sqlite:///{folder}/events.db").close()
        done = subprocess.run(
            [sys.executable, "-c", READS_ONLY, name], capture_output=True, text=True, check=False
        )
        folder.chmod(0o755)
    assert done.stdout.startswith(f"The database {folder}/events.db cannot be used: "), done.stderr
    assert "readonly" in done.stdout


def test_a_lock_that_another_one_keeps_is_a_sentence(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "BUSY_S", 0.1)
    store, other = Store.open(database_url), Store.open(database_url)
    with other._connections.writing():
        with pytest.raises(DatabaseError, match=r"cannot be used: .*lock"):
            store.append([NewEvent("u", "a")])
        assert store.events_of("u", 0) == []  # readers do not wait
    store.append([NewEvent("u", "a")])
    store.close()
    other.close()


def eventually(ask: Callable[[], object]) -> None:
    """Ask until the database answers."""
    until = time.monotonic() + 60
    while True:
        try:
            ask()
            return
        except DatabaseError:
            assert time.monotonic() < until
            time.sleep(0.05)


@contextmanager
def stopped(cluster: Cluster) -> Iterator[None]:
    """The server is down within this block."""
    cluster.stop()
    try:
        yield
    finally:
        cluster.start()


def test_a_server_that_comes_back_is_found_again(postgres: Cluster) -> None:
    with postgres.database() as url:
        store = Store.open(url)
        writer = Writer(store)
        for name in ("before", "later"):
            eventually(lambda name=name: writer.submit([NewEvent("u", name)]).result(timeout=30))  # type: ignore[misc]
            with stopped(postgres):
                for ask in everything(store):
                    with pytest.raises(
                        DatabaseError, match=r"127\.0\.0\.1.* (cannot be used|cannot be reached)"
                    ):
                        ask()
                with pytest.raises(DatabaseError):
                    writer.submit([NewEvent("u", "lost")]).result(timeout=30)
        eventually(store.ping)
        assert [event.item_id for event in store.events_of("u", 0)] == ["before", "later"]
        assert store.keys() == []
        writer.close()
        store.close()


def test_a_restart_of_the_server_between_two_questions_goes_unseen(postgres: Cluster) -> None:
    with postgres.database() as url:
        store = Store.open(url)
        store.append([NewEvent("u", "a")])
        with stopped(postgres):
            pass
        assert len(store.events_of("u", 0)) == 1
        store.append([NewEvent("u", "b")])
        store.close()


def test_a_dead_server_is_not_asked_by_every_reader(postgres: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REST_S", 1e6)
    with postgres.database() as url:
        store = Store.open(url)
        with stopped(postgres), pytest.raises(DatabaseError, match="cannot be used"):
            store.ping()
        # The server is back, yet nobody asks it.
        with pytest.raises(DatabaseError, match="cannot be reached; it is asked again soon"):
            store.ping()
        store.close()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_hold_every_id_is_refused_at_the_start(postgres: Cluster, encoding: str) -> None:
    with (
        postgres.database(encoding) as url,
        pytest.raises(DatabaseError, match=rf"must be in the encoding UTF8, .* Got {encoding}; "),
    ):
        Store.open(url)


def test_every_id_comes_back_whatever_encoding_the_url_names(postgres_url: str) -> None:
    store = Store.open(f"{postgres_url}?client_encoding=latin1")
    store.append([NewEvent("Łukasz ✓", "映画")])
    assert [event.item_id for event in store.events_of("Łukasz ✓", 0)] == ["映画"]
    store.close()


PASSWORD = "s3cr3t-w0rd"


@pytest.mark.parametrize(
    "wrong",
    [
        "postgresql://careful:{password}@127.0.0.1:{port}/postgres",
        "postgresql://careful@127.0.0.1:{port}/postgres?password={password}",
        "postgresql://tastemap:{password}@127.0.0.1:{port}/nowhere",
        "postgresql://tastemap:{password}@127.0.0.1:1/postgres",
        "postgresql://tastemap:{password}@127.0.0.1:{port}x/postgres",
        "postgresql://tastemap:{password}@127.0.0.1:{port}/postgres?sslmode={password}",
        "mysql://tastemap:{password}@127.0.0.1/db",
    ],
)
def test_a_password_is_in_no_message_and_no_log(
    postgres: Cluster, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], wrong: str
) -> None:
    url = wrong.format(password=PASSWORD, port=postgres.port)
    with caplog.at_level(logging.DEBUG), pytest.raises(TastemapError) as raised:
        Store.open(url)
    assert raised.value.code in ("database_unavailable", "invalid_value")
    assert "\n" not in raised.value.message
    captured = capfd.readouterr()
    shown = "".join(traceback.format_exception(raised.value))
    for text in (
        raised.value.message,
        str(raised.value.body()),
        shown,
        caplog.text,
        captured.out,
        captured.err,
    ):
        assert PASSWORD not in text


def test_a_password_that_is_right_opens(postgres: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    with postgres.careful(PASSWORD), postgres.database() as url, caplog.at_level(logging.DEBUG):
        store = Store.open(url.replace("tastemap@", f"{CAREFUL}:{PASSWORD}@"))
        store.append([NewEvent("u", "a")])
        store.close()
    assert PASSWORD not in caplog.text


def test_without_psycopg_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'tastemap\[postgres\]'"):
        Store.open("postgresql://127.0.0.1/db")
