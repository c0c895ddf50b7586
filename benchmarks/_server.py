"""A server of an artifact in a process of its own, and load on it by wrk (Debian's package of that name)."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _run import processor_times, stolen_since

READY_S = 120.0
DRAWN_S = 180.0
SCRIPT = """
local paths = {%s}
local turn = 0
request = function()
  turn = turn %% #paths + 1
  return wrk.format("GET", paths[turn])
end
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '{"requests": %%d, "seconds": %%.3f, "p50_ms": %%.3f, "p99_ms": %%.3f, "max_ms": %%.3f, "errors": %%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    latency.max / 1e3, e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]
    port: int
    ready_s: float

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def read(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url(path), timeout=30) as answer:
            found: bytes = answer.read()
            return found

    def get(self, path: str) -> Any:
        return json.loads(self.read(path))

    def post(self, path: str, body: object) -> Any:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url(path), json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def memory_mb(self) -> float:
        """Proportional memory of all its processes: shared pages count once in the sum."""
        return sum(_pss_kb(number) for number in _family(self.process.pid)) / 1024

    def wait_for_charts(self) -> None:
        """Until the process that draws them, once for each version, has ended."""
        end = time.monotonic() + DRAWN_S
        while any(_draws(number) for number in _family(self.process.pid)):
            if time.monotonic() > end:
                raise SystemExit("The charts were not drawn in time.")
            time.sleep(0.2)


@contextlib.contextmanager
def served(folder: Path, *arguments: str) -> Iterator[Server]:
    """`tastemap serve` until the block ends; ready once the first page has come whole."""
    port = _free_port()
    command = [
        str(Path(sys.executable).with_name("tastemap")), "serve", str(folder), "--port", str(port), *arguments
    ]  # fmt: skip
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield Server(process, port, _until_ready(process, port) - start)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def load_of(server: Server, paths: Sequence[str], *, seconds: int, clients: int = 16) -> dict[str, Any]:
    """Requests of `clients` clients that each wait for their answer: requests/s, latencies, errors.

    `stolen` is the share of the processors that the host of a virtual machine gave to others meanwhile.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("wrk is not installed. Run: apt-get install wrk")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "paths.lua"
        script.write_text(SCRIPT % ", ".join(json.dumps(path) for path in paths), encoding="utf-8")
        command = [wrk, "-t1", f"-c{clients}", f"-d{seconds}s", "-s", str(script), server.url("/")]
        before = processor_times()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        stolen = stolen_since(before)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"requests_per_s": round(found["requests"] / found["seconds"], 1), **found, "stolen": stolen}


def _until_ready(process: subprocess.Popen[bytes], port: int) -> float:
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(f"The server ended with status {process.returncode}.")
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as page:
                page.read()
            return time.perf_counter()
        time.sleep(0.02)
    raise SystemExit("The server did not get ready.")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _family(number: int) -> list[int]:
    children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
    return [number, *(one for child in children for one in _family(int(child)))]


def _draws(number: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return b"tastemap.service.pages.draw" in Path(f"/proc/{number}/cmdline").read_bytes()
    return False


def _pss_kb(number: int) -> int:
    lines = Path(f"/proc/{number}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
