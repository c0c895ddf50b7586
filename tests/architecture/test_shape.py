from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.architecture.source import Function, functions, is_public, modules, name_of, tree_of

MAX_MODULE_LINES = 300
MAX_BODY_LINES = 40

every_module = pytest.mark.parametrize("path", modules(), ids=name_of)


def body_lines(function: Function) -> int:
    """Lines of the body without the docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return function.end_lineno - body[0].lineno + 1 if body and function.end_lineno else 0


def unannotated(function: Function) -> list[str]:
    """Arguments without a type, and ``return`` where the result has none."""
    arguments = function.args
    listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    named = [argument for argument in listed if argument is not None and argument.arg not in ("self", "cls")]
    missing = [argument.arg for argument in named if argument.annotation is None]
    return missing + (["return"] if function.returns is None else [])


def undocumented(node: ast.Module | ast.ClassDef, prefix: str = "") -> list[str]:
    """Public classes, functions and methods without a docstring."""
    found = []
    for child in node.body:
        if not isinstance(child, (ast.ClassDef, Function)) or not is_public(child.name):
            continue
        if ast.get_docstring(child) is None:
            found.append(prefix + child.name)
        if isinstance(child, ast.ClassDef):
            found += undocumented(child, prefix=f"{child.name}.")
    return found


def test_the_source_is_found() -> None:
    names = [name_of(path) for path in modules()]
    assert {"errors.py", "linalg/ridge.py", "models/base.py"} <= set(names)


@every_module
def test_a_module_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_MODULE_LINES


@every_module
def test_a_function_body_fits_on_one_screen(path: Path) -> None:
    long = {f.name: body_lines(f) for f in functions(tree_of(path)) if body_lines(f) > MAX_BODY_LINES}
    assert not long


@every_module
def test_every_argument_and_result_has_a_type(path: Path) -> None:
    missing = {f.name: unannotated(f) for f in functions(tree_of(path)) if unannotated(f)}
    assert not missing


@every_module
def test_everything_public_has_a_docstring(path: Path) -> None:
    tree = tree_of(path)
    assert undocumented(tree) == []
    assert ast.get_docstring(tree) is not None or not tree.body, "the module has no docstring"


def test_the_checks_of_shape_see_what_they_look_for() -> None:
    tree = ast.parse(
        'class A:\n    def open(self, x, *rest: int):\n        """Say."""\n        y = x\n        return y\n'
        "    def bare(self) -> None:\n        pass\n    def _hidden(self) -> None: ...\n"
    )
    opened, bare, _ = functions(tree)
    assert (body_lines(opened), unannotated(opened)) == (2, ["x", "return"])
    assert (body_lines(bare), unannotated(bare)) == (1, [])
    assert undocumented(tree) == ["A", "A.bare"]
