"""Log lines, as text or JSON: what happened, never a secret and never the id of a user or an item."""

from __future__ import annotations

import functools
import json
import logging
import re
import sys
import time
from typing import Literal

import orjson
from starlette.types import Scope

ACCESS = logging.getLogger("tastemap.access")
_PLAIN = re.compile(r"[!#-<>-\[\]-~]+")
"""Visible ASCII without quotes, equals signs and backslashes: needs no quotes in a log line."""
_QUIET = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")


def log_request(request_id: str, scope: Scope, route: str, status: int, seconds: float, size: int) -> None:
    """One line for an answered request.

    The route is a template and the query is left out: both may hold the id of a person. A status of 0 says that
    the client went away before there was an answer.
    """
    if not ACCESS.isEnabledFor(logging.INFO):
        return
    fields = {
        "id": request_id,
        "method": scope["method"],
        "route": route,
        "status": status,
        "duration_ms": round(1000 * seconds, 3),
        "bytes": size,
        "key": scope["state"]["caller"].name,
    }
    # Made by hand: `ACCESS.info` would walk the stack for the place of this line, half of its cost.
    record = logging.LogRecord(ACCESS.name, logging.INFO, "", 0, "request", None, None)
    record.fields = fields
    ACCESS.handle(record)


class TextFormatter(logging.Formatter):
    """``time level message key=value …``, one line but for tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        """A record as text."""
        fields = getattr(record, "fields", {})
        named = "".join(f" {name}={_shown(value)}" for name, value in fields.items())
        line = f"{_utc(record.created)} {record.levelname} {record.getMessage()}{named}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """A record as JSON."""
        line = {
            "time": _utc(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        } | getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def set_up_logging(form: Literal["text", "json"]) -> None:
    """Write the lines of the service, and the warnings of all libraries, to stderr in this form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    # What no line of ours tells is not looked up for each of them.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("tastemap").setLevel(logging.INFO)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _utc(seconds: float) -> str:
    whole = int(seconds)
    return f"{_of_second(whole)}.{int((seconds - whole) * 1000):03d}Z"


@functools.lru_cache(maxsize=2)
def _of_second(whole: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))


def _shown(value: object) -> str:
    if type(value) is int or type(value) is float:
        return str(value)
    if value is None:
        return "-"
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
