"""The service in a process of its own, as people start it and ask it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def started(folder: Path, logs: Path, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    """`tastemap serve` on a free port: its process and its URL, once it is ready."""
    command = [str(Path(sys.executable).with_name("tastemap")), "serve", str(folder), "--port", "0", "--json"]
    with (logs / "serve.log").open("w") as log:
        process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())["url"]


@contextmanager
def running(model: Path, folder: Path, *arguments: str) -> Iterator[str]:
    """`tastemap serve` over a copy of a model in `folder`, ended in good order; its URL."""
    copy = folder / model.name
    if not copy.exists():
        shutil.copytree(model, copy)
    process, url = started(copy, folder, *arguments)
    try:
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def ask(url: str, body: object = None, *, method: str | None = None) -> Any:
    """The JSON of an answer, by POST where there is a body; raises for anything but success."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)
