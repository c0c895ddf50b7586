"""``tastemap compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tastemap.cli import options
from tastemap.cli.output import next_step, print_json, print_table, say
from tastemap.cli.progress import TerminalProgress

if TYPE_CHECKING:
    from tastemap.evaluation import Comparison

NAME = "compare"
EXAMPLE = 'tastemap compare a b --test new.csv --fail-if "ndcg@10 < -1%"'


def command(
    folder_a: Annotated[Path, typer.Argument(metavar="DIR_A", help="A saved model.")],
    folder_b: Annotated[Path, typer.Argument(metavar="DIR_B", help="The saved model to compare with it.")],
    test: Annotated[
        str | None,
        typer.Option(metavar="SOURCE", help="Test data that neither was fitted to; default: what both saved."),
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION", help='Exit with 1 if B changes so: "ndcg@10 < -1%"; give it again for more.'
        ),
    ] = None,
    k: options.K = 10,
    seed: options.Seed = 0,
    as_json: options.Json = False,
) -> None:
    """Compare two saved models: metrics, lists, and who gains."""
    from tastemap.evaluation import compare, parse_gate

    gates = [parse_gate(text) for text in fail_if or ()]
    with TerminalProgress(quiet=as_json) as progress:
        data = options.load_data(test, (None,) * 4, (None, None), progress) if test else None
        found = compare(options.load_model(folder_a), options.load_model(folder_b), test=data, k=k, rng=seed)
    failed = [gate.sentence(found) for gate in gates if gate.fails(found)]
    if as_json:
        print_json({"folder_a": folder_a, "folder_b": folder_b, **found.as_json(), "failed": failed})
    else:
        _tell(found, folder_a, folder_b)
        for sentence in failed:
            say(f"Failed: {sentence}")
    if failed:
        raise typer.Exit(1)


def _tell(found: Comparison, folder_a: Path, folder_b: Path) -> None:
    for title, frame in found.tables():
        print_table(frame, title=title, digits={})
    for sentence in found.sentences():
        say(sentence)
    next_step("compare", folder_a, folder_b, "--test", "SOURCE", "--fail-if", "ndcg@10 < -1%")
