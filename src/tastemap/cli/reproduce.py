"""``tastemap reproduce``."""

from __future__ import annotations

from collections.abc import Sequence
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
    quick: Annotated[bool, typer.Option("--quick", help="One split only.")] = False,
    large: Annotated[
        bool, typer.Option("--large", help="The runs on 25 million ratings, instead of the others.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.md", help="Also write a page with settings and notes.")
    ] = None,
    show_list: Annotated[
        bool, typer.Option("--list", help="Say what each recipe is, and train nothing.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Train the systems of the source documents and compare figures.

    All of them take some 20 minutes on two cores.
    """
    if show_list:
        return _show_recipes(ids or (), as_json=as_json)
    from tastemap.data.writing import ensure_page, write_page
    from tastemap.reproduction import page, reproduce

    if out is not None:
        ensure_page(out, name="--out")  # before anything is trained

    with TerminalProgress(quiet=as_json) as progress:
        found = reproduce(ids or (), quick=quick, large=large, progress=progress)
    # Shown first: a page that cannot be written after all does not lose the run.
    if as_json:
        print_json({"findings": [finding.as_json() for finding in found], "out": out})
    else:
        _tell(found)
    if out is not None:
        write_page(page(found), out, name="--out")
        if not as_json:
            say(f"Wrote {out}.")
    return None


def _show_recipes(ids: Sequence[str], *, as_json: bool) -> None:
    from tastemap.reproduction.recipe import choose

    rows = [(one.id, one.document, one.title, one.data, one.runs[0].model) for one in choose(ids)]
    header = ("recipe", "document", "what", "data", "model")
    if as_json:
        print_json({"recipes": [dict(zip(header, row, strict=True)) for row in rows]})
    else:
        print_cells(header, rows, right=())


def _tell(found: list[Finding]) -> None:
    from tastemap.reproduction.page import HEADER, cells, remarks

    print_cells(HEADER, [cells(finding) for finding in found], right={"document", "ours", "honest", "s"})
    say("honest: the epoch chosen inside the training part. s: seconds of training, a split.")
    say("reproduced: within two spreads over the splits (5 % at most), or 2 %, of the printed figure.")
    for finding in found:
        for said in remarks(finding):
            say(f"{finding.recipe}, {finding.figure}: {said}")
