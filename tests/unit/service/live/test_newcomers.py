"""What is to be taken in depends on the stored events alone, however often and whenever somebody looks."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tastemap.data import IdMap
from tastemap.service.database import NewEvent, Store
from tastemap.service.live.newcomers import Newcomers

KNOWN = IdMap([1, 2, 3], kind="item")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path / 'events.db'}")
    yield opened
    opened.close()


def seen(store: Store, newcomers: Newcomers | None = None, after: int = 0) -> tuple[list[str], int]:
    newcomers = newcomers or Newcomers(KNOWN, after)
    newcomers.look(store, math.inf)
    return newcomers.items, newcomers.through


def test_an_item_counts_once_five_users_have_it_and_whenever_these_have_doubled(store: Store) -> None:
    newcomers = Newcomers(KNOWN, 0)
    found = []
    for user in range(1, 42):
        store.append([NewEvent(f"u{user}", "9")])
        found.append(seen(store, newcomers))
    assert found[:4] == [([], 0)] * 4
    assert [through for _, through in found[4:]] == [5] * 5 + [10] * 10 + [20] * 20 + [40] * 2
    assert {tuple(items) for items, _ in found[4:]} == {("9",)}


def test_repeated_and_withdrawn_interactions_known_items_and_odd_ids_change_nothing(store: Store) -> None:
    store.append([NewEvent(user, "9") for user in "abcd"])
    store.append([NewEvent("a", "9")] * 10)
    store.append([NewEvent("e", "9", kind="withdrawal")])
    store.append([NewEvent(user, item) for user in "abcdefgh" for item in ("1", "text")])
    assert seen(store) == ([], 0)
    store.append([NewEvent("e", "9")])
    assert seen(store) == (["9"], store.last_seq())
    assert seen(store, after=14) == ([], 0)  # the fit has seen the others


def test_an_erasure_takes_a_user_out_at_once_and_they_may_come_back(store: Store) -> None:
    store.append([NewEvent(f"u{number}", item) for item in ("8", "9") for number in range(5)])
    newcomers = Newcomers(KNOWN, 0)
    assert seen(store, newcomers) == (["8", "9"], 10)
    store.append([NewEvent("u5", "8")])
    store.erase("u0", 1.0)
    newcomers.look(store, time.time() - 30)  # nothing later counts yet, but for erasures
    assert (newcomers.items, newcomers.n_lost) == ([], 2)
    assert seen(store, newcomers) == seen(store) == (["8"], 11)
    store.append([NewEvent("u0", "9")])
    assert seen(store, newcomers) == seen(store) == (["8", "9"], store.last_seq())


def test_an_erasure_of_what_had_not_come_in_yet_is_no_loss(store: Store) -> None:
    store.append([NewEvent(f"u{number}", "9") for number in range(6)])
    newcomers = Newcomers(KNOWN, 0)
    seen(store, newcomers)
    store.erase("u5", 1.0)
    assert seen(store, newcomers) == (["9"], 5)
    assert newcomers.n_lost == 0


def test_events_count_from_the_moment_that_is_asked_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    newcomers = Newcomers(KNOWN, 0)
    for now in (10.0, 20.0):
        monkeypatch.setattr("time.time", lambda now=now: now)
        store.append([NewEvent(f"{now} {number}", "9") for number in range(5)])
    for before, expected in ((10.0, 0), (10.5, 5), (20.0, 5), (20.5, 10)):
        newcomers.look(store, before)
        assert newcomers.through == expected


def test_a_clock_that_went_wrong_holds_nothing_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    newcomers = Newcomers(KNOWN, 0)
    for number, now in enumerate((10.0, 5000.0, 11.0, 12.0, 13.0)):
        monkeypatch.setattr("time.time", lambda now=now: now)
        store.append([NewEvent(f"u{number}", "9")])
    newcomers.look(store, 20.0)
    assert newcomers.through == 5


def test_who_looks_often_comes_to_the_same_as_who_looks_once(store: Store) -> None:
    rng = random.Random(0)
    often = Newcomers(KNOWN, 0)
    for step in range(400):
        user = f"u{rng.randrange(30)}"
        if rng.random() < 0.02:
            store.erase(user, 1.0)
        else:
            store.append([NewEvent(user, str(rng.randrange(1, 9))), NewEvent(user, "1")])
        if rng.random() < 0.3:
            often.look(store, math.inf)
        if step % 20 == 0:
            assert seen(store, often) == seen(store), step
    assert len(seen(store)[0]) == 5
