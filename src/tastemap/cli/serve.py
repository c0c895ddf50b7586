"""``tastemap serve``."""

from __future__ import annotations

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
        str, typer.Option(help="Address to listen on; others than loopback need keys.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=512, metavar="N", help="Processes.")] = 1,
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
        Literal["text", "json"], typer.Option(help="Form of the log lines on stderr.")
    ] = "text",
    as_json: options.Json = False,
) -> None:
    """Serve a saved model over HTTP, with live events and an explorer."""
    with options.service_extra():
        from tastemap.service.server import run
        from tastemap.service.settings import ServiceSettings

    settings = ServiceSettings.of(
        folder=folder,
        database=database,
        host=host,
        port=port,
        workers=workers,
        allowed_hosts=tuple(allow_host or ()),
        trusted_proxies=tuple(trusted_proxy or ()),
        log_format=log_format,
    )

    def ready(url: str) -> None:
        description = f"{url}/v1/openapi.json"
        if as_json:
            print_json({"url": url, "openapi": description, "workers": workers})
        else:
            typer.echo(f"Ready: explorer {url}/  API description {description}")
            say("End with Ctrl-C.")

    run(settings, ready)
