"""The service in a process of its own, as people start it and ask it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

STOPPED_S = 2
"""How long a worker may be stopped: after 5 s its parent takes it for dead."""


def until(holds: Callable[[], bool], within_s: float = 90) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def started(folder: Path, logs: Path, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    """`tastemap serve` on a free port: its process and its URL, once it is ready."""
    command = [str(Path(sys.executable).with_name("tastemap")), "serve", str(folder), "--port", "0", "--json"]
    with (logs / "serve.log").open("w") as log:
        process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())["url"]


@contextmanager
def serving_process(folder: Path, logs: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`tastemap serve`, ended in good order: its process and its URL."""
    process, url = started(folder, logs, *arguments)
    try:
        yield process, url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


@contextmanager
def running(model: Path, folder: Path, *arguments: str) -> Iterator[str]:
    """`tastemap serve` over a copy of a model in `folder`, ended in good order; its URL."""
    copy = folder / model.name
    if not copy.exists():
        shutil.copytree(model, copy)
    with serving_process(copy, folder, *arguments) as (_, url):
        yield url


def ask(url: str, body: object = None, *, method: str | None = None, timeout: float = 30) -> Any:
    """The JSON of an answer, by POST where there is a body; raises for anything but success."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return json.load(answer)


def workers_of(process: subprocess.Popen[str]) -> set[int]:
    """The processes that are workers of a service, those that are still starting too."""
    children = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(process.pid)], capture_output=True, text=True
    )
    return {int(line.split()[0]) for line in children.stdout.splitlines() if "spawn_main" in line}


def asked_alone(process: subprocess.Popen[str], worker: int, url: str) -> Any:
    """What one worker answers, while the others stand still; None where it does not take requests yet."""
    others = workers_of(process) - {worker}
    for other in others:
        os.kill(other, signal.SIGSTOP)
    try:
        return ask(url, timeout=STOPPED_S)
    except OSError:
        return None
    finally:
        for other in others:
            os.kill(other, signal.SIGCONT)


def kill(process: subprocess.Popen[str], worker: int) -> set[int]:
    """Kill a worker of a service; those that are left."""
    left = workers_of(process) - {worker}
    os.kill(worker, signal.SIGKILL)
    until(lambda: worker not in workers_of(process))
    return left


def until_replaced(process: subprocess.Popen[str], left: set[int], url: str) -> None:
    """Wait until there is another worker beside those that a kill left, and it answers by itself."""
    until(lambda: bool(workers_of(process) - left))
    [new] = workers_of(process) - left
    until(lambda: asked_alone(process, new, f"{url}/v1/model") is not None)
