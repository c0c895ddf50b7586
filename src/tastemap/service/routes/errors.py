"""Every failure in one shape: ``{"error": {"code", "message", "details"}}``."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from tastemap.errors import TastemapError
from tastemap.service.routes.description import allowed_methods
from tastemap.service.routes.invalid import found_wrong
from tastemap.service.routes.schemas import ErrorBody
from tastemap.service.statuses import said_of, status_of

RETRY_AFTER_S = 1
CODES = {400: "invalid_request", 404: "not_found", 405: "method_not_allowed"}
SHOWN = 3


def failed(
    request: Request, status: int, code: str, message: str, details: dict[str, Any] | None = None
) -> Response:
    """An error as a response; the state of the request gets its code, by which the guards count it."""
    request.state.error_code = code
    body = {"error": {"code": code, "message": message, "details": details or {}}}
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else None
    return Response(orjson.dumps(body, default=str), status, headers, "application/json")


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Entries of a route's ``responses`` for the failures that it may answer with."""
    said = {
        400: "The request cannot be read",
        401: "A key is needed",
        403: "The key does not allow this",
        404: "Nothing of this id is known",
        408: "The body came too slowly",
        409: "It does not go with what is there: a key used before, a clock ahead, a version gone",
        413: "The body is too large",
        415: "The body must be application/json, and not compressed",
        421: "The host is none of this service",
        422: "A value is outside what is allowed",
        429: "Too many requests",
        431: "The headers are too large",
        503: "Busy, or the database cannot be reached",
    }
    return {status: {"model": ErrorBody, "description": said[status]} for status in statuses}


def add_handlers(app: FastAPI) -> None:
    """Answer every expected exception in the one shape; the guards answer the others."""

    @app.exception_handler(TastemapError)
    async def _known(request: Request, error: TastemapError) -> Response:
        said = said_of(error, request.state.request_id)
        return failed(request, status_of(error), error.code, said, error.details)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        found = error.errors()
        if any(one["type"] == "json_invalid" for one in found):
            message = "The body must be JSON; check its quotes, commas and brackets."
            return failed(request, 400, "invalid_json", message)
        faults = found_wrong(found)
        told = [f"{place} {fault}" for place, fault in faults[:SHOWN]]
        more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        details = {"errors": [{"where": place, "message": fault} for place, fault in faults]}
        return failed(request, 422, "invalid_request", "; ".join(told) + more + ".", details)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        code = CODES.get(error.status_code, "error")
        answer = failed(request, error.status_code, code, f"{error.detail}.")
        answer.headers.update(error.headers or {})
        if error.status_code == 405:
            answer.headers["Allow"] = ", ".join(allowed_methods(app, request))
        return answer
