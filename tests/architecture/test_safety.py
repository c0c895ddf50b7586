"""Loading executes nothing, randomness is an argument, and each formula has one home."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import dotted, functions, is_public, modules, name_of, tree_of

NEVER_IMPORTED = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "random", "yaml"}
NEVER_CALLED = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "os.system",
    "torch.load",
    "torch.save",
    "torch.manual_seed",
    "np.load",
    "np.save",
}
RANDOM_WITHOUT_GLOBAL_STATE = {"default_rng", "Generator", "SeedSequence", "BitGenerator", "PCG64"}

# What has a home, so that there is no second implementation beside it.
HOMES = {
    "njit": (("linalg/jit.py",), "decorate with linalg.jit.kernel"),
    "numba.njit": (("linalg/jit.py",), "decorate with linalg.jit.kernel"),
    "ThreadPoolExecutor": (
        ("linalg/threads.py", "service/live/beside.py"),
        "compute by linalg.threads.map_blocks; in the service wait by service.live.beside",
    ),
    "threading.Thread": (("linalg/threads.py",), "use linalg.threads.map_blocks"),
    "threadpoolctl.threadpool_limits": (("linalg/threads.py",), "use linalg.threads.single_threaded_blas"),
    "np.random.default_rng": (("rng.py",), "take an rng, or spawn one by rng.stream"),
    "np.argpartition": (("linalg/top_k.py",), "use linalg.top_k.top_k"),
    "heapq.nlargest": (("linalg/top_k.py",), "use linalg.top_k.top_k"),
    "np.linalg.lstsq": (("linalg/ridge.py",), "use linalg.ridge.ridge_rows"),
    "difflib.get_close_matches": (("errors.py",), "use errors.near_matches"),
}
# Where formulas live; two functions of one name there would be two answers to one question.
FORMULAS = ("linalg/", "metrics/", "models/", "neural/", "inference/")
# What the registry looks for by name in each model's module.
SHARED_NAMES = {"fit", "epochs"}

every_module = pytest.mark.parametrize("path", modules(), ids=name_of)


def imported(tree: ast.Module) -> Iterator[str]:
    """Top-level names of imported packages."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def called(tree: ast.Module) -> Iterator[str]:
    """Dotted names of called functions."""
    return (dotted(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))


def unsafe(tree: ast.Module) -> list[str]:
    """What must not stand in the source: serialized code, evaluation, global randomness."""
    found = [f"import {name}" for name in imported(tree) if name in NEVER_IMPORTED]
    for name in called(tree):
        head, _, last = name.rpartition(".")
        global_random = head in ("np.random", "numpy.random") and last not in RANDOM_WITHOUT_GLOBAL_STATE
        if name in NEVER_CALLED or global_random:
            found.append(name)
    return found


def swallowed(tree: ast.Module) -> list[int]:
    """Lines of handlers that catch anything at all and do nothing."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or dotted(node.type) in ("Exception", "BaseException"))
        and all(isinstance(line, (ast.Pass, ast.Continue)) for line in node.body)
    ]


@every_module
def test_nothing_unsafe_stands_in_the_source(path: Path) -> None:
    assert unsafe(tree_of(path)) == []


@every_module
def test_no_error_is_swallowed(path: Path) -> None:
    assert swallowed(tree_of(path)) == []


@every_module
def test_what_has_a_home_is_called_there_only(path: Path) -> None:
    strays = {
        name: HOMES[name][1]
        for name in called(tree_of(path))
        if name in HOMES and name_of(path) not in HOMES[name][0]
    }
    assert not strays


def test_no_two_functions_of_the_formula_layers_share_a_name() -> None:
    homes: dict[str, list[str]] = {}
    for path in modules():
        if not name_of(path).startswith(FORMULAS):
            continue
        for function in tree_of(path).body:
            if isinstance(function, ast.FunctionDef) and is_public(function.name):
                homes.setdefault(function.name, []).append(name_of(path))
    twins = {name: where for name, where in homes.items() if len(where) > 1 and name not in SHARED_NAMES}
    assert not twins


def test_each_home_exists_and_is_used() -> None:
    used = {(name, name_of(path)) for path in modules() for name in called(tree_of(path))}
    homes = {home for some, _ in HOMES.values() for home in some}
    assert homes <= {name_of(path) for path in modules()}
    assert ("njit", "linalg/jit.py") in used
    assert ("np.random.default_rng", "rng.py") in used


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import dump",
        "import random",
        "eval('1')",
        "torch.load(path)",
        "np.random.seed(0)",
        "numpy.random.rand(3)",
        "yield_ = [exec(code) for code in codes]",
    ],
)
def test_the_check_for_unsafe_code_bites(line: str) -> None:
    assert len(unsafe(ast.parse(line))) == 1


@pytest.mark.parametrize(
    "line", ["model.eval()", "np.random.default_rng(0)", "self.random(3)", "re.compile(x)"]
)
def test_the_check_for_unsafe_code_lets_harmless_code_be(line: str) -> None:
    assert unsafe(ast.parse(line)) == []


def test_the_check_for_swallowed_errors_bites() -> None:
    assert swallowed(ast.parse("try:\n    f()\nexcept Exception:\n    pass")) == [3]
    assert swallowed(ast.parse("try:\n    f()\nexcept KeyError:\n    pass")) == []


def test_nested_functions_are_seen_too() -> None:
    names = {function.name for function in functions(ast.parse("def a():\n    def b():\n        pass"))}
    assert names == {"a", "b"}


WITH_ERASED = {"unhidden", "with_erased", "whole", "_whole", "_loaded"}
"""What leads to the rows of users who were erased."""
NEED_THE_FIT = {"service/pages/atlas.py", "service/telemetry/metrics.py"}
"""Of it these read vectors, or the order of items."""


def reads_the_erased(name: str, tree: ast.Module) -> list[str]:
    """Ways to rows of erased users outside of what makes, and makes anew, the version that is served."""
    if not name.startswith("service/") or name.startswith("service/live/") or name == "service/refit.py":
        return []
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    found = sorted(attributes & WITH_ERASED) if name not in NEED_THE_FIT else []
    calls = list(called(tree))
    n_loaded = sum(one in ("load", "load_identified") for one in calls)
    return found + ["load without shown"] * (n_loaded - calls.count("shown"))


@every_module
def test_answers_start_from_what_anybody_may_see(path: Path) -> None:
    assert reads_the_erased(name_of(path), tree_of(path)) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("rows = serving.unhidden.train.interactions", ["unhidden"]),
        ("data = serving.recommender.train.whole", ["whole"]),
        ("made = load(serving.folder)", ["load without shown"]),
        ("made = shown(load(serving.folder), serving.erased)", []),
    ],
)
def test_a_way_to_erased_rows_is_found(source: str, found: list[str]) -> None:
    assert reads_the_erased("service/pages/new.py", ast.parse(source)) == found
