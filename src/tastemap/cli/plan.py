"""``tastemap plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tastemap.cli import options
from tastemap.cli.output import next_step, print_facts, print_json, say
from tastemap.cli.progress import TerminalProgress
from tastemap.plurals import plural

if TYPE_CHECKING:
    from tastemap.tuning import Plan

NAME = "plan"
EXAMPLE = "tastemap plan ratings.csv --model als --set n_factors=256"
UNITS = ("B", "kB", "MB", "GB", "TB")


def command(
    context: typer.Context,
    source: options.Source,
    model: Annotated[str, typer.Option(metavar="MODEL", help="The model that would be fitted.")],
    settings: options.Set = None,
    positive_min: options.PositiveMin = None,
    max_memory: options.MaxMemory = None,
    query: options.Query = None,
    user_col: options.UserCol = None,
    item_col: options.ItemCol = None,
    rating_col: options.RatingCol = None,
    time_col: options.TimeCol = None,
    user_features: options.UserFeatures = None,
    item_features: options.ItemFeatures = None,
    as_json: options.Json = False,
) -> None:
    """Say what `fit` with the same options would need: memory, room on disk and time.

    SOURCE is read, nothing is fitted.
    """
    from tastemap.training.fit import with_positive_min
    from tastemap.training.registry import get
    from tastemap.tuning import plan

    given = with_positive_min(get(model), options.parse_settings(settings), positive_min)
    limit = options.data_limit(model, max_memory)
    with TerminalProgress(quiet=as_json) as progress:
        columns = (user_col, item_col, rating_col, time_col)
        features = (user_features, item_features)
        data = options.load_data(source, columns, features, progress, query, max_memory=limit)
    found = plan(data, model, given, max_memory=max_memory)
    if as_json:
        print_json(found.as_json())
        return
    say(f"{data.name}: {data.interactions.summary}.")
    print_facts(_facts(found))
    for sentence in found.advice:
        say(sentence)
    if not found.advice:
        typed: tuple[str, ...] = context.obj
        place = typed.index(NAME)
        next_step(*typed[:place], "fit", *typed[place + 1 :])


def _facts(found: Plan) -> list[tuple[str, str]]:
    parts = ", ".join(f"{name} {_size(n_bytes)}" for name, n_bytes in found.parts.items() if n_bytes)
    epochs = f", for {plural(found.epochs, 'epoch')} in all" if found.epochs else ""
    there = "" if found.machine_bytes is None else f" of {_size(found.machine_bytes)}"
    return [
        ("memory", f"{_size(found.memory_bytes)}{there}: {parts}"),
        ("artifact", _size(found.artifact_bytes)),
        ("time", f"{_duration(found.seconds)}{epochs}"),
    ]


def _size(n_bytes: int) -> str:
    """A number of bytes to two digits or three: ``2.6 MB``, ``180 MB``."""
    amount, unit = float(n_bytes), 0
    while amount >= 999.5 and unit < len(UNITS) - 1:
        amount, unit = amount / 1000.0, unit + 1
    return f"{amount:.1f} {UNITS[unit]}" if amount < 9.95 and unit else f"{amount:.0f} {UNITS[unit]}"


def _duration(seconds: float) -> str:
    """A duration to two digits or so: ``1.2 s``, ``45 s``, ``12 min``, ``3.5 h``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 120.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200.0 else f"{seconds / 3600:.1f} h"
