"""The OpenAPI description: which keys requests need, and what the served model says of ratings and ids."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from fastapi import FastAPI, Request
from starlette.routing import Match, compile_path

from tastemap.data.interactions import RatingScale
from tastemap.service.guard.scopes import needed_scope
from tastemap.service.live.serving import Serving
from tastemap.service.live.settling import LARGEST_COUNT, SMALLEST_COUNT

RATED = ("EventRequest", "Rated")
KEYS = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key, as `tastemap keys add` shows it."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key."},
}
"""Where a key may stand. What needs one of scope admin names that role."""
OF_PAGES = ("GET", "POST")
"""Methods of what is not described: pages and the login."""
IN_64_BITS = "^(0|-?[1-9][0-9]{0,18})$"


def describe(app: FastAPI) -> None:
    """Let an application describe itself for the model that it serves."""
    general = app.openapi

    def openapi() -> dict[str, Any]:
        described = deepcopy(general())  # FastAPI keeps it, and the next model may be of another kind
        state = app.state
        _describe_ratings(described["components"]["schemas"], state.service.serving)
        is_open = not state.settings.is_public and state.service.store.keys_at_hand() == {}
        _describe_keys(described, is_open=is_open)
        return described

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation extends it


def allowed_methods(app: FastAPI, request: Request) -> list[str]:
    """Methods that some route answers at the path of a request, sorted."""
    methods: set[str] = set()
    # Of several patterns that fit, the longest names the path best: an id may hold slashes.
    paths = (app.openapi_schema or app.openapi())["paths"]
    for pattern, operations in sorted(paths.items(), key=lambda entry: -len(entry[0])):
        regex, _, _ = compile_path(pattern.replace("}", ":id}"))
        if regex.match(request.url.path):
            methods = {method.upper() for method in operations}
            break
    methods = methods or {method for method in OF_PAGES if _answers(app, request, method)}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))  # the guards make GET of HEAD


def _answers(app: FastAPI, request: Request, method: str) -> bool:
    asked = {**request.scope, "method": method}
    return any(route.matches(asked)[0] is Match.FULL for route in app.router.routes)


def _describe_keys(described: dict[str, Any], *, is_open: bool) -> None:
    """Say of each operation whether it needs a key; where all is open, one may be sent and need not be."""
    described["components"]["securitySchemes"] = KEYS
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            scope = needed_scope(method.upper(), path)
            roles = ["admin"] if scope == "admin" else []
            needed = [{name: roles} for name in KEYS] + ([{}] if is_open else [])
            operation["security"] = [] if scope is None else needed


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
        {"minimum": SMALLEST_COUNT, "maximum": LARGEST_COUNT}
        if scale is None
        else {"minimum": scale.low, "maximum": scale.high}
    )
    number = {"type": "number", **bounds}
    said = "a count, 1 if left out" if scale is None else "stars"
    return {"anyOf": [number, {"type": "null"}] if may_lack or scale is None else [number], "description": said}
