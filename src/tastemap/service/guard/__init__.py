"""What stands between the network and the answers: limits, hosts, keys, headers, request ids."""

from __future__ import annotations

from fastapi import FastAPI

from tastemap.service.guard.edge import Edge
from tastemap.service.guard.gate import Gate
from tastemap.service.guard.login import login_router
from tastemap.service.settings import ServiceSettings


def add_guards(app: FastAPI, settings: ServiceSettings) -> None:
    """Put the guards around an application, and the login into it.

    At each request the application's state must hold ``service``, whose ``store`` knows the keys, and
    ``telemetry``.
    """
    gate = Gate(settings)
    app.include_router(login_router(gate, settings.session_s))
    app.add_middleware(Edge, gate=gate, settings=settings)
