"""The table of error codes names every code that the service answers with, and its status."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tastemap import service
from tastemap.errors import TastemapError
from tastemap.service import app as _all_that_may_be_raised  # noqa: F401
from tastemap.service.guard.refusals import RefusedError
from tastemap.service.routes.errors import CODES
from tastemap.service.statuses import status_of

REFERENCE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
SOURCE = Path(service.__file__).parent
ELSEWHERE = {
    "error",  # the base of all, never raised itself
    "invalid_data",  # of reading sources
    "source_not_found",
    "invalid_column",
    "fetch_failed",
    "storage",  # of fitting
    "diverged",
    "engine",
    "unknown_name",  # of options and settings; routes have the names that they take in their schemas
    "missing_extra",  # of the start, and of the explorer's charts, which then stay away
    "server",  # of the start
}
"""Codes of errors that no request meets, or that the command line tells."""

Code = tuple[str, int]


def refused() -> Iterator[Code]:
    """Codes that the guards and handlers name where they refuse; those of errors have their own."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            first = {"RefusedError": 0, "failed": 1}.get(node.func.id)
            if first is None or path.parent.name == "pages":
                continue
            status, code = node.args[first : first + 2]
            if isinstance(code, ast.Constant):
                assert isinstance(status, ast.Constant), (path, node.lineno)
                yield str(code.value), int(str(status.value))


def kinds(base: type[TastemapError]) -> Iterator[type[TastemapError]]:
    for kind in base.__subclasses__():
        if kind.__module__.startswith(("tastemap.errors", "tastemap.service")) and kind is not RefusedError:
            yield kind
        yield from kinds(kind)


def test_the_table_is_that_of_the_code() -> None:
    answered = [kind for kind in kinds(TastemapError) if kind.code not in ELSEWHERE]
    of_errors = {(kind.code, status_of(kind.__new__(kind))) for kind in answered}
    of_frameworks = {(code, status) for status, code in CODES.items()}
    rows = re.findall(r"^\| `(\w+)` \| (\d+(?:, \d+)*) \| ", REFERENCE.split("## Error codes")[1], re.MULTILINE)
    listed = {(code, int(status)) for code, statuses in rows for status in statuses.split(", ")}
    assert listed == set(refused()) | of_errors | of_frameworks
    assert len(rows) == len({code for code, _ in listed}) > 25
