"""The kernels as plain Python: what Numba compiles must mean what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "chosen",
    [
        ["tests/unit/linalg/test_csr.py"],
        ["tests/unit/linalg/test_neighbors.py"],
        ["tests/unit/linalg/test_posterior.py", "-k", "not threads and not 17 and not 33"],
        ["tests/unit/linalg/test_ridge.py", "-k", "not threads"],
        ["tests/unit/linalg/test_top_k.py", "-k", "not large"],
        # Without what says nothing of the compiler and takes long: memory, long fits.
        ["tests/unit/models", "-k", "not settled and not holds_one and not stay_finite"],
    ],
    ids=lambda chosen: Path(chosen[0]).stem,
)
def test_the_kernels_give_the_same_answers_without_the_compiler(chosen: list[str]) -> None:
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", *chosen],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout
