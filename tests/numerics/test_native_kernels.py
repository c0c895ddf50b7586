"""What is kept on disk and called without Numba gives the bits of Numba's own version."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from tastemap.data import bit_stable, encode, id_map
from tastemap.linalg import conjugate, cosine, csr, neighbors, posterior, ridge, ridge_split, top_k
from tastemap.linalg.jit import Kernel
from tastemap.linalg.native import cache_file, read, types_of
from tastemap.models import ease, factor, history_bags, network, weight_matrix
from tastemap.models import sparse_weights as few_weights
from tests.architecture.source import modules, name_of

pytestmark = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled without the JIT"
)
B, N, D, S = 7, 40, 11, 300  # rows, items, factors, entries of all rows


def sparse(rng: np.random.Generator) -> tuple[Any, Any]:
    """indptr and indices of B rows; the first is long enough for a second chunk, the last is empty."""
    indptr = np.array([0, 280, 281, 281, 290, 295, S, S])
    return indptr, rng.integers(0, N, S).astype(np.int32)


def vectors(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    """Factors and biases."""
    return rng.normal(size=(n, D)).astype(np.float32), rng.normal(size=n).astype(np.float32)


def lists(rng: np.random.Generator) -> Any:
    """Items of B lists, some without."""
    return rng.integers(-1, N, (B, 5)).astype(np.int32)


def scatter_arguments(rng: np.random.Generator) -> tuple[Any, ...]:
    """Of some of the columns of B rows."""
    indptr, indices = sparse(rng)
    position = csr.offsets(indices, N)[:-1].copy()
    values = rng.normal(size=S).astype(np.float32)
    return indptr, indices, values, 5, 30, position, np.zeros(S, np.int32), np.zeros(S, np.float32)


def ridge_arguments(rng: np.random.Generator) -> tuple[Any, ...]:
    """Of a block of rows."""
    room = np.zeros((2, D, ridge.ENTRIES_PER_CHUNK + 16), np.float32)
    shared = np.eye(D), rng.normal(size=D), np.ones(B), D - 1
    weights, targets = rng.random(S).astype(np.float32), rng.normal(size=S).astype(np.float32)
    given = *sparse(rng), weights, targets, vectors(rng, N)[0], *shared, 0, B
    return *given, np.zeros((D, D)), np.zeros((2, D)), *room, np.zeros((B, D), np.float32), np.zeros(B)


def split_arguments(rng: np.random.Generator) -> tuple[Any, ...]:
    """Of one row with 30 entries and 4 vectors."""
    entries = rng.integers(0, N, 30).astype(np.int32), rng.random(30), rng.normal(size=30)
    given = *entries, vectors(rng, N)[0], rng.normal(size=D), 0.5, D - 1, np.eye(D), rng.normal(size=(4, D))
    return *given, np.zeros((D, 32)), np.zeros((D, 32)), np.zeros(4), np.zeros((4, 30))


def conjugate_arguments(rng: np.random.Generator) -> tuple[Any, ...]:
    """Of a block of rows, all entries with the same weight."""
    weights, targets = np.broadcast_to(np.float32(1.0), S), rng.normal(size=S).astype(np.float32)
    shared = rng.random((3, D)).astype(np.float32)
    given = *sparse(rng), weights, targets, vectors(rng, N)[0], shared[0], shared[1], np.ones(B, np.float32)
    room = np.zeros((S, D), np.float32), np.zeros((6, D), np.float32)
    start = rng.normal(size=(B, D)).astype(np.float32)
    return *given, 0, B, 2, *room, start, np.zeros(B)


def posterior_arguments(rng: np.random.Generator) -> tuple[Any, ...]:
    """Of a block of rows."""
    columns = np.zeros((D + 1, ridge.ENTRIES_PER_CHUNK + 16), np.float32)
    room = (
        np.zeros((D + 1, D + 1)),
        columns,
        np.zeros((D, D + 1, posterior.FEWEST_LANES)),
        np.zeros((D + 1, posterior.FEWEST_LANES)),
    )
    values, prior = rng.normal(size=S).astype(np.float32), (rng.normal(size=(B, D)), np.eye(D))
    normals = rng.normal(size=(B, D)).astype(np.float32)
    given = *sparse(rng), values, *vectors(rng, N), 2.0, *prior, normals, 0, B
    return *given, *room, np.zeros((B, D), np.float32), np.zeros(B)


def sparse_weights(rng: np.random.Generator) -> tuple[Any, ...]:
    """Three weights in every row."""
    columns = np.sort(rng.permuted(np.tile(np.arange(N, dtype=np.int32), (N, 1)), axis=1)[:, :3], axis=1)
    return np.arange(N + 1) * 3, columns.ravel(), rng.normal(size=3 * N).astype(np.float32)


def nearest_arguments(rng: np.random.Generator) -> tuple[Any, ...]:
    """Of a block of columns of an N x N matrix, some with more neighbors than there is room for."""
    indptr, indices, _ = sparse_weights(rng)
    by_column = csr.CSR(indptr, indices, np.ones(3 * N, np.float32), N).transposed
    room = np.full((9, 4), N, np.int32), np.zeros((9, 4)), np.zeros(N, np.int32), np.zeros(N, np.int32)
    return by_column.indptr, by_column.indices, indptr, indices, 2.0, 7, *room


def draw_arguments(rng: np.random.Generator) -> tuple[Any, ...]:
    """Of a few users."""
    tastes = rng.integers(-9, 9, (B, 2)), rng.integers(-9, 9, (N, 2))
    starts, states = np.arange(B + 1) * 10, rng.integers(1, 2**60, B).astype(np.uint64)
    room, found = np.full(N, -1, np.int32), np.zeros(B * 10, np.int32)
    return starts, states, 3, np.cumsum(rng.integers(1, 9, N)), *tastes, 4, room, found


def entry_arguments(rng: np.random.Generator) -> tuple[Any, ...]:
    """Of a block of users."""
    return *sparse(rng), *vectors(rng, B), vectors(rng, N)[0], rng.random(N), 0, B, np.zeros(S)


def block_arguments(rng: np.random.Generator) -> tuple[Any, ...]:
    """Of a block of score rows, with a NaN and ties; columns from 4 on."""
    scores = rng.integers(0, 9, (B, N - 4)).astype(np.float32)
    scores[0, 3] = np.nan
    seen = np.sort(rng.integers(4, N, (B, 3)).astype(np.int32), axis=1).ravel()
    limits = np.arange(4, N, dtype=np.int32), np.arange(B), np.arange(B + 1) * 3, seen, rng.random(N) < 0.8
    return scores, *limits, np.zeros((B, 5), np.float32), np.full((B, 5), -1, np.int32), np.zeros(B, np.int64)


def layers_arguments(rng: np.random.Generator) -> tuple[Any, ...]:
    """Of a network with two hidden layers, the second one narrower; the last item is the unknown one."""
    widths, width = np.array([6, 4, 1]), 6
    users = rng.normal(size=(B, D)), rng.normal(size=(width, D))
    layers = rng.normal(size=(2, width, width)), rng.normal(size=(2, width))
    room = np.zeros((3, width))
    return *users, rng.normal(size=(N + 1, width)), widths, *layers, lists(rng), room, np.zeros((B, 5))


ARGUMENTS: dict[Any, Callable[[np.random.Generator], tuple[Any, ...]]] = {
    ridge._ridge_block: ridge_arguments,
    ridge_split._split: split_arguments,
    conjugate._improve_block: conjugate_arguments,
    posterior._draw_block: posterior_arguments,
    csr._count: lambda rng: (rng.integers(0, 9, S).astype(np.int32), np.zeros(9, np.int64)),
    csr._scatter_columns: scatter_arguments,
    csr._counting_order: lambda rng: (
        np.arange(6, dtype=np.int32) % 3,
        np.arange(3) * 2,
        np.zeros(6, np.int64),
    ),
    top_k._add_block: block_arguments,
    top_k._find_strongest: lambda rng: (
        rng.normal(size=(B, 9)).round(1),
        np.zeros((B, 4)),
        np.zeros((B, 4), np.int32),
        np.zeros(B, np.int64),
    ),
    factor._add_biases: lambda rng: (
        vectors(rng, B)[1],
        vectors(rng, N)[1],
        3.5,
        rng.normal(size=(B, N)).astype(np.float32),
    ),
    factor._score_factors: lambda rng: (
        *vectors(rng, B),
        *vectors(rng, N),
        3.5,
        lists(rng),
        np.zeros((B, 5)),
    ),
    factor._score_entries: entry_arguments,
    history_bags._sum_bags: lambda rng: (*sparse(rng), vectors(rng, N)[0], np.zeros((B, D))),
    network._score_layers: layers_arguments,
    network._add_products: lambda rng: (
        rng.normal(size=(B, D)),
        rng.normal(size=(N, D)),
        lists(rng),
        np.zeros((B, 5)),
    ),
    weight_matrix._sum_rows: lambda rng: (
        *sparse(rng),
        rng.normal(size=(N, N)).astype(np.float32),
        3,
        np.zeros((B, N - 5), np.float32),
    ),
    weight_matrix._sum_pairs: lambda rng: (
        *sparse(rng),
        rng.normal(size=(N, N)).astype(np.float32),
        lists(rng),
        np.zeros((B, 5)),
    ),
    few_weights._sum_sparse_rows: lambda rng: (
        *sparse(rng),
        *sparse_weights(rng),
        np.zeros((B, N), np.float32),
    ),
    few_weights._sum_sparse_pairs: lambda rng: (
        *sparse(rng),
        *sparse_weights(rng),
        lists(rng),
        np.zeros((B, 5)),
    ),
    few_weights._sum_all_then_pick: lambda rng: (
        *sparse(rng),
        *sparse_weights(rng),
        lists(rng),
        np.zeros(N),
        np.zeros((B, 5)),
    ),
    few_weights._look_up: lambda rng: (
        *sparse_weights(rng),
        np.arange(N, dtype=np.int32),
        np.array([5, 0], np.int32),
        np.zeros((2, N)),
    ),
    few_weights._dots_among: lambda rng: (
        *sparse_weights(rng),
        np.array([5, 0, 7], np.int32),
        np.zeros(N),
        np.zeros((3, 3)),
    ),
    neighbors._nearest: nearest_arguments,
    ease._count_rows: lambda rng: (
        *(np.array([0, 2, 3]), np.array([0, 1, 1], np.int32)),
        *(np.array([0, 1, 3]), np.array([0, 0, 1], np.int32)),
        *(0, 2, np.zeros((2, 2))),
    ),
    ease._scale_rows: lambda rng: (rng.normal(size=(N, N)), rng.random(N), 0, N, np.zeros((N, N), np.float32)),
    ease._user_rows: lambda rng: (
        *(np.array([0, 2, 3]), np.array([0, 1, 1], np.int32)),
        *(np.array([0, 1, 3]), np.array([0, 0, 1], np.int32)),
        *(rng.random(2), 0, 2, np.zeros((2, 2))),
    ),
    ease._sums_over_items: lambda rng: (
        rng.normal(size=(2, 2)),
        *(np.array([0, 2, 3]), np.array([0, 1, 1], np.int32)),
        *(0, 2, np.zeros((2, 2))),
    ),
    ease._sums_over_users: lambda rng: (
        rng.normal(size=(2, N)),
        *(np.array([0, 1, *[3] * (N - 1)]), np.array([0, 0, 1], np.int32)),
        *(rng.random(N), rng.random(N), 0, N, np.zeros(N), np.zeros((N, N), np.float32)),
    ),
    cosine._dots: lambda rng: (vectors(rng, N)[0], vectors(rng, N)[1][:D], np.zeros(N)),
    encode._is_sorted: lambda rng: (np.array([0, 0, 1], np.int32), np.array([0, 2, 1], np.int32)),
    id_map._mark: lambda rng: (rng.integers(5, 30, 9), 5, np.zeros(25, np.bool_)),
    id_map._look_up_dense: lambda rng: (
        rng.integers(0, 40, 20),
        np.array([5, 9, 30]),
        np.full(26, -1, np.int32),
        np.full(20, -1, np.int32),
    ),
    id_map._look_up_sorted: lambda rng: (
        rng.integers(0, 40, 20),
        np.array([5, 9, 30]),
        np.full(20, -1, np.int32),
    ),
    bit_stable.draw_ranks: draw_arguments,
}


def all_kernels() -> Iterator[Kernel]:
    """Every kernel of the package."""
    for path in modules():
        if "kernel" in path.read_text(encoding="utf-8"):
            module = import_module("tastemap." + name_of(path).removesuffix(".py").replace("/", "."))
            yield from (value for value in vars(module).values() if isinstance(value, Kernel))


def called_by(kernel: Kernel) -> set[Kernel]:
    """The kernels that a kernel calls."""
    function = kernel.function
    used = (function.__globals__.get(name) for name in function.__code__.co_names)
    return {value for value in used if isinstance(value, Kernel)}


def test_every_kernel_that_python_calls_is_tested_here() -> None:
    kernels = set(all_kernels())
    assert kernels - set().union(*map(called_by, kernels)) == set(ARGUMENTS)


def test_no_two_kernels_have_one_name() -> None:
    names = [kernel.function.__name__ for kernel in set(all_kernels())]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("kernel", ARGUMENTS, ids=lambda kernel: kernel.function.__name__)
def test_native_code_gives_the_bits_of_numba(kernel: Kernel) -> None:
    make = ARGUMENTS[kernel]
    ours, theirs = make(np.random.default_rng(1)), make(np.random.default_rng(1))
    assert kernel(*ours) == kernel.by_numba(*theirs)
    changed = False
    for left, right, before in zip(ours, theirs, make(np.random.default_rng(1)), strict=True):
        if isinstance(left, np.ndarray):
            assert left.tobytes() == right.tobytes()
            changed = changed or left.tobytes() != before.tobytes()
    assert changed or kernel is encode._is_sorted


@pytest.mark.parametrize("kernel", ARGUMENTS, ids=lambda kernel: kernel.function.__name__)
def test_native_code_gives_the_values_of_the_python_function(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_fast = any(one.fastmath for one in (kernel, *called_by(kernel)))
    for inner in called_by(kernel):  # plain Python calls plain Python
        monkeypatch.setitem(kernel.function.__globals__, inner.function.__name__, inner.function)
    make = ARGUMENTS[kernel]
    ours, plain = make(np.random.default_rng(1)), make(np.random.default_rng(1))
    with np.errstate(over="ignore"):  # random streams of integers wrap around
        assert kernel(*ours) == kernel.function(*plain)
    for left, right in zip(ours, plain, strict=True):
        if isinstance(left, np.ndarray):
            # sums in another order, and a float32 that Python keeps where the kernel widens it
            tolerance = 2e-6 if left.dtype == np.float32 or is_fast else 1e-12
            largest = float(np.abs(right[np.isfinite(right)]).max(initial=1))  # what rounding goes with
            np.testing.assert_allclose(left, right, rtol=tolerance, atol=tolerance * largest)


@pytest.mark.parametrize("kernel", ARGUMENTS, ids=lambda kernel: kernel.function.__name__)
def test_no_kernel_needs_numba_once_it_is_compiled(kernel: Kernel) -> None:
    arguments = ARGUMENTS[kernel](np.random.default_rng(1))
    kernel(*arguments)
    types = types_of(arguments)
    assert types is not None
    kept = read(cache_file(kernel.function, types, kernel.fastmath))
    assert kept is not None
    assert kept.code
