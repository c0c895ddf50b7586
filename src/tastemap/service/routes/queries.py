"""Queries of the route that is asked most: read by their model alone, and described from it.

FastAPI reads the parameters of a route one by one, in three quarters of a millisecond for eleven: longer than
a list takes. Here a query is read as a whole, and the same query is not read again.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, TypeAdapter, ValidationError

from tastemap.service.answers.asked import TextId

QUERIES_KEPT = 1024
LONGEST_KEPT = 2_048
"""Longer queries, in bytes, are validated each time: what is kept must not grow with what is sent."""

_TEXT_ID: TypeAdapter[str] = TypeAdapter(TextId)

M = TypeVar("M", bound=BaseModel)


def query_of(request: Request, model: type[M]) -> M:
    """The query of a request as a model.

    Raises
    ------
    RequestValidationError
        If a field is unknown, outside its range, or given twice though it holds one value.
    """
    text: bytes = request.scope["query_string"]
    try:
        return _kept(text, model) if len(text) <= LONGEST_KEPT else _parsed(text, model)
    except ValidationError as error:
        raise _as_request_error(error, "query") from error


async def only_known(request: Request) -> None:
    """A dependency of routes whose parameters FastAPI reads: it passes over names that it does not know.

    Raises
    ------
    RequestValidationError
        If the query names something else than the parameters of the route.
    """
    # DELETE …/u1/history?limit=1 asks to erase a user "u1/history": that there is none is told.
    if not request.scope["query_string"] or request.method == "DELETE":
        return
    known = {field.alias for field in request.scope["route"].dependant.query_params}
    unknown = [name for name in request.query_params if name not in known]  # a name given twice is there once
    if unknown:
        raise RequestValidationError(
            [{"type": "extra_forbidden", "loc": ("query", name), "msg": ""} for name in unknown]
        )


def path_id(request: Request, name: str) -> str:
    """An id in the path.

    Raises
    ------
    RequestValidationError
        If it is none.
    """
    text: str = request.scope["path_params"][name]
    try:
        return _TEXT_ID.validate_python(text)
    except ValidationError as error:
        raise _as_request_error(error, "path", name) from error


def described(model: type[BaseModel], *path_names: str) -> dict[str, Any]:
    """The ``parameters`` of a route that reads its query by :func:`query_of`, for its OpenAPI entry."""
    fields = model.model_json_schema(mode="serialization")
    id_schema = _TEXT_ID.json_schema()
    in_path = [{"name": name, "in": "path", "required": True, "schema": id_schema} for name in path_names]
    in_query = []
    for name, schema in fields["properties"].items():
        told = {key: value for key, value in schema.items() if key not in ("title", "description")}
        in_query.append(
            {
                "name": name,
                "in": "query",
                "required": False,
                "schema": told,
                "description": schema.get("description", ""),
            }
        )
    return {"parameters": in_path + in_query}


def _as_request_error(error: ValidationError, *place: str) -> RequestValidationError:
    """What FastAPI raises where it reads the parameters itself."""
    return RequestValidationError(
        [{**one, "loc": (*place, *one["loc"])} for one in error.errors(include_context=False)]
    )


def _parsed(text: bytes, model: type[M]) -> M:
    lists = _list_fields(model)
    fields: dict[str, Any] = {}
    for name, value in parse_qsl(text.decode("latin-1"), keep_blank_values=True):
        if name in lists:
            fields.setdefault(name, []).append(value)
        elif name in fields:
            raise RequestValidationError(
                [{"type": "twice", "loc": ("query", name), "msg": "must be given once"}]
            )
        else:
            fields[name] = value
    return model.model_validate(fields)


_kept = lru_cache(maxsize=QUERIES_KEPT)(_parsed)


@lru_cache
def _list_fields(model: type[BaseModel]) -> frozenset[str]:
    """Fields that a query may name several times."""
    properties = model.model_json_schema()["properties"]
    return frozenset(name for name, schema in properties.items() if "array" in str(schema))
