"""The model that is served: what it is, how good, and another one in its place."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tastemap.service.answers import model as answers
from tastemap.service.live.beside import in_thread
from tastemap.service.routes.bodies import ReloadRequest
from tastemap.service.routes.common import Shared, answered
from tastemap.service.routes.errors import documented
from tastemap.service.routes.schemas import (
    EvaluationAnswer,
    ModelAnswer,
    ReloadAnswer,
    VersionsAnswer,
)

router = APIRouter(tags=["model"])

FOLLOWING = "Other workers follow within two seconds."


@router.get("/model", responses={200: {"model": ModelAnswer}})
async def model(service: Shared) -> Response:
    """What is served."""
    return answered(answers.model(service.serving))


@router.get("/model/evaluation", responses={200: {"model": EvaluationAnswer}})
async def evaluation(service: Shared) -> Response:
    """How good it is, as recorded in the artifact; null where nothing is."""
    return answered(answers.evaluation(service.serving))


@router.get("/model/versions", responses={200: {"model": VersionsAnswer}, **documented(409)})
async def versions(service: Shared) -> Response:
    """Versions that can be served, oldest first."""
    return answered(await in_thread(answers.version_list, service.serving))


@router.post("/model/reload", responses={200: {"model": ReloadAnswer}, **documented(409, 422)})
async def reload(request: Request, service: Shared, asked: ReloadRequest) -> Response:
    """Serve the current version of the artifact, or an earlier one; what was served stays if that fails."""
    before = service.serving.version
    serving = await in_thread(service.reload, asked.version, request.state.caller.name)
    return answered({"before": before, "version": serving.version, "digest": serving.digest, "note": FOLLOWING})
