from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tastemap

HEAVY = {"numpy", "scipy", "numba", "polars", "torch", "altair", "pooch", "safetensors", "sklearn"}


def loaded_after(code: str, watched: set[str] = HEAVY) -> set[str]:
    """Which of the watched packages a new interpreter has loaded after `code`."""
    report = f"{code}\nimport sys; print('loaded:', *sorted(set(sys.modules) & {watched!r}))"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_importing_tastemap_loads_the_standard_library_only() -> None:
    outside = (
        "import sys; before = set(sys.modules); import tastemap\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(new - set(sys.stdlib_module_names) - {'tastemap'}))"
    )
    done = subprocess.run([sys.executable, "-c", outside], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_check_of_loaded_packages_sees_them() -> None:
    assert {"numpy", "polars"} <= loaded_after("import tastemap.data")


@pytest.mark.parametrize("arguments", [["--help"], ["fit", "--help"], ["--version"]])
def test_help_and_version_load_no_numeric_package(arguments: list[str]) -> None:
    code = f"from tastemap.cli.main import run\nrun({arguments!r})"
    assert loaded_after(code) == set()


def test_training_the_base_models_never_loads_torch_or_altair() -> None:
    modules = [
        "training",
        "inference",
        "artifacts",
        "evaluation",
        "inspection",
        "models.als",
        "models.ials",
        "models.dot",
    ]
    code = "\n".join(f"import tastemap.{module}" for module in modules)
    assert not loaded_after(code) & {"torch", "altair", "sklearn"}


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled without the JIT")
def test_commands_do_not_load_numba_once_the_kernels_are_compiled(tmp_path: Path) -> None:
    pairs = [(user, item) for user in range(30) for item in range(20) if user != item]
    rows = [f"{user},{item},{1 + (user * item) % 5}" for user, item in pairs]
    (tmp_path / "ratings.csv").write_text("\n".join(["user,item,rating", *rows]))
    code = f"""
from tastemap.cli.main import run
assert run(["fit", {str(tmp_path / "ratings.csv")!r}, "--model", "als", "-o", {str(tmp_path / "model")!r}]) == 0
assert run(["recommend", {str(tmp_path / "model")!r}, "--all", "--out", {str(tmp_path / "lists.csv")!r}]) == 0
"""
    loaded_after(code)
    assert not loaded_after(code) & {"numba", "scipy", "pooch"}


def kind_and_name(name: str) -> tuple[bool, bool, str]:
    """The order that ruff keeps: constants, then classes, then functions."""
    return (not name.isupper(), name.islower(), name)


def test_the_public_names_are_sorted_and_each_resolves() -> None:
    assert tastemap.__all__ == sorted(tastemap.__all__, key=kind_and_name)
    assert len(set(tastemap.__all__)) == len(tastemap.__all__)
    for name in tastemap.__all__:
        assert getattr(tastemap, name) is not None


def test_the_public_names_are_what_dir_lists() -> None:
    listed = {name for name in dir(tastemap) if not name.startswith("_")}
    assert set(tastemap.__all__) <= listed | {"__version__"}


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = getattr(tastemap, "no_such_" + "name")
