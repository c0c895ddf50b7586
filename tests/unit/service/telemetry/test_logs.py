from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tastemap.service.telemetry.logs import JsonFormatter, TextFormatter, log_request, set_up_logging

NAMES = ("tastemap", "uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, levels = root.handlers[:], {name: logging.getLogger(name).level for name in (*NAMES, "root")}
    yield
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(None if name == "root" else name).setLevel(level)


def scope(key: str | None = None) -> dict[str, Any]:
    return {"method": "GET", "state": {"caller": SimpleNamespace(name=key)}}


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_a_request_is_one_line_of_names_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("text")
    log_request("order-7", scope("shop"), "/v1/users/{user_id}", 200, 0.00123456, 17)
    [line] = lines(capsys)
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO request id=order-7 ", line)
    assert line.endswith(" method=GET route=/v1/users/{user_id} status=200 duration_ms=1.235 bytes=17 key=shop")


def test_as_json_a_line_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("json")
    log_request("order-7", scope(), "/", 503, 2.0, 0)
    [line] = lines(capsys)
    found = json.loads(line)
    assert found.pop("time").endswith("Z")
    assert found == {
        "level": "info",
        "logger": "tastemap.access",
        "message": "request",
        "id": "order-7",
        "method": "GET",
        "route": "/",
        "status": 503,
        "duration_ms": 2000.0,
        "bytes": 0,
        "key": None,
    }


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_value_can_forge_a_line_or_a_field(form: Any, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(form)
    log_request('x" status=999', scope("a\nb status=1"), "/", 200, 0.1, 1)
    [line] = lines(capsys)
    assert line.count(" status=") - line.count('\\" status=') - line.count("\\nb status=") <= 1
    if form == "text":
        assert 'id="x\\" status=999"' in line
        assert 'key="a\\nb status=1"' in line


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_a_traceback_is_part_of_its_line(formatter: logging.Formatter) -> None:
    try:
        raise ZeroDivisionError("by nought")
    except ZeroDivisionError:
        record = logging.LogRecord("tastemap", logging.ERROR, "", 0, "it %s", ("failed",), sys.exc_info())
    text = formatter.format(record)
    assert "it failed" in text
    assert "ZeroDivisionError: by nought" in text


def test_what_libraries_chat_about_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("text")
    logging.getLogger("uvicorn.error").info("Started server process")
    logging.getLogger("some.library").info("chat")
    logging.getLogger("some.library").warning("trouble")
    assert [line.split(" ", 1)[1] for line in lines(capsys)] == ["WARNING trouble"]
