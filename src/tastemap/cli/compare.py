"""``tastemap compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tastemap.cli import options
from tastemap.cli.output import next_step, print_json, print_table, say
from tastemap.cli.progress import TerminalProgress
from tastemap.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tastemap.data import Dataset
    from tastemap.evaluation import Comparison

NAME = "compare"
EXAMPLE = 'tastemap compare a b --test new.csv --fail-if "ndcg@10 < -1%"'


def command(
    context: typer.Context,
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
    user_col: options.UserCol = None,
    item_col: options.ItemCol = None,
    rating_col: options.RatingCol = None,
    time_col: options.TimeCol = None,
    seed: options.Seed = 0,
    as_json: options.Json = False,
) -> None:
    """Compare two saved models: metrics, lists, and who gains."""
    from tastemap.evaluation import compare, parse_gate

    gates = [parse_gate(text) for text in fail_if or ()]
    with TerminalProgress(quiet=as_json) as progress:
        columns = (user_col, item_col, rating_col, time_col)
        data = _test_data(test, columns, progress)
        found = compare(options.load_model(folder_a), options.load_model(folder_b), test=data, k=k, rng=seed)
    failed = [gate.sentence(found) for gate in gates if gate.fails(found)]
    if as_json:
        print_json({"folder_a": folder_a, "folder_b": folder_b, **found.as_json(), "failed": failed})
    else:
        _tell(found)
        for sentence in failed:
            say(f"Failed: {sentence}")
        if not gates:
            _suggest(found, context.obj, given=test is not None)
    if failed:
        raise typer.Exit(1)


def _test_data(test: str | None, columns: Sequence[str | None], progress: TerminalProgress) -> Dataset | None:
    if test is not None:
        return options.load_data(test, columns, (None, None), progress)
    if any(columns):
        raise InvalidValueError("--user-col and the like name columns of --test; give --test SOURCE as well.")
    return None


def _tell(found: Comparison) -> None:
    for title, frame in found.tables():
        shorter = {"share_better": "better", "share_worse": "worse"}  # to fit into 80 columns
        print_table(frame.rename(shorter, strict=False), title=title)
    for sentence in found.sentences():
        say(sentence)


def _suggest(found: Comparison, typed: Sequence[str], *, given: bool) -> None:
    """A condition, on test data that neither was trained on."""
    if not given or found.n_trained_a or found.n_trained_b:
        say("\nNext: compare them again with --test SOURCE, data that neither was trained on")
    else:
        next_step(*typed, "--fail-if", f"ndcg@{found.k} < -1%")
