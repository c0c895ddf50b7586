"""The server: it opens the port, runs the workers, and ends them in good order."""

from __future__ import annotations

import errno
import ipaddress
import multiprocessing
import os
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing.process import BaseProcess
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE

from tastemap.artifacts import identify
from tastemap.errors import InvalidValueError, TastemapError
from tastemap.service.database.store import Store
from tastemap.service.guard.protocol import LimitedProtocol
from tastemap.service.settings import ServiceSettings
from tastemap.service.telemetry.logs import set_up_logging
from tastemap.service.workers import Workers

SETTINGS_VARIABLE = "TASTEMAP_SERVICE_SETTINGS"
DATABASE_VARIABLE = "TASTEMAP_DATABASE"
"""Its URL may hold a password, so it stands in a variable of its own, which other users cannot read."""
VERSION_VARIABLE = "TASTEMAP_SERVICE_VERSION"
"""The digest of the version to serve where none was named, the same for a worker that is started later."""
METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
BACKLOG = 2048

Ready = Callable[[str], None]
"""Called once with the URL of the service when it takes requests."""


class ServerError(TastemapError):
    """The service cannot be started."""

    code = "server"


def run(settings: ServiceSettings, ready: Ready) -> None:
    """Serve until SIGTERM or SIGINT, then finish the open requests and write what waits.

    Raises
    ------
    ServerError
        If the port cannot be opened, or no worker starts.
    InvalidValueError
        If others than this machine could ask and there is no key.
    ArtifactError, DatabaseError
        If the artifact or the database cannot be read.
    """
    current = identify(settings.folder)
    _check_keys(settings)
    opened = bind(settings.host, settings.port)
    with ExitStack() as ending:
        ending.callback(opened.close)
        os.environ[SETTINGS_VARIABLE] = settings.without_secrets()
        os.environ[DATABASE_VARIABLE] = settings.database_url
        os.environ[VERSION_VARIABLE] = current.digest
        url = url_of(settings.host, opened.getsockname()[1])
        set_up_logging(settings.log_format)
        if settings.workers == 1:
            _run_here(settings, opened, lambda: ready(url))
            return
        # Must be there before a worker imports prometheus-client.
        shared = Path(tempfile.mkdtemp(prefix="tastemap-metrics-"))
        ending.callback(shutil.rmtree, shared, ignore_errors=True)
        os.environ[METRICS_VARIABLE] = str(shared)
        ending.callback(os.environ.pop, METRICS_VARIABLE, None)
        workers = Workers(_config(settings), [opened], shared, lambda: ready(url))
        workers.run()
        if workers.has_failed:
            raise _not_started()


def worker_app() -> FastAPI:
    """The application of one worker, made from what the environment says; called by uvicorn."""
    from tastemap.service.app import create_app

    settings = ServiceSettings.model_validate_json(os.environ[SETTINGS_VARIABLE])
    settings = settings.model_copy(update={"database": os.environ[DATABASE_VARIABLE]})
    set_up_logging(settings.log_format)
    _end_with_parent()
    return create_app(settings, unnamed=os.environ[VERSION_VARIABLE])


def _end_with_parent() -> None:
    """End a worker whose parent was killed: it would hold the port, and nobody would start it again."""
    parent = multiprocessing.parent_process()
    if parent is not None:  # else this is the only worker, in the process that was started
        _Watch(parent).start()


class _Watch(threading.Thread):
    """Waits for the end of a process, and asks this one to end then."""

    def __init__(self, parent: BaseProcess) -> None:
        super().__init__(name="tastemap-parent", daemon=True)
        self._parent = parent

    def run(self) -> None:
        """Wait, then ask."""
        self._parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to a port of this machine, not yet listening.

    Raises
    ------
    ServerError
        If the port is taken or reserved, or the host is none of this machine's.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
    except OSError as error:
        raise ServerError(
            f"host {host!r} cannot be found ({error.strerror}); give an address.", host=host
        ) from None
    opened = socket.socket(family, kind, protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind(address)
        opened.listen(BACKLOG)  # here, so that a port in use is found before a model is loaded
    except OSError as error:
        opened.close()
        raise ServerError(_why_not(host, port, error), host=host, port=port) from None
    opened.set_inheritable(True)
    return opened


def url_of(host: str, port: int) -> str:
    """Where a browser on this machine finds the service."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"


def forms_of(proxy: str) -> list[str]:
    """An address or a network as the server sees it; one that listens on :: sees IPv4 within IPv6.

    >>> forms_of("10.0.0.0/24"), forms_of("::1")
    (['10.0.0.0/24', '::ffff:10.0.0.0/120'], ['::1'])
    """
    network = ipaddress.ip_network(proxy)
    if network.version == 6:
        return [proxy]
    return [proxy, f"::ffff:{network.network_address}/{96 + network.prefixlen}"]


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} of {host} is in use; end what uses it, or choose another by --port (0: any free one)."
        )
    if error.errno == errno.EACCES:
        return f"port {port} is for the system only; choose one from 1024 on, and let a proxy take {port}."
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"host {host!r} is no address of this machine; give one of its own, such as 127.0.0.1 or 0.0.0.0."
        )
    return f"port {port} of {host} cannot be opened: {error.strerror}."


def _check_keys(settings: ServiceSettings) -> None:
    """Refuse to let others ask a service that has no keys."""
    store = Store.open(settings.database_url)
    try:
        has_keys = bool(store.valid_keys())
    finally:
        store.close()
    if settings.is_public and not has_keys:
        raise InvalidValueError(
            f"Others than this machine could ask the service (host {settings.host!r}, --allow-host or "
            "--trusted-proxy), and it has no keys, so everybody could read and erase. Make a key first: "
            f"tastemap keys add {settings.folder} NAME --scope admin.",
            argument="host",
        )


def _config(settings: ServiceSettings) -> uvicorn.Config:
    proxies = [form for proxy in settings.trusted_proxies for form in forms_of(proxy)]
    return uvicorn.Config(
        "tastemap.service.server:worker_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        http=LimitedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        backlog=BACKLOG,
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=settings.shutdown_s,
    )


class _Server(uvicorn.Server):
    """A server that says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self._ready()


def _run_here(settings: ServiceSettings, opened: socket.socket, ready: Callable[[], None]) -> None:
    # uvicorn raises the signal that ended it once more when it is done; ending was what was asked for.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    try:
        _Server(_config(settings), ready).run([opened])
    except SystemExit as error:
        if error.code == STARTUP_FAILURE:
            raise _not_started() from None
        raise


def _not_started() -> ServerError:
    return ServerError("The service could not be started; the line before this one says why.")
