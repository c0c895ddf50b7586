"""The service in a process of its own, as people start it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def running(model: Path, folder: Path, *arguments: str) -> Iterator[str]:
    """`tastemap serve` over a copy of a model in `folder`, on a free port; its URL."""
    copy = folder / model.name
    if not copy.exists():
        shutil.copytree(model, copy)
    command = [str(Path(sys.executable).with_name("tastemap")), "serve", str(copy), "--port", "0", "--json"]
    with (folder / "serve.log").open("w") as log:
        process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()
