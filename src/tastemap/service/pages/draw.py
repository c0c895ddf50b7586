"""Draws charts, as a process of its own: the converter holds the interpreter for seconds at a time.

``python -m tastemap.service.pages.draw FOLDER VERSION DIGEST [AGAINST]`` reads a JSON list from the standard
input, of users whose rows are not to be seen, and writes a JSON object a line on the standard output: Vega's
script first, then the charts of each page. With AGAINST, the number of another version, it draws the comparison
with that one alone.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from tastemap.artifacts import load, load_identified
from tastemap.errors import MissingExtraError
from tastemap.evaluation import compare
from tastemap.models.recommender import Recommender
from tastemap.service.live.shown import shown
from tastemap.service.pages.drawn import (
    Drawn,
    comparison_charts,
    data_charts,
    report_charts,
    training_charts,
)

Line = dict[str, Any]

REPLACED = 4
"""The exit status where another version has taken the number."""
KINDNESS = 10
"""How far this stands back behind the requests of the service."""


def lines(recommender: Recommender) -> Iterator[Line]:
    """What is drawn of a version, in the order in which pages are looked at.

    Raises
    ------
    MissingExtraError
        Without the extra `explore`.
    """
    from tastemap.charts import javascript_bundle

    yield {"script": javascript_bundle()}
    for page, draw in (("data", data_charts), ("training", training_charts), ("report", report_charts)):
        yield _line(page, draw(recommender))


def _line(page: str, found: Drawn) -> Line:
    return {"page": page, "drawn": asdict(found)}


def main(arguments: list[str], source: BinaryIO, out: BinaryIO) -> int:
    """Draw, and give the exit status."""
    folder, version, digest = Path(arguments[0]), int(arguments[1]), arguments[2]
    erased: list[str] = orjson.loads(source.read())
    whole, identity = load_identified(folder, version=version)
    recommender = shown(whole, erased)
    if identity.digest != digest:
        return REPLACED
    try:
        if len(arguments) > 3:
            found = compare(shown(load(folder, version=int(arguments[3])), erased), recommender)
            _write(out, _line("comparison", comparison_charts(found)))
        else:
            for line in lines(recommender):
                _write(out, line)
    except MissingExtraError as error:
        _write(out, {"missing": error.message})
    return 0


def _write(out: BinaryIO, line: Line) -> None:
    out.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    out.flush()


if __name__ == "__main__":
    with contextlib.suppress(AttributeError, OSError):  # not on Windows, nor where the system forbids it
        os.nice(KINDNESS)
    sys.exit(main(sys.argv[1:], sys.stdin.buffer, sys.stdout.buffer))
