from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event

import pytest

from tastemap.service.answers.kept import Kept, kept_by_version
from tastemap.service.live.serving import Serving
from tests.saved import factors_recommender


def test_who_asks_while_it_is_made_gets_the_same_without_making_it() -> None:
    kept: Kept[str, object] = Kept({})
    begun, go_on = Event(), Event()

    def slowly() -> object:
        begun.set()
        assert go_on.wait(30)
        return object()

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(kept.of, "key", slowly)
        assert begun.wait(30)
        second = threads.submit(kept.of, "key", object)
        go_on.set()
        assert first.result() is second.result()


def test_two_keys_are_made_at_the_same_time() -> None:
    kept: Kept[str, int] = Kept({})
    both = Barrier(2)
    with ThreadPoolExecutor(2) as threads:
        made = list(threads.map(lambda key: kept.of(key, lambda: both.wait(30)), ["a", "b"]))
    assert sorted(made) == [0, 1]


def test_what_fails_is_raised_and_made_again() -> None:
    kept: Kept[str, int] = Kept({})

    def failing() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        kept.of("key", failing)
    assert kept.of("key", lambda: 1) == 1


def test_of_more_than_the_most_the_oldest_is_made_again() -> None:
    kept: Kept[int, object] = Kept({}, most=2)
    values = [kept.of(key, object) for key in range(3)]
    assert kept.of(2, object) is values[2]
    assert kept.of(1, object) is values[1]
    assert kept.of(0, object) is not values[0]


def test_each_version_has_its_own() -> None:
    version_of = kept_by_version(lambda serving: [serving.version])
    one, two = (Serving(factors_recommender(), Path("m"), n, "", 0.0, 0) for n in (1, 2))
    assert version_of(one) is version_of(one)
    assert version_of(two) == [2]
