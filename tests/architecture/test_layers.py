from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGE, ROOT


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the package in ``folder/src`` under ``folder/pyproject.toml``."""
    command = Path(sys.executable).with_name("lint-imports")
    # A fixed width keeps sentences of the report on one line.
    environment = os.environ | {"PYTHONPATH": str(folder / "src"), "COLUMNS": "200"}
    return subprocess.run(
        [str(command), "--no-cache"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The package and its contracts, copied so that a test may spoil them."""
    shutil.copytree(PACKAGE, tmp_path / "src" / "tastemap", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_import_keeps_to_the_layers() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_the_check_reads_the_copy_it_is_pointed_at(copied: Path) -> None:
    assert lint_imports(copied).returncode == 0


@pytest.mark.parametrize(
    ("module", "line", "named"),
    [
        ("linalg/csr.py", "from tastemap.models import base", "tastemap.linalg.csr -> tastemap.models.base"),
        ("metrics/__init__.py", "import tastemap.linalg.csr", "tastemap.metrics -> tastemap.linalg.csr"),
        ("models/base.py", "import torch", "tastemap.models.base -> torch"),
        ("inference/lists.py", "import torch", "tastemap.inference.lists -> torch"),
        ("inference/lists.py", "import tastemap.neural", "tastemap.inference.lists -> tastemap.neural"),
        ("cli/engine.py", "import pyspark", "tastemap.cli.engine -> pyspark"),
        ("engines/half_steps.py", "import pyspark", "tastemap.engines.half_steps -> pyspark"),
        (
            "tuning/plan.py",
            "import tastemap.engines.columns",
            "tastemap.tuning.plan -> tastemap.engines.columns",
        ),
        ("reports/__init__.py", "import altair", "tastemap.reports -> altair"),
        (
            "evaluation/records.py",
            "import tastemap.artifacts",
            "tastemap.evaluation.records -> tastemap.artifacts",
        ),
        *(
            (
                f"service/{lower.replace('.', '/')}.py",
                f"import tastemap.service.{upper}",
                f"tastemap.service.{lower} -> tastemap.service.{upper}",
            )
            for lower, upper in [
                ("database.store", "live.serving"),
                ("live.serving", "answers.map"),
                ("answers.items", "routes.errors"),
                ("pages.render", "routes.errors"),
                ("routes.errors", "pages.render"),
                ("guard.gate", "routes.errors"),
                ("telemetry.metrics", "guard.gate"),
            ]
        ),
    ],
)
def test_a_forbidden_import_fails_the_check_and_is_named(
    copied: Path, module: str, line: str, named: str
) -> None:
    path = copied / "src" / "tastemap" / module
    source = path.read_text(encoding="utf-8")
    path.write_text(
        f"{source}\n\ndef _spoiled() -> None:\n    {line}\n", encoding="utf-8"
    )  # a late import counts too
    done = lint_imports(copied)
    assert done.returncode != 0
    assert named in " ".join(done.stdout.split()), done.stdout


def test_a_new_folder_must_be_given_a_layer(copied: Path) -> None:
    folder = copied / "src" / "tastemap" / "sideways"
    folder.mkdir()
    (folder / "__init__.py").write_text("", encoding="utf-8")
    done = lint_imports(copied)
    assert done.returncode != 0
    assert "sideways" in done.stdout
