from __future__ import annotations

import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import threadpoolctl

from tastemap.errors import InvalidValueError
from tastemap.linalg.threads import map_blocks, single_threaded_blas, thread_count, use_threads


def test_use_threads_holds_within_its_block_only() -> None:
    before = thread_count()
    with use_threads(3):
        assert thread_count() == 3
        with use_threads(1):
            assert thread_count() == 1
        assert thread_count() == 3
    assert thread_count() == before


def test_use_threads_ends_when_the_block_fails() -> None:
    before = thread_count()
    with pytest.raises(RuntimeError), use_threads(before + 1):
        raise RuntimeError
    assert thread_count() == before


def test_the_environment_sets_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASTEMAP_THREADS", "5")
    assert thread_count() == 5


def test_without_a_wish_all_processors_we_may_use_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TASTEMAP_THREADS", raising=False)
    assert thread_count() >= 1


@pytest.mark.parametrize("asked", ["0", "-2", "many", "1.5", "²"])
def test_a_wrong_number_of_threads_in_the_environment_is_refused(
    asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASTEMAP_THREADS", asked)
    with pytest.raises(InvalidValueError, match=rf"TASTEMAP_THREADS must be an integer >= 1\. Got '{asked}'"):
        thread_count()


def test_less_than_one_thread_is_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"count must be >= 1\. Got 0"), use_threads(0):
        pass


@pytest.mark.parametrize("count", [1, 4])
def test_blocks_cover_all_rows_once_and_results_come_in_order(count: int) -> None:
    with use_threads(count):
        assert map_blocks(lambda start, stop: (start, stop), 10, 4) == [(0, 4), (4, 8), (8, 10)]
        assert map_blocks(lambda start, stop: (start, stop), 0, 4) == []


def test_blocks_really_run_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=20)  # passes only if two blocks wait in it together
    with use_threads(2):
        assert map_blocks(lambda start, stop: meeting.wait() >= 0, 2, 1) == [True, True]


def test_an_error_in_a_block_reaches_the_caller() -> None:
    def fail_late(start: int, stop: int) -> None:
        if start:
            raise ZeroDivisionError(start)

    with use_threads(2), pytest.raises(ZeroDivisionError, match="4"):
        map_blocks(fail_late, 8, 4)


def test_blas_runs_alone_within_the_block_and_is_set_back_after_it() -> None:
    def blas_threads() -> list[int]:
        return [
            int(pool["num_threads"]) for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"
        ]

    assert np.ones(2) @ np.ones(2) == 2.0  # NumPy brings the library
    before = blas_threads()
    with single_threaded_blas():
        assert set(blas_threads()) == {1}
    assert blas_threads() == before


def test_blas_libraries_are_looked_for_again_after_an_import(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    find = threadpoolctl.ThreadpoolController

    def counted() -> threadpoolctl.ThreadpoolController:
        looked.append(1)
        return find()

    monkeypatch.setattr(threadpoolctl, "ThreadpoolController", counted)
    monkeypatch.setitem(sys.modules, "one_more", threading)
    for _ in range(3):
        with single_threaded_blas():
            pass
    assert len(looked) == 1
    monkeypatch.setitem(sys.modules, "another", threading)
    with single_threaded_blas():
        pass
    assert len(looked) == 2


def test_a_forked_child_has_threads_of_its_own() -> None:
    code = (
        "import os, sys\n"
        "from tastemap.linalg.threads import map_blocks, use_threads\n"
        "with use_threads(2):\n"
        "    map_blocks(lambda a, b: a, 8, 1)\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        os._exit(0 if map_blocks(lambda a, b: a, 8, 1) == list(range(8)) else 1)\n"
        "    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_nothing_runs_on_after_an_error() -> None:
    started: list[int] = []

    def work(start: int, stop: int) -> None:
        started.append(start)
        time.sleep(0.02)
        if start == 0:
            raise ValueError("first")

    with use_threads(2), pytest.raises(ValueError, match="first"):
        map_blocks(work, 100, 1)
    seen = len(started)
    time.sleep(0.1)
    assert len(started) == seen < 100


def test_blas_runs_alone_whichever_threads_come_and_go() -> None:
    def blas_threads() -> set[int]:
        return {
            int(pool["num_threads"]) for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"
        }

    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()
    inside: list[set[int]] = []

    def first() -> None:
        with single_threaded_blas():
            first_in.set()
            assert second_in.wait(20)
        first_out.set()

    def second() -> None:
        assert first_in.wait(20)
        with single_threaded_blas():
            second_in.set()
            assert first_out.wait(20)
            inside.append(blas_threads())

    with threadpoolctl.threadpool_limits(2, "blas"), single_threaded_blas():
        pass  # this thread was first, and lives on
    with threadpoolctl.threadpool_limits(2, "blas"):
        before = blas_threads()
        others = [threading.Thread(target=work) for work in (first, second)]
        for one in others:
            one.start()
        for one in others:
            one.join()
        assert inside == [{1}]
        assert blas_threads() == before
