from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest

from tastemap.linalg import native
from tastemap.linalg.jit import fast_kernel, kernel
from tastemap.linalg.types import Float64Array
from tastemap.progress import SILENT, announce_compilation

pytestmark = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled without the JIT"
)
FACTOR = 2.0
FACTORS = (2.0, 1)
TABLE = np.array([2.0])


class Ear:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        """Remember the sentence."""
        self.notes.append(message)

    def step(self, task: str, done: int, total: int, figures: dict[str, float]) -> None:
        """Steps are of no interest here."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that kernels are kept in."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    return tmp_path


def add(left: float, right: float) -> float:
    """Something to compile."""
    return left + right


def subtract(left: float, right: float) -> float:
    """Another one."""
    return left - right


inner = kernel(add)


def twice(value: float) -> float:
    """Calls a kernel."""
    return inner(value, value)


def double(values: Float64Array) -> None:
    """Something that works on an array."""
    for place in range(len(values)):
        values[place] *= FACTOR


def total(values: Float64Array) -> float:
    """A sum whose order shows in the last bits."""
    found = 0.0
    for place in range(len(values)):
        found += values[place]
    return found


summing: Callable[[Float64Array], float] = kernel(total)


def totals(sum_of: Callable[[Float64Array], float]) -> list[float]:
    """Of several arrays: in one of them alone another order may by chance end in the same bits."""
    rng = np.random.default_rng(0)
    return [float(sum_of(rng.normal(size=1000))) for _ in range(8)]


def summed(values: Float64Array) -> float:
    """Calls a kernel in which the order of a sum matters."""
    return summing(values)


def by_first_of_tuple(value: float) -> float:
    """Reads a tuple of numbers."""
    return value * FACTORS[0]


def by_first_of_table(value: float) -> float:
    """Reads an array from outside, which no file can tell."""
    return value * float(TABLE[0])


def fresh(n: int) -> Float64Array:
    """Makes an array, which code on disk cannot."""
    return np.ones(n)


def fail(value: int) -> int:
    """Raises."""
    if value < 0:
        raise ValueError
    return value


def make_shift(by: int) -> Callable[[int], int]:
    """A function with a closure."""

    def shift(value: int) -> int:
        return value + by

    return shift


def kernels_in(folder: Path) -> list[Path]:
    """Code on disk."""
    return sorted(folder.glob("*.kernel"))


def test_the_first_compilation_is_announced_once(folder: Path) -> None:
    ear = Ear()
    with announce_compilation(ear):
        assert kernel(add)(1.0, 2.0) == 3.0
        kernel(double)(np.ones(3))
    assert len(ear.notes) == 1
    assert "compil" in ear.notes[0].lower()


def test_of_blocks_within_each_other_the_innermost_that_listens_is_told_once(folder: Path) -> None:
    outer, inner = Ear(), Ear()
    with announce_compilation(outer):
        with announce_compilation(inner), announce_compilation(SILENT):
            kernel(add)(1.0, 2.0)
        kernel(double)(np.ones(3))
    assert (len(outer.notes), len(inner.notes)) == (0, 1)
    with announce_compilation(outer):  # another command
        kernel(fail)(1)
    assert len(outer.notes) == 1


def test_nothing_is_announced_outside_the_block_or_for_a_compiled_kernel(folder: Path) -> None:
    ear = Ear()
    kernel(add)(1.0, 2.0)
    with announce_compilation(ear):
        assert kernel(add)(3.0, 4.0) == 7.0
    kernel(double)(np.ones(3))
    assert ear.notes == []


def test_code_on_disk_is_what_runs_next_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(add)(1.0, 2.0)
    assert len(kernels_in(folder)) == 1
    monkeypatch.setitem(sys.modules, "numba", None)
    assert kernel(add)(3.0, 4.0) == 7.0


def test_code_on_disk_is_the_users_alone(folder: Path) -> None:
    kernel(add)(1.0, 2.0)
    assert [path.stat().st_mode & 0o777 for path in kernels_in(folder)] == [0o600]


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: b"", lambda content: b"x\ny"])
def test_damaged_code_is_compiled_again(folder: Path, damage: Callable[[bytes], bytes]) -> None:
    kernel(add)(1.0, 2.0)
    (path,) = kernels_in(folder)
    path.write_bytes(damage(path.read_bytes()))
    assert native.read(path) is None
    assert kernel(add)(3.0, 4.0) == 7.0
    assert native.read(path) is not None


def test_code_without_the_function_is_left_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(add)(1.0, 2.0)
    monkeypatch.setattr(native, "SYMBOL", "not_there")
    assert kernel(add)(3.0, 4.0) == 7.0


def test_a_kernel_works_where_nothing_can_be_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "file").write_text("in the way")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(folder / "file"))
    assert kernel(add)(1.0, 2.0) == 3.0


def test_another_constant_is_another_code(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.ones(2)
    kernel(double)(values)
    monkeypatch.setitem(globals(), "FACTOR", 10.0)
    kernel(double)(values)
    assert values.tolist() == [20.0, 20.0]


def test_another_kernel_within_is_another_code(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kernel(twice)(1.0) == 2.0
    monkeypatch.setitem(globals(), "inner", kernel(subtract))
    assert kernel(twice)(1.0) == 0.0


def test_leave_to_reorder_sums_in_a_kernel_within_is_another_code(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert totals(kernel(summed)) == totals(kernel(total))
    monkeypatch.setitem(globals(), "summing", fast_kernel(total))
    for path in folder.rglob("*.nb?"):  # Numba's own files go by the time of the source, which stays here
        path.unlink()
    assert totals(kernel(summed)) == totals(fast_kernel(total)) != totals(kernel(total))


def test_another_constant_in_a_tuple_is_another_code(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kernel(by_first_of_tuple)(1.0) == 2.0
    monkeypatch.setitem(globals(), "FACTORS", (10.0, 1))
    assert kernel(by_first_of_tuple)(1.0) == 10.0
    assert len(kernels_in(folder)) == 2


@pytest.mark.parametrize("value", [np.array([3.0]), (3.0, np.array([4.0]))], ids=["array", "tuple of one"])
def test_a_kernel_that_reads_other_than_numbers_is_left_to_numba(
    value: object, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "TABLE", value)
    assert kernel(by_first_of_table)(2.0) == 6.0
    assert kernels_in(folder) == []


def test_a_kernel_that_calls_a_closure_is_left_to_numba(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "summing", kernel(make_shift(1)))
    shifted: Any = kernel(summed)
    assert shifted(10) == 11
    assert kernels_in(folder) == []


def test_a_failure_that_may_pass_is_not_remembered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as short_of_memory:
        short_of_memory.setattr("tastemap.linalg.jit._by_private_means", full)
        assert kernel(add)(1.0, 2.0) == 3.0
    assert kernels_in(folder) == []
    assert kernel(add)(1.0, 2.0) == 3.0
    assert [native.read(path) != native.NativeCode("", b"") for path in kernels_in(folder)] == [True]


def test_code_that_cannot_be_kept_leaves_nothing_behind(tmp_path: Path) -> None:
    in_the_way = tmp_path / "add.kernel"
    in_the_way.mkdir()
    native.write(in_the_way, native.NativeCode("none", b"code"))
    assert list(tmp_path.iterdir()) == [in_the_way]


def test_an_array_that_is_not_aligned_is_left_to_numba(folder: Path) -> None:
    shifted = np.zeros(25, np.uint8)[1:].view(np.float64)
    shifted[:] = [1.0, 2.0, 4.0]
    assert native.types_of((shifted,)) is None
    assert kernel(total)(shifted) == 7.0
    assert kernels_in(folder) == []


def test_views_that_are_not_contiguous_are_read_right() -> None:
    table = np.arange(12.0).reshape(3, 4)
    kernel(double)(table[:, 1])
    kernel(double)(table[2, ::-2])
    assert table[:, 1].tolist() == [2.0, 10.0, 36.0]
    assert table[2].tolist() == [8.0, 36.0, 10.0, 22.0]


def test_an_array_that_must_not_be_written_is_not() -> None:
    values = np.ones(3)
    values.flags.writeable = False
    with pytest.raises(Exception, match="readonly"):
        kernel(double)(values)
    assert kernel(total)(values) == 3.0


@pytest.mark.parametrize("arguments", [(1, 2), (np.int64(1), 2), (1.0, 2), (np.float64(1.0), 2.0), (True, 2)])
def test_numbers_of_any_kind_may_be_passed(arguments: tuple[Any, Any]) -> None:
    found = kernel(add)(*arguments)
    assert found == sum(arguments)
    assert isinstance(found, float) == isinstance(sum(arguments), float)


def test_what_code_on_disk_cannot_do_numba_does(folder: Path) -> None:
    made: Any = kernel(fresh)
    assert made(3).tolist() == [1.0, 1.0, 1.0]
    ear = Ear()
    with announce_compilation(ear):
        again: Any = kernel(fresh)
        assert again(2).tolist() == [1.0, 1.0]
    assert ear.notes == []  # that it is Numba's task is remembered


def test_a_closure_is_not_taken_for_another() -> None:
    assert kernel(make_shift(1))(10) == 11
    assert kernel(make_shift(2))(10) == 12


def test_a_kernel_that_fails_says_which() -> None:
    assert kernel(fail)(1) == 1
    with pytest.raises(RuntimeError, match="fail"):
        kernel(fail)(-1)


def test_another_version_of_numba_without_its_private_functions_still_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from numba.core import dispatcher

    compiler: Any = vars(dispatcher)["_FunctionCompiler"]
    monkeypatch.delattr(compiler, "_compile_core")
    monkeypatch.setattr(compiler, "compile", lambda *_: pytest.fail("not reached"))
    with pytest.raises(pytest.fail.Exception, match="not reached"):  # Numba itself was asked
        kernel(add)(1.0, 2.0)
    assert [path.stat().st_size < 100 for path in kernels_in(folder)] == [True]


def test_two_threads_may_call_first_at_once(folder: Path) -> None:
    shared: Any = kernel(add)
    start = Barrier(2)

    def call(left: float) -> float:
        start.wait()
        return shared(left, 1.0)  # type: ignore[no-any-return]

    ear = Ear()
    with announce_compilation(ear), ThreadPoolExecutor(2) as pool:
        assert list(pool.map(call, [1.0, 2.0])) == [2.0, 3.0]
    assert len(kernels_in(folder)) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_forked_child_runs_what_its_parent_loaded() -> None:
    code = (
        "import os, sys\n"
        "import numpy as np\n"
        "from tastemap.linalg.csr import stable_order\n"
        "keys = np.array([2, 0, 1], np.int32)\n"
        "stable_order(keys, 3)\n"
        "if not (child := os.fork()):\n"
        "    os._exit(0 if stable_order(keys, 3).tolist() == [1, 2, 0] else 1)\n"
        "sys.exit(os.waitpid(child, 0)[1] != 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0


@pytest.mark.parametrize("decorate", [kernel, fast_kernel])
def test_kernels_release_the_interpreter_lock_and_are_kept_on_disk(decorate: Callable[[object], Any]) -> None:
    by_numba = decorate(add).by_numba
    assert by_numba.targetoptions["nogil"]
    assert type(by_numba._cache).__name__ == "FunctionCache"


def test_only_fast_kernels_may_reorder_sums() -> None:
    exact: Any = kernel(add)
    fast: Any = fast_kernel(add)
    assert not exact.by_numba.targetoptions.get("fastmath")
    # Neither nnan nor ninf: a NaN must stay one.
    assert fast.by_numba.targetoptions["fastmath"] == {"reassoc", "contract", "nsz"}
    assert totals(kernel(total)) == totals(total)
    assert totals(fast_kernel(total)) != totals(total)
