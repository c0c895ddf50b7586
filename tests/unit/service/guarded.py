"""A small application behind the guards: what they let through, and a database that knows its keys."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.testclient import TestClient

from tastemap.service.database import Scope, Store, Writer
from tastemap.service.guard import add_guards
from tastemap.service.live.serving import Serving
from tastemap.service.settings import ServiceSettings
from tastemap.service.telemetry.metrics import Telemetry
from tests.saved import factors_recommender

ROUTER = APIRouter()
NOW = 1_000.0


@ROUTER.post("/events")
async def echo(request: Request) -> dict[str, object]:
    """How many bytes came, and who sent them."""
    return {"bytes": len(await request.body()), "caller": request.state.caller.name}


@ROUTER.get("/users/{user_id:path}/export")
async def export(user_id: str) -> dict[str, str]:
    """All that is known of a user."""
    return {"user_id": user_id}


@ROUTER.get("/users/{user_id:path}")
async def user(user_id: str) -> dict[str, str]:
    """Something about a user."""
    return {"user_id": user_id}


@ROUTER.get("/fails")
async def fails() -> None:
    """A defect."""
    raise ZeroDivisionError("the secret of the defect")


@ROUTER.get("/hangs")
async def hangs() -> None:
    """Something that never ends."""
    await asyncio.Event().wait()


@dataclass
class Guarded:
    """The application, a client of it, and its database."""

    app: FastAPI
    client: TestClient
    store: Store
    telemetry: Telemetry
    writer: Writer

    def close(self) -> None:
        """Stop writing and close the database."""
        self.writer.close()
        self.store.close()

    def add_key(self, name: str, scope: Scope = "client") -> str:
        """A new key's secret."""
        return self.store.add_key(name, scope, NOW)


def guarded(folder: Path, **settings: Any) -> Guarded:
    """The application with these settings; its database is a file in `folder`."""
    app = FastAPI()
    app.include_router(ROUTER, prefix="/v1")

    @app.get("/")
    async def page(request: Request) -> Response:
        return HTMLResponse(f"<p>{request.state.nonce}</p>")

    @app.get("/healthz")
    async def health() -> dict[str, str]:
        return {}

    @app.get("/static/a.css")
    async def style() -> Response:
        return Response("p {}", media_type="text/css", headers={"ETag": '"1"', "Cache-Control": "no-cache"})

    add_guards(app, ServiceSettings.of(folder=folder / "model", **settings))
    store = Store.open(f"sqlite:///{folder / 'events.db'}")
    service: Any = SimpleNamespace(store=store, serving=serving_of())
    writer = Writer(store)
    telemetry = Telemetry(service, writer)
    app.state.service, app.state.telemetry = service, telemetry
    client = TestClient(app, base_url="http://localhost", raise_server_exceptions=False, follow_redirects=False)
    return Guarded(app, client, store, telemetry, writer)


def serving_of() -> Serving:
    """A small model as if it was loaded."""
    return Serving(factors_recommender(), Path("model"), 3, "ab" * 32, 0.0, 0)
