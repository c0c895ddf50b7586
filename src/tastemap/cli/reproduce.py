"""``tastemap reproduce``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tastemap.cli import options
from tastemap.cli.output import print_cells, print_json, say
from tastemap.cli.progress import TerminalProgress

if TYPE_CHECKING:
    from tastemap.reproduction import Finding

NAME = "reproduce"
EXAMPLE = "tastemap reproduce B12 B16 --quick"


def command(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Recipes, such as B12; default: all.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="One split instead of three.")] = False,
    large: Annotated[
        bool, typer.Option("--large", help="The runs on 25 million ratings, instead of the others.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.md", help="Also write a page with settings and notes.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Train the systems of the source documents and compare figures.

    All of them take some 20 minutes on two cores.
    """
    from tastemap.reproduction import page, reproduce

    with TerminalProgress(quiet=as_json) as progress:
        found = reproduce(ids or (), quick=quick, large=large, progress=progress)
    if out is not None:
        out.write_text(page(found), encoding="utf-8")
    if as_json:
        print_json({"findings": [finding.as_json() for finding in found], "out": out})
    else:
        _tell(found)
        if out is not None:
            say(f"Wrote {out}.")


def _tell(found: list[Finding]) -> None:
    from tastemap.reproduction.page import HEADER, cells, remarks

    print_cells(HEADER, [cells(finding) for finding in found], right={"document", "ours", "honest", "s"})
    for finding in found:
        for said in remarks(finding):
            say(f"{finding.recipe}, {finding.figure}: {said}")
