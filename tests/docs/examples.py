"""The examples of a page, run as a reader runs them: its Python blocks, and the output shown below them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

_EXAMPLE = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", flags=re.DOTALL | re.MULTILINE)
_DECIMAL = re.compile(r"-?\d+\.\d+")
_CUT = "\x1e"  # the record separator: no page prints it


def python_blocks(page: str) -> list[str]:
    """The code of each block."""
    return [found[1] for found in _EXAMPLE.finditer(page)]


def shown_outputs(page: str) -> list[str]:
    """What the page shows below each block; empty where it shows nothing."""
    return [found[2] or "" for found in _EXAMPLE.finditer(page)]


def with_outputs(page: str, outputs: Sequence[str]) -> str:
    """The page with other outputs below its blocks."""
    given: Iterator[str] = iter(outputs)

    def example(found: re.Match[str]) -> str:
        output = next(given)
        shown = f"\n```text\n{output}```\n" if output else ""
        return f"```python\n{found[1]}```\n{shown}"

    return _EXAMPLE.sub(example, page)


def run_blocks(blocks: Sequence[str], folder: Path) -> list[str]:
    """What each block prints; they run top to bottom as one script in `folder`, and a warning is an error.

    On the CPU, so that the figures do not depend on whether there is another device.
    """
    script = folder / "examples_of_page.py"
    script.write_text(f"\nprint({_CUT!r}, end='')\n".join(blocks), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", script.name],
        cwd=folder,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split(_CUT)


def differing_lines(shown: str, printed: str) -> list[tuple[str, str]]:
    """Lines that a page shows, and what was printed instead.

    Text and whole numbers must be equal. Decimals may differ by one in their last digit, since processors
    round sums in other orders; so a page says with its digits how far its figures are certain.
    """
    pairs = zip_longest(shown.splitlines(), printed.splitlines(), fillvalue="")
    return [pair for pair in pairs if not _agree(*pair)]


def _agree(shown: str, printed: str) -> bool:
    words = [" ".join(_DECIMAL.sub(" # ", line).split()) for line in (shown, printed)]
    figures = [_DECIMAL.findall(line) for line in (shown, printed)]
    return words[0] == words[1] and all(_near(*pair) for pair in zip(*figures, strict=True))


def _near(shown: str, printed: str) -> bool:
    digits = len(shown.partition(".")[2])
    same_digits = digits == len(printed.partition(".")[2])
    return same_digits and abs(float(shown) - float(printed)) < 1.5 * 10.0**-digits
