"""For operators: is it alive, can it answer, and what has it done."""

from __future__ import annotations

import asyncio
import logging
import time
import weakref

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response

from tastemap.errors import TastemapError
from tastemap.service.database.store import Store
from tastemap.service.routes.common import Shared, answered

LOG = logging.getLogger("tastemap.service")
FRESH_S = 1.0
"""What was found out of the database holds this long."""

router = APIRouter(tags=["operations"])


@router.get("/healthz", responses={200: {"description": "The process answers"}})
async def health() -> Response:
    """Whether the process answers at all."""
    return answered({"status": "ok"})


class _Probe:
    """Whether a database answers, asked by one probe at a time and at most once a second."""

    def __init__(self, store: Store) -> None:
        self._store = weakref.ref(store)
        self._asking = asyncio.Lock()
        self._answers = True
        self._stale_at = 0.0

    async def answers(self) -> bool:
        async with self._asking:
            if time.monotonic() >= self._stale_at:
                await self._ask()
                self._stale_at = time.monotonic() + FRESH_S
            return self._answers

    async def _ask(self) -> None:
        store = self._store()
        assert store is not None  # the service that is asked holds it
        answered, self._answers = self._answers, True
        try:
            await run_sync(store.ping)
        except TastemapError as error:
            self._answers = False
            if answered:  # once, not every second
                LOG.warning("the database does not answer: %s", error.message)


_probes: weakref.WeakKeyDictionary[Store, _Probe] = weakref.WeakKeyDictionary()


@router.get("/readyz", responses={200: {"description": "It can answer"}})
async def ready(service: Shared) -> Response:
    """Whether lists can be made and events be kept. Without the database lists go on; the status says so."""
    probe = _probes.get(service.store)
    if probe is None:
        probe = _probes[service.store] = _Probe(service.store)
    # Anybody may ask, and why a database does not answer names its host, its user or its path: the log tells.
    database = "ok" if await probe.answers() else "unavailable"
    return answered({"status": "ready", "version": service.serving.version, "database": database})


@router.get(
    "/metrics", responses={200: {"content": {"text/plain": {}}, "description": "In Prometheus' format"}}
)
async def metrics(request: Request) -> Response:
    """Counters and gauges of all workers, in Prometheus' text format."""
    content, media_type = await run_sync(request.app.state.telemetry.exposed)
    return Response(content, media_type=media_type)
