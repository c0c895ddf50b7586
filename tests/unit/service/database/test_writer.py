"""Group commit: what is acknowledged is stored, what fails fails alone, and the queue has an end."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import text

from tastemap.errors import InvalidValueError
from tastemap.service.database import (
    DatabaseError,
    KeyConflictError,
    NewEvent,
    QueueFullError,
    Store,
    UnstorableError,
    Writer,
)
from tastemap.service.database.appending import Outcome


class Gate:
    """A store that waits before it writes, and keeps the sizes of the groups."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()
        self.groups: list[list[int]] = []
        self._write = store.append_groups
        monkeypatch.setattr(store, "append_groups", self._wait_and_write)

    def _wait_and_write(self, groups: Sequence[Sequence[NewEvent]]) -> list[Outcome]:
        self.groups.append([len(group) for group in groups])
        self.entered.release()
        assert self.open.wait(30)
        return self._write(groups)


@pytest.fixture
def gate(store: Store, monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(store, monkeypatch)


@pytest.fixture
def writer(store: Store, gate: Gate) -> Iterator[Writer]:
    """A writer of a queue of 1,000 that is busy with one event until the gate opens."""
    writer = Writer(store, limit=1000)
    writer.submit([NewEvent("first", "a")])
    assert gate.entered.acquire(timeout=30)
    yield writer
    gate.open.set()
    writer.close()


def test_what_gathers_is_committed_together_in_order(store: Store, gate: Gate, writer: Writer) -> None:
    futures = [writer.submit([NewEvent("u", str(number)), NewEvent("v", str(number))]) for number in range(300)]
    assert writer.depth == 601
    gate.open.set()
    receipts = [future.result(timeout=30) for future in futures]
    assert [[one.seq for one in two] for two in receipts] == [[2 * n + 2, 2 * n + 3] for n in range(300)]
    assert gate.groups == [[1], [2] * 250, [2] * 50]
    assert [event.item_id for event in store.events_of("u", 0)] == [str(number) for number in range(300)]
    writer.close()
    assert writer.depth == 0


def test_a_conflict_fails_alone(store: Store, gate: Gate, writer: Writer) -> None:
    before = writer.submit([NewEvent("u", "a", 1.0, client_key="k")])
    bad = writer.submit([NewEvent("u", "b", client_key="new"), NewEvent("u", "a", 2.0, client_key="k")])
    again = writer.submit([NewEvent("u", "a", 1.0, client_key="k")])
    freed = writer.submit([NewEvent("u", "c", client_key="new")])
    gate.open.set()
    assert [one.seq for one in before.result(timeout=30)] == [2]
    with pytest.raises(KeyConflictError):
        bad.result(timeout=30)
    assert [(one.seq, one.duplicate) for one in again.result(timeout=30)] == [(2, True)]
    assert [(one.seq, one.duplicate) for one in freed.result(timeout=30)] == [(3, False)]
    assert len(gate.groups) == 2
    assert [event.item_id for event in store.events_of("u", 0)] == ["a", "c"]


def test_a_full_queue_refuses_and_takes_again_later(store: Store, gate: Gate, writer: Writer) -> None:
    writer.submit([NewEvent("u", str(number)) for number in range(999)])
    with pytest.raises(QueueFullError, match="1,000 events wait to be written and the queue holds 1,000"):
        writer.submit([NewEvent("u", "one more")])
    gate.open.set()
    assert gate.entered.acquire(timeout=30)
    writer.close()
    assert store.last_seq() == 1000


def test_a_failed_commit_fails_every_submission_of_its_group(
    store: Store, gate: Gate, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(groups: Sequence[Sequence[NewEvent]]) -> list[Outcome]:
        raise DatabaseError("The disk is gone.")

    futures = [writer.submit([NewEvent("u", str(number))]) for number in range(3)]
    with monkeypatch.context() as patch:
        patch.setattr(store, "append_groups", fail)
        gate.open.set()
        for future in futures:
            with pytest.raises(DatabaseError, match="The disk is gone"):
                future.result(timeout=30)
    assert [one.seq for one in writer.submit([NewEvent("u", "later")]).result(timeout=30)] == [2]


REFUSES = {
    "sqlite": "CREATE TRIGGER refuse BEFORE INSERT ON events WHEN NEW.item_id = 'bad' "
    "BEGIN SELECT RAISE(ABORT, 'no such thing'); END",
    "postgresql": "ALTER TABLE events ADD CHECK (item_id <> 'bad')",
}


def test_what_the_database_cannot_hold_is_refused_alone(store: Store, gate: Gate, writer: Writer) -> None:
    with store._connections.writing() as connection:
        connection.execute(text(REFUSES[connection.dialect.name]))
    before = writer.submit([NewEvent("u", "a")])
    guilty = writer.submit([NewEvent("u", "beside"), NewEvent("u", "bad")])
    after = [writer.submit([NewEvent("u", item)]) for item in ("b", "c")]
    gate.open.set()
    with pytest.raises(UnstorableError, match="cannot hold this: "):
        guilty.result(timeout=30)
    for future in (before, *after):
        assert len(future.result(timeout=30)) == 1
    assert [event.item_id for event in store.events_of("u", 0)] == ["a", "b", "c"]
    assert gate.groups == [[1], [1, 2, 1, 1], [1], [2], [1], [1]]
    assert store.writes.error is None  # nothing is wrong with the disk


def test_closing_writes_what_waits_and_takes_nothing_more(store: Store, gate: Gate, writer: Writer) -> None:
    futures = [writer.submit([NewEvent("u", str(number))]) for number in range(20)]
    gate.open.set()
    writer.close()
    assert all(future.done() for future in futures)
    assert store.last_seq() == 21
    with pytest.raises(DatabaseError, match="is stopping and takes no more events"):
        writer.submit([NewEvent("u", "late")])


def test_what_was_canceled_before_its_turn_is_not_stored(store: Store, gate: Gate, writer: Writer) -> None:
    gone = writer.submit([NewEvent("u", "gone")])
    stays = writer.submit([NewEvent("u", "stays")])
    assert gone.cancel()
    gate.open.set()
    stays.result(timeout=30)
    assert [event.item_id for event in store.events_of("u", 0)] == ["stays"]


def test_a_bad_event_is_refused_at_once_and_harms_no_other(gate: Gate, writer: Writer) -> None:
    fine = writer.submit([NewEvent("u", "a")])
    with pytest.raises(InvalidValueError, match="value must be a finite number"):
        writer.submit([NewEvent("u", "a", float("inf"))])
    gate.open.set()
    assert [one.seq for one in fine.result(timeout=30)] == [2]
