"""``tastemap info``."""

from __future__ import annotations

from tastemap.cli import options
from tastemap.cli.output import next_step, print_json, print_table

NAME = "info"


def command(folder: options.Folder, as_json: options.Json = False) -> None:
    """Say what a saved model is: its data, settings, losses, evaluation, files and earlier versions."""
    from tastemap.artifacts import info

    facts = info(folder)
    if as_json:
        print_json(facts)
        return
    import polars as pl

    rows = [(name, _text(value)) for name, value in facts.items() if value not in (None, {}, [])]
    print_table(pl.DataFrame(rows, schema=["fact", str(folder)], orient="row"))
    next_step(f"tastemap recommend {folder} --all -k 10 --out lists.csv")


def _text(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{key}: {inner}" for key, inner in value.items())
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return str(value)
