"""For operators: is it alive, can it answer, and what has it done."""

from __future__ import annotations

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response

from tastemap.errors import TastemapError
from tastemap.service.routes.common import Shared, answered
from tastemap.service.routes.errors import documented

router = APIRouter(tags=["operations"])


@router.get("/healthz", responses={200: {"description": "The process answers"}})
async def health() -> Response:
    """Whether the process answers at all."""
    return answered({"status": "ok"})


@router.get("/readyz", responses={200: {"description": "It can answer"}, **documented(503)})
async def ready(service: Shared) -> Response:
    """Whether lists can be made and events be kept. Without the database lists go on; the status says so."""
    database = "ok"
    try:
        await run_sync(service.store.ping)
    except TastemapError as error:
        database = error.message
    status = {"status": "ready", "version": service.serving.version, "database": database}
    return answered(status)


@router.get(
    "/metrics", responses={200: {"content": {"text/plain": {}}, "description": "In Prometheus' format"}}
)
async def metrics(request: Request) -> Response:
    """Counters and gauges of all workers, in Prometheus' text format."""
    content, media_type = await run_sync(request.app.state.telemetry.exposed)
    return Response(content, media_type=media_type)
