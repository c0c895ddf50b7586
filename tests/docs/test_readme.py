"""The README promises nothing that does not run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from tastemap.cli.main import app, run
from tests.docs.examples import python_blocks, run_blocks

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]

PYTHON_BLOCKS = python_blocks(README)
SPAN = re.compile(r"`(tastemap [^`]+)`")


def command_lines(page: str) -> list[list[str]]:
    """Every ``tastemap …`` in code spans and shell blocks, as arguments."""
    blocks = re.findall(r"```sh\n(.*?)```", page, flags=re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("tastemap ")]
    spans = [" ".join(span.split()) for span in SPAN.findall(page)]
    return [shlex.split(line, comments=True)[1:] for line in lines + spans]


def find(arguments: list[str]) -> tuple[Any, list[str]]:
    """The command that `arguments` names, and the arguments left for it."""
    command: Any = typer.main.get_command(app)
    left = list(arguments)
    while hasattr(command, "commands"):
        if not left or left[0] not in command.commands:
            break
        command = command.commands[left.pop(0)]
    return command, left


def unknown_parts(arguments: list[str]) -> list[str]:
    """Command names and options of a command line that do not exist."""
    command, left = find(arguments)
    if hasattr(command, "commands"):
        return left[:1] if left and not left[0].startswith("-") else []
    options = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    return [word for word in left if word.startswith("-") and word.partition("=")[0] not in options]


@pytest.mark.parametrize("code", PYTHON_BLOCKS)
def test_a_python_block_of_the_readme_runs(code: str, tmp_path: Path) -> None:
    assert run_blocks([code], tmp_path) != [""]


def test_the_library_example_is_short() -> None:
    statements = [line for line in PYTHON_BLOCKS[0].splitlines() if line.strip()]
    assert len(statements) < 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_that_a_page_names_exists(page: Path) -> None:
    wrong = {shlex.join(line): unknown_parts(line) for line in command_lines(page.read_text(encoding="utf-8"))}
    assert not {line: parts for line, parts in wrong.items() if parts}


def test_the_readme_names_every_command() -> None:
    shown = {_home(find(arguments)[0]) for arguments in command_lines(README)}
    top: Any = typer.main.get_command(app)
    every = [inner for command in top.commands.values() for inner in _commands_of(command)]
    assert [_home(command) for command in every if _home(command) not in shown] == []


def _home(command: Any) -> tuple[str, str]:
    """Where a command is written; two groups may each have one of the same name."""
    return command.callback.__module__, command.callback.__name__


def _commands_of(command: Any) -> list[Any]:
    """A command itself, or those of a group."""
    return list(command.commands.values()) if hasattr(command, "commands") else [command]


def test_the_commands_of_the_readme_work_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but those that take long and leave nothing for a later one, ask a person, or serve until ended."""
    monkeypatch.chdir(tmp_path)
    commands = [shlex.split(line)[1:] for line in re.findall(r"^\| `(tastemap .+?)` \|", README, re.MULTILINE)]
    assert {arguments[0] for arguments in commands} >= {"data", "fit", "predict", "similar", "compare"}
    for arguments in commands:
        if arguments[0] not in ("evaluate", "inspect", "reproduce", "rate", "serve"):
            assert run(arguments) == 0, arguments


def extras_of(arguments: list[str]) -> set[str]:
    """The optional parts, beside `explore`, that fitting what a command names needs."""
    from tastemap.reproduction import choose
    from tastemap.training import MODELS, get

    if arguments[0] == "reproduce":
        ids = [word for word in arguments[1:] if not word.startswith("-")]
        models = {run.model for recipe in choose(ids) for run in recipe.runs}
    else:
        models = {name for word in arguments for name in word.split(",") if name in MODELS}
    found = {get(model).extra for model in models} | ({"tune"} if "--tune" in arguments else set())
    return {extra for extra in found if extra is not None}


def test_commands_that_need_more_than_make_demo_installs_are_marked() -> None:
    rows = re.findall(r"^\| `(tastemap .+?)` \| (.+) \|$", README, flags=re.MULTILINE)
    needed = {line: extras_of(shlex.split(line)[1:]) for line, _ in rows}
    marked = {line: set(re.findall(r"needs the extra `(\w+)`", said)) for line, said in rows}
    assert needed == marked
    assert {"torch"} in needed.values()
    assert "`fit --tune` needs the extra `tune`" in README


def test_the_check_of_commands_sees_what_does_not_exist() -> None:
    assert unknown_parts(["fly", "to", "the", "moon"]) == ["fly"]
    assert unknown_parts(["data", "bake", "ml-100k"]) == ["bake"]
    assert unknown_parts(["fit", "ratings.csv", "--modle", "als"]) == ["--modle"]
    assert unknown_parts(["fit", "ratings.csv", "--model", "als", "-o", "out"]) == []


def test_the_readme_lists_the_models_that_are_registered() -> None:
    from tastemap.training import MODELS

    rows = dict(re.findall(r"^\| `(\w+)` \| (rating|ranking) \|", README, flags=re.MULTILINE))
    assert rows == {name: entry.objective for name, entry in MODELS.items()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_make_target_that_a_page_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    named = {
        name for page in PAGES for name in re.findall(r"`make ([a-z-]+)`", page.read_text(encoding="utf-8"))
    }
    assert {"demo", "test", "check"} <= named <= targets
