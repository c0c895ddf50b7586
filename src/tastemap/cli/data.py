"""``tastemap data``: list, fetch and check data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tastemap.cli import options
from tastemap.cli.output import next_step, print_json, print_table, say
from tastemap.cli.progress import TerminalProgress
from tastemap.plurals import plural

if TYPE_CHECKING:
    from tastemap.data import CheckReport, Finding

app = typer.Typer(help="List, fetch and check data.", no_args_is_help=True, pretty_exceptions_enable=False)


@app.command("list", epilog="Example: tastemap data list")
def list_(as_json: options.Json = False) -> None:
    """List the data sets that can be fetched by name."""
    from dataclasses import asdict

    import polars as pl

    from tastemap.data import datasets

    found = [asdict(info) for info in datasets()]
    if as_json:
        print_json({"datasets": found})
        return
    print_table(pl.DataFrame(found).drop("license").rename({"is_local": "fetched"}))
    missing = [row["name"] for row in found if not row["is_local"]]
    if missing:
        next_step("data", "fetch", missing[0])
    else:
        next_step("data", "check", found[0]["name"])


@app.command(epilog="Example: tastemap data fetch ml-100k")
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name from `tastemap data list`.")],
    as_json: options.Json = False,
) -> None:
    """Fetch a data set, verify it, and keep it for later commands."""
    from tastemap.data import datasets
    from tastemap.data import fetch as fetch_data

    known = {info.name: info for info in datasets()}
    with TerminalProgress(quiet=as_json) as progress:
        path = fetch_data(name, progress=progress)
    if as_json:
        print_json({"name": name, "path": str(path), "license": known[name].license})
        return
    say(f"{name} is in {path}.")
    if known[name].is_local:  # else fetching has said it
        say(f"License of {name}: {known[name].license}.")
    next_step("data", "check", name)


@app.command(epilog="Example: tastemap data check ratings.csv --fix clean.csv")
def check(
    source: options.Source,
    fix: Annotated[
        Path | None,
        typer.Option(metavar="OUT", help="Write the repaired table: .csv, .tsv, .parquet or .jsonl."),
    ] = None,
    query: options.Query = None,
    user_col: options.UserCol = None,
    item_col: options.ItemCol = None,
    rating_col: options.RatingCol = None,
    time_col: options.TimeCol = None,
    as_json: options.Json = False,
) -> None:
    """Look for what would harm a model; --fix repairs it.

    Such as duplicates, odd ratings and ids, and wrong times. The exit status is 1 if there are errors, unless
    --fix has repaired them.
    """
    from tastemap.data import check as check_data
    from tastemap.data import fix as fix_data

    columns: dict[str, Any] = {
        "user_col": user_col,
        "item_col": item_col,
        "rating_col": rating_col,
        "time_col": time_col,
    }
    with TerminalProgress(quiet=as_json) as progress:
        asked = options.queried(source, query)
        report = check_data(asked, progress=progress, **columns)
        changes = fix_data(asked, fix, progress=progress, **columns) if fix is not None else None
    errors = [finding for finding in report.findings if finding.severity == "error"] if changes is None else []
    if as_json:
        print_json({**report.as_json(), "fixed": changes, "out": str(fix) if fix else None})
    else:
        _tell(report)
        if changes is not None:
            _tell_changes(changes, str(fix))
        named = [word for name, column in columns.items() if column for word in (_option(name), column)]
        if query is not None and fix is None:
            named = ["--query", query, *named]
        _suggest(report, [str(fix or source), *named], errors)
    if errors:
        raise typer.Exit(1)


def _tell_changes(changes: dict[str, int], out: str) -> None:
    for what, count in changes.items():
        say(f"Fixed: {plural(count, 'row')}, {what}.")
    say(f"Wrote {out}." if changes else f"There was nothing to repair; wrote a copy to {out}.")


def _option(argument: str) -> str:
    return f"--{argument.replace('_', '-')}"


def _suggest(report: CheckReport, source: list[str], errors: list[Finding]) -> None:
    """Fitting, unless an error stands in its way: then what mends it, or checking again once it is mended."""
    if not errors:
        has_ratings = report.figures is not None and report.figures.rating_scale is not None
        next_step("fit", *source, "--model", "als" if has_ratings else "ials")
    elif any(finding.fixable for finding in errors):
        next_step("data", "check", *source, "--fix", "repaired.csv")
    else:
        next_step("data", "check", *source)


def _tell(report: CheckReport) -> None:
    for sentence in report.summary():
        say(sentence)
    if not report.findings:
        say("Nothing to mend was found.")
    for finding in report.findings:
        say(f"\n[{finding.severity}] {finding.kind}: {plural(finding.count, finding.unit.removesuffix('s'))}")
        say(f"  Harm: {finding.harm}")
        say(f"  Fix:  {finding.fix}")
        for row in finding.rows:
            say(f"    {row}")
