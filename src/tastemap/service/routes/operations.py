"""For operators: is it alive, can it answer, and what has it done."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

from fastapi import APIRouter, Request, Response

from tastemap.errors import TastemapError
from tastemap.service.database.errors import DatabaseError
from tastemap.service.database.store import Store
from tastemap.service.live.beside import in_thread
from tastemap.service.routes.common import Shared, answered
from tastemap.service.routes.errors import documented

LOG = logging.getLogger("tastemap.service")
FRESH_S = 1.0
"""What was found out of the database holds this long."""

router = APIRouter(tags=["operations"])


@router.get("/healthz", responses={200: {"description": "The process answers"}})
async def health() -> Response:
    """Whether the process answers at all."""
    return answered({"status": "ok"})


class Probe:
    """Whether a database answers, asked by one probe at a time and at most once a second.

    After a write that failed it writes too, so that a disk with room again is known before the next event.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._asking = asyncio.Lock()
        self._answers = True
        self._told: str | None = None
        self._stale_at = 0.0

    async def answers(self) -> bool:
        """What was found out within the last second, or is now."""
        async with self._asking:
            if time.monotonic() >= self._stale_at:
                await self._ask()
                self._stale_at = time.monotonic() + FRESH_S
            return self._answers

    async def _ask(self) -> None:
        answered, self._answers = self._answers, True
        try:
            await in_thread(self._store.ping)
        except TastemapError as error:
            self._answers = False
            if answered:  # once, not every second
                LOG.warning("the database does not answer: %s", error.message)
            return
        await self._ask_to_write()

    async def _ask_to_write(self) -> None:
        writes = self._store.writes
        if writes.error is not None:
            with contextlib.suppress(DatabaseError):  # the store has kept it
                await in_thread(self._store.try_write)
        told, self._told = self._told, None if writes.error is None else writes.error.message
        if self._told is not None and told is None:
            LOG.warning("the database takes no writes: %s", self._told)
        elif told is not None and self._told is None:
            LOG.info("the database takes writes again")


@router.get("/readyz", responses={200: {"description": "It can answer"}})
async def ready(request: Request, service: Shared) -> Response:
    """Whether lists can be made and events be kept. Without the database lists go on; the fields say so.

    The status stays 200 where writes fail: all workers share the disk, and who takes them out of service for it
    loses the lists too.
    """
    # Anybody may ask, and why a database does not answer names its host, its user or its path: the log tells.
    database = "ok" if await request.app.state.probe.answers() else "unavailable"
    trouble = service.store.writes.trouble
    return answered(
        {
            "status": "ready",
            "version": service.serving.version,
            "database": database,
            "writes": "ok" if trouble is None else "failing",
            "notes": [] if trouble is None else [trouble],
        }
    )


@router.get(
    "/metrics",
    responses={
        200: {"content": {"text/plain": {}}, "description": "In Prometheus' format"},
        **documented(400, 401, 403, 408, 413, 421, 429, 431, 503),
    },
)
async def metrics(request: Request) -> Response:
    """Counters and gauges of all workers, in Prometheus' text format."""
    content, media_type = await in_thread(request.app.state.telemetry.exposed)
    return Response(content, media_type=media_type)
