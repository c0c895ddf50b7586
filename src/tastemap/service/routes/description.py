"""The OpenAPI description, with what the served model says of ratings and ids."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from starlette.routing import Match, compile_path

from tastemap.data.interactions import RatingScale
from tastemap.service.live.serving import Serving
from tastemap.service.live.settling import LARGEST_COUNT

RATED = ("EventRequest", "Rated")
OF_PAGES = ("GET", "POST")
"""Methods of what is not described: pages and the login."""
IN_64_BITS = "^(0|-?[1-9][0-9]{0,18})$"


def describe(app: FastAPI) -> None:
    """Let an application describe itself for the model that it serves."""
    general = app.openapi

    def openapi() -> dict[str, Any]:
        described = general()
        _describe_ratings(described["components"]["schemas"], app.state.service.serving)
        return described

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation extends it


def allowed_methods(app: FastAPI, request: Request) -> list[str]:
    """Methods that some route answers at the path of a request, sorted."""
    methods: set[str] = set()
    # Of several patterns that fit, the longest names the path best: an id may hold slashes.
    for pattern, operations in sorted(app.openapi()["paths"].items(), key=lambda entry: -len(entry[0])):
        regex, _, _ = compile_path(pattern.replace("}", ":id}"))
        if regex.match(request.url.path):
            methods = {method.upper() for method in operations}
            break
    methods = methods or {method for method in OF_PAGES if _answers(app, request, method)}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))  # the guards make GET of HEAD


def _answers(app: FastAPI, request: Request, method: str) -> bool:
    asked = {**request.scope, "method": method}
    return any(route.matches(asked)[0] is Match.FULL for route in app.router.routes)


def _describe_ratings(schemas: dict[str, Any], serving: Serving) -> None:
    data = serving.recommender.train.interactions
    for name in RATED:
        schemas[name]["properties"]["rating"] = _rating(data.rating_scale, may_lack=name == "EventRequest")
    if data.rating_scale is not None:
        schemas["Rated"]["required"] = ["item_id", "rating"]
    event = schemas["EventRequest"]
    for side, ids in (("user_id", data.users), ("item_id", data.items)):
        if ids.is_integer:
            integer, _ = event["properties"][side]["anyOf"]
            event["properties"][side]["anyOf"] = [integer, {"type": "string", "pattern": IN_64_BITS}]
    if data.rating_scale is not None:
        rated = {"required": ["rating"], "properties": {"rating": {"type": "number"}}}
        withdrawn = {"required": ["withdrawn"], "properties": {"withdrawn": {"const": True}}}
        event["anyOf"] = [rated, withdrawn]


def _rating(scale: RatingScale | None, *, may_lack: bool) -> dict[str, Any]:
    bounds = (
        {"exclusiveMinimum": 0, "maximum": LARGEST_COUNT}
        if scale is None
        else {"minimum": scale.low, "maximum": scale.high}
    )
    number = {"type": "number", **bounds}
    said = "a count, 1 if left out" if scale is None else "stars"
    return {"anyOf": [number, {"type": "null"}] if may_lack or scale is None else [number], "description": said}
