"""``tastemap refit``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tastemap.cli import options
from tastemap.cli.output import next_step, print_json, say
from tastemap.cli.progress import TerminalProgress
from tastemap.plurals import plural

if TYPE_CHECKING:
    from tastemap.service.database.store import Store
    from tastemap.service.refit import Refit

NAME = "refit"
EXAMPLE = "tastemap refit my-model"
WITHOUT_EVENTS = (
    "No events and no erasures were consulted: there is no file {file}. If a service keeps them in another "
    "database, fit all rows anew and refit with --database: this version may hold users who were erased."
)


def command(
    folder: options.Folder,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Fit this, with all events, instead of the interactions kept in the artifact.",
        ),
    ] = None,
    newer: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Add the rows that came into the database since, by the query that was fitted."
        ),
    ] = None,
    database: options.Database = None,
    as_json: options.Json = False,
) -> None:
    """Fit a served model again, with its events, and publish that.

    Running servers of the same database follow within two seconds. Users who were erased are left out,
    and earlier versions, which still hold them, are deleted.
    """
    from tastemap.artifacts import ensure_writable
    from tastemap.data.sql.urls import default_file
    from tastemap.service.refit import refit

    if source is not None and newer is not None:
        raise options.UsageError("--source fits other rows, --newer adds to those of the model; leave one out.")
    ensure_writable(folder)
    with TerminalProgress(quiet=as_json) as progress:
        data = options.load_data(source, (None,) * 4, (None, None), progress) if source is not None else None
        with _events(folder, database, is_needed=newer is None) as store:
            done = refit(folder, store, source=data, newer=newer, progress=progress)
    notes = [] if store is not None else [WITHOUT_EVENTS.format(file=default_file(folder).name)]
    if as_json:
        print_json(_document(folder, done, notes))
        return
    counted = plural(done.n_events, "event")
    if newer is not None:
        say(f"Added {plural(done.n_newer, 'new row')} of the database.")
    fitted_to = done.recommender.train.interactions.summary
    say(f"Fitted {done.recommender.name} to {fitted_to}, with {counted} laid over them.")
    for note in notes:
        say(note)
    if done.n_unfit:
        say(f"Left out {plural(done.n_unfit, 'event')} with values outside the rating scale.")
    if done.n_erased:
        say(f"Left out {plural(done.n_erased, 'erased user')} and deleted the earlier versions.")
    say(f"Published version {done.version} of {folder}; running servers follow within two seconds.")
    say("This version has no figures of how good it is yet: measure it on rows that it has not seen.")
    next_step("evaluate", folder, "--test", "SOURCE", "--keep")


def _document(folder: Path, done: Refit, notes: list[str]) -> dict[str, object]:
    interactions = done.recommender.train.interactions
    return {
        "artifact": str(folder),
        "version": done.version,
        "n_events": done.n_events,
        "events_through": done.events_through,
        "n_erased": done.n_erased,
        "n_newer": done.n_newer,
        "n_unfit": done.n_unfit,
        "n_users": interactions.n_users,
        "n_items": interactions.n_items,
        "n_interactions": len(interactions),
        "notes": notes,
    }


@contextmanager
def _events(folder: Path, database: str | None, *, is_needed: bool) -> Iterator[Store | None]:
    """The database of events; None where there is none and rows of another one are added."""
    from tastemap.data.sql.urls import default_file, default_url

    if not is_needed and database is None and not default_file(folder).exists():
        yield None
        return
    with options.service_extra():
        from tastemap.service.database.store import Store

    store = Store.open(database or default_url(folder))
    try:
        yield store
    finally:
        store.close()
