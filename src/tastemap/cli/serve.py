"""``tastemap serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from tastemap.cli import options
from tastemap.cli.output import print_json, say

NAME = "serve"
EXAMPLE = "tastemap serve my-model"


def command(
    folder: options.Folder,
    database: options.Database = None,
    host: Annotated[
        str | None,
        typer.Option(show_default="127.0.0.1", help="Address to listen on; others than loopback need keys."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, show_default="8000", help="0: any free one.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=512, metavar="N", show_default="1", help="Processes.")
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name by which clients may ask; give it again for more."),
    ] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS", help="A proxy that is believed who its clients are; give it again for more."
        ),
    ] = None,
    log_format: Annotated[
        Literal["text", "json"] | None,
        typer.Option(show_default="text", help="Form of the log lines on stderr."),
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="TOML file of limits and other settings; options go before it."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Serve a model over HTTP, with events and an explorer."""
    with options.service_extra():
        from tastemap.service.server import run
        from tastemap.service.settings import ServiceSettings, read_settings

    given = {
        "database": database,
        "host": host,
        "port": port,
        "workers": workers,
        "allowed_hosts": tuple(allow_host or ()) or None,
        "trusted_proxies": tuple(trusted_proxy or ()) or None,
        "log_format": log_format,
    }
    written = {} if settings is None else read_settings(settings)
    chosen = written | {name: value for name, value in given.items() if value is not None}
    served = ServiceSettings.of(folder=folder, **chosen)

    def ready(url: str) -> None:
        description = f"{url}/v1/openapi.json"
        if as_json:
            print_json({"url": url, "openapi": description, "workers": served.workers})
        else:
            typer.echo(f"Ready: explorer {url}/  API description {description}")
            say("End with Ctrl-C.")

    run(served, ready)
