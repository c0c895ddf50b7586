"""``tastemap keys``: make, list and revoke the API keys of a served model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tastemap.cli import options
from tastemap.cli.output import next_step, print_json, print_table, say

if TYPE_CHECKING:
    from tastemap.service.database import Store

Name = Annotated[str, typer.Argument(metavar="NAME", help="What the key is for, such as shop.")]
NO_KEYS = "No key is valid: a server asks for none, and answers everybody on its own machine only."

app = typer.Typer(
    help="Make, list and revoke the API keys of a served model.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.command(epilog="Example: tastemap keys add my-model shop --scope client")
def add(
    folder: options.Folder,
    name: Name,
    scope: Annotated[
        Literal["client", "admin"],
        typer.Option(help="client: lists and events; admin: also exports, erasures and reloads."),
    ],
    database: options.Database = None,
    as_json: options.Json = False,
) -> None:
    """Make a key and print its secret, which is kept nowhere.

    Once there is a key, every request must bring one.
    """
    import time

    with _opened(folder, database) as store:
        secret = store.add_key(name, scope, time.time())
    if as_json:
        print_json({"name": name, "scope": scope, "secret": secret})
        return
    typer.echo(secret)
    say(f"This is the secret of {name} ({scope}). It is not shown again.")
    say(
        "Clients send it in the header `Authorization: Bearer SECRET`; running servers know it within a second."
    )
    next_step("serve", folder, *_again(database))


@app.command("list", epilog="Example: tastemap keys list my-model")
def list_(folder: options.Folder, database: options.Database = None, as_json: options.Json = False) -> None:
    """List the keys, revoked ones too, without their secrets."""
    from dataclasses import asdict

    import polars as pl

    with _opened(folder, database) as store:
        keys = [asdict(key) for key in store.keys()]
    if as_json:
        print_json({"keys": keys})
        return
    if keys:
        times = pl.from_epoch(pl.col("created", "revoked").cast(pl.Int64)).dt.strftime("%Y-%m-%d %H:%M UTC")
        print_table(pl.DataFrame(keys, schema_overrides={"revoked": pl.Float64}).with_columns(times))
    else:
        say(NO_KEYS)
    valid = [key["name"] for key in keys if key["revoked"] is None]
    if valid:
        next_step("keys", "revoke", folder, valid[0], *_again(database))
    else:
        next_step("keys", "add", folder, "shop", "--scope", "client", *_again(database))


@app.command(epilog="Example: tastemap keys revoke my-model shop")
def revoke(
    folder: options.Folder, name: Name, database: options.Database = None, as_json: options.Json = False
) -> None:
    """End the validity of a key, within a second everywhere."""
    import time

    with _opened(folder, database) as store:
        store.revoke_key(name, time.time())
        left = [key.name for key in store.keys() if key.revoked is None]
    if as_json:
        print_json({"name": name, "revoked": True, "left": left})
        return
    say(f"The key {name} is revoked; running servers refuse it within a second.")
    if not left:
        say(NO_KEYS)
    next_step("keys", "list", folder, *_again(database))


def _again(database: str | None) -> list[str]:
    """What names the database in the next command; a variable does so by itself, a password is not shown."""
    import os
    from urllib.parse import urlsplit

    if database is None or database == os.environ.get("TASTEMAP_DATABASE"):
        return []
    return ["--database", "URL" if urlsplit(database).password or "password=" in database else database]


@contextmanager
def _opened(folder: Path, database: str | None) -> Iterator[Store]:
    """The database that `tastemap serve` uses for the same words."""
    from tastemap.artifacts import versions

    with options.service_extra():
        from tastemap.service.database import Store, default_url

    versions(folder)  # refuses a folder that is no artifact, before a database is made beside it
    store = Store.open(database or default_url(folder))
    try:
        yield store
    finally:
        store.close()
