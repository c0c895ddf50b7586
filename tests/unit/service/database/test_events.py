"""Events go in once, come out in order, and leave when their user is erased; on SQLite and PostgreSQL."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tastemap.errors import InvalidValueError
from tastemap.service.database import KeyConflictError, NewEvent, Receipt, Store, lookups
from tastemap.service.database import store as store_module

APPENDS = """
import sys
from tastemap.service.database import NewEvent, Store
store = Store.open(sys.argv[1])
for number in range(int(sys.argv[2])):
    store.append([NewEvent(sys.argv[3], str(number))])
store.close()
"""

ODD_IDS = [
    "'; DROP TABLE events; --",
    "%s",
    ":user_id",
    "%(user_id)s",
    "Ünï😀",
    " ",
    "a\nb",
    '"',
    "\\",
    "x" * 512,
]


def test_an_event_comes_back_as_it_went_in(store: Store) -> None:
    before = time.time()
    receipts = store.append(
        [
            NewEvent("u", "a", 4.5, time=-3.25, client_key="k"),
            NewEvent("u", "b", kind="withdrawal"),
            NewEvent("v", "a", 1.0),
        ]
    )
    assert receipts == [Receipt(1, duplicate=False), Receipt(2, duplicate=False), Receipt(3, duplicate=False)]
    first, second = store.events_of("u", 0)
    assert dataclasses.astuple(first)[:6] == (1, "u", "a", "interaction", 4.5, -3.25)
    assert first.client_key == "k"
    assert (second.seq, second.kind, second.value, second.client_key) == (2, "withdrawal", 0.0, None)
    assert second.time == second.received == first.received
    assert before <= first.received <= time.time()


def test_the_events_of_a_user_are_those_after_a_seq(store: Store) -> None:
    store.append([NewEvent("u" if number % 2 else "v", str(number)) for number in range(10)])
    assert [event.seq for event in store.events_of("u", 4)] == [6, 8, 10]
    assert store.events_of("u", 10) == []
    assert store.events_of("nobody", 0) == []


def test_all_events_are_read_in_blocks_and_in_order(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "EVENTS_A_READ", 5)
    monkeypatch.setattr(lookups, "SPAN", lookups.SPAN.limit(5))
    assert list(store.events()) == []
    assert store.last_seq() == 0
    store.append([NewEvent("u", str(number)) for number in range(12)])
    assert [event.seq for event in store.events()] == list(range(1, 13))
    assert [event.seq for event in store.events(after=3, up_to=8)] == [4, 5, 6, 7, 8]
    assert [event.seq for event in store.events(up_to=99)] == list(range(1, 13))
    assert store.last_seq() == 12


def test_reading_all_events_ends_at_the_last_one_of_its_start(store: Store) -> None:
    store.append([NewEvent("u", "a")])
    reading = store.events()
    next(reading)
    store.append([NewEvent("u", "b")])
    assert list(reading) == []


def test_a_client_key_stores_an_event_once(store: Store) -> None:
    event = NewEvent("u", "a", 3.0, time=7.0, client_key="k")
    assert store.append([event]) == [Receipt(1, duplicate=False)]
    assert store.append([event]) == [Receipt(1, duplicate=True)]
    assert store.append([NewEvent("u", "b"), event, event]) == [
        Receipt(2, duplicate=False),
        Receipt(1, duplicate=True),
        Receipt(1, duplicate=True),
    ]
    assert store.last_seq() == 2


def test_a_key_twice_in_one_submission_stores_one_event(store: Store) -> None:
    event = NewEvent("u", "a", client_key="k")
    assert store.append([event, event]) == [Receipt(1, duplicate=False), Receipt(1, duplicate=True)]


def test_an_event_without_a_time_is_the_same_whenever_it_is_sent_again(store: Store) -> None:
    event = NewEvent("u", "a", 3.0, client_key="k")
    store.append([event])
    assert store.append([event]) == [Receipt(1, duplicate=True)]
    with pytest.raises(KeyConflictError):
        store.append([dataclasses.replace(event, time=7.0)])


@pytest.mark.parametrize(
    "change", [{"user_id": "v"}, {"item_id": "b"}, {"value": 2.0}, {"kind": "withdrawal"}, {"time": 8.0}]
)
def test_a_key_with_another_content_is_a_conflict_and_stores_nothing(
    store: Store, change: dict[str, object]
) -> None:
    event = NewEvent("u", "a", 3.0, time=7.0, client_key="k")
    store.append([event])
    other = dataclasses.replace(event, **change)  # type: ignore[arg-type]
    with pytest.raises(KeyConflictError, match=r"^key 'k' was used for another event") as raised:
        store.append([NewEvent("u", "b"), other])
    assert raised.value.code == "key_conflict"
    with pytest.raises(KeyConflictError):
        store.append([dataclasses.replace(event, client_key="n"), dataclasses.replace(other, client_key="n")])
    assert store.last_seq() == 1
    assert len(list(store.events())) == 1


@pytest.mark.parametrize("odd", ODD_IDS)
def test_any_text_is_an_id_and_a_key(store: Store, odd: str) -> None:
    store.append([NewEvent(odd, odd, 2.0, client_key=odd[:200])])
    [event] = store.events_of(odd, 0)
    assert (event.user_id, event.item_id, event.client_key) == (odd, odd, odd[:200])
    assert store.events_of_item(odd, 0, event.seq) == [event]
    assert store.erase(odd, 1.0) == 2
    assert [event.kind for event in store.events_of(odd, 0)] == ["erasure"]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (NewEvent("", "a"), "user_id must be text of 1 to 512 characters. Got 0 characters"),
        (NewEvent("u", "x" * 513), "item_id must be text of 1 to 512 characters. Got 513 characters"),
        (NewEvent("u", 7), "item_id must be text of 1 to 512 characters. Got int"),  # type: ignore[arg-type]
        (NewEvent("u\0", "a"), "user_id must be Unicode text without the character U+0000"),
        (NewEvent("u", "\ud800"), "item_id must be Unicode text"),
        (NewEvent("u", "a", float("nan")), "value must be a finite number. Got nan"),
        (NewEvent("u", "a", 10**400), "value must be a finite number"),
        (NewEvent("u", "a", time=float("inf")), "time must be a finite number. Got inf"),
        (NewEvent("u", "a", kind="erasure"), "kind must be 'interaction' or 'withdrawal'"),
        (NewEvent("u", "a", client_key=""), "client_key must be text of 1 to 200 characters"),
        (NewEvent("u", "a", client_key="k" * 201), "client_key must be text of 1 to 200 characters"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_its_reason(store: Store, event: NewEvent, said: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        store.append([NewEvent("u", "fine"), event])
    assert raised.value.message.startswith(said)
    assert store.last_seq() == 0


def test_an_erasure_leaves_itself_alone_and_a_line_in_the_audit_log(store: Store) -> None:
    event = NewEvent("u", "a", 3.0, time=7.0, client_key="k")
    store.append([event, NewEvent("v", "a"), NewEvent("u", "b")])
    assert store.erase("u", 50.0) == 4
    [erasure] = store.events_of("u", 0)
    assert dataclasses.astuple(erasure) == (4, "u", "", "erasure", 0.0, 50.0, 50.0, None)
    assert [event.user_id for event in store.events()] == ["v", "u"]
    [line] = store.audit_lines()
    assert (line.time, line.action, line.subject) == (50.0, "erasure", "u")
    assert line.detail == "2 stored events deleted"
    assert store.append([dataclasses.replace(event, value=1.0)]) == [Receipt(5, duplicate=False)]
    assert store.erase("u", 51.0) == 6
    assert [event.seq for event in store.events_of("u", 0)] == [6]


def test_a_seq_is_never_given_twice(store: Store) -> None:
    store.append([NewEvent("u", "a")])
    assert store.erase("u", 1.0) == 2
    assert store.erase("u", 1.0) == 3
    store.append([NewEvent("v", "a")])
    assert [event.seq for event in store.events()] == [3, 4]


def test_events_of_a_user_or_an_item_are_those_of_a_span_and_the_latest_if_only_some_are_wanted(
    store: Store,
) -> None:
    store.append([NewEvent(user, item) for item in "abc" for user in "uvu"])
    assert [event.seq for event in store.events_of("u", 1, up_to=7)] == [3, 4, 6, 7]
    assert [event.seq for event in store.events_of("u", 0, up_to=7, most=2)] == [6, 7]
    assert [event.seq for event in store.events_of("u", 8, most=2)] == [9]
    assert [event.seq for event in store.events_of_item("b", 4, 5)] == [5]


def test_uses_tell_who_had_to_do_with_what_block_by_block(store: Store) -> None:
    store.append([NewEvent("u", "a"), NewEvent("u", "a", kind="withdrawal")])
    store.erase("v", 1.0)
    assert [use[:4] for use in store.uses(1)] == [(2, "u", "a", "withdrawal"), (3, "v", "", "erasure")]
    assert store.uses(0)[0].received == pytest.approx(time.time(), abs=60)
    store.append([NewEvent("u", "b")] * 5000)
    assert [len(store.uses(after)) for after in (0, 3, 4, 5003)] == [5000, 5000, 4999, 0]


PLANS: dict[str, tuple[str, Callable[[Store], object]]] = {
    "erased_since": ("INDEX ix_events_erasure (seq>", lambda store: store.erased_since(3)),
    "erasure_to_forget": ("INDEX ix_events_erasure (seq<", lambda store: store.erasure_to_forget(7)),
    "uses": ("INTEGER PRIMARY KEY (rowid>", lambda store: store.uses(3)),
    "events_of": ("INDEX ix_events_user (user_id=", lambda store: store.events_of("u", 3, most=5)),
    "events_of_item": ("INDEX ix_events_item (item_id=", lambda store: store.events_of_item("a", 3, 7)),
}


@pytest.mark.parametrize("name", PLANS)
def test_what_is_asked_all_the_time_costs_what_is_new_and_not_what_is_old(tmp_path: Path, name: str) -> None:
    expected, ask = PLANS[name]
    store = Store.open(f"sqlite:///{tmp_path / 'events.db'}")
    store.append([NewEvent("u", "a")] * 5)
    said: list[str] = []
    with store._connections._held() as held:
        held.driver.set_trace_callback(said.append)
        ask(store)
        held.driver.set_trace_callback(None)
        plans = [row[3] for sql in said for row in held.driver.execute(f"EXPLAIN QUERY PLAN {sql}")]
    store.close()
    assert [plan.removeprefix("SEARCH events USING ")[: len(expected)] for plan in plans] == [expected], plans


def watch(store: Store, is_over: Callable[[], bool]) -> list[int]:
    """What a reader sees that always asks for what came after the last one."""
    seen: list[int] = []
    while True:
        over = is_over()
        seen += [event.seq for event in store.events(after=seen[-1] if seen else 0)]
        if over:
            return seen
        time.sleep(0.001)  # the writers need the processor too


def test_a_reader_misses_nothing_while_eight_threads_write(store: Store) -> None:
    def write(user: str) -> None:
        for number in range(25):
            store.append([NewEvent(user, str(number)), NewEvent(user, f"{number} again")])

    threads = [threading.Thread(target=write, args=(f"user {n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    seen = watch(store, lambda: not any(thread.is_alive() for thread in threads))
    assert seen == sorted(seen)
    assert len(seen) == len(set(seen)) == store.last_seq() == 400
    assert [event.item_id for event in store.events_of("user 3", 0)][::2] == [str(n) for n in range(25)]


def test_a_reader_misses_nothing_while_four_processes_write(store: Store, database_url: str) -> None:
    command = [sys.executable, "-c", APPENDS, database_url, "50"]
    running = [subprocess.Popen([*command, f"user {number}"]) for number in range(4)]
    seen = watch(store, lambda: all(process.poll() is not None for process in running))
    assert [process.returncode for process in running] == [0, 0, 0, 0]
    assert seen == sorted(seen)
    assert len(seen) == len(set(seen)) == store.last_seq() == 200
