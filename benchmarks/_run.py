"""Runs ours and theirs in processes of their own: JSON in, JSON out, wall seconds and peak memory beside it.

A script gets the path of a JSON file and prints one JSON line last. Ours and the peers use two threads.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PEERS = HERE / "peers"
RESULTS = HERE / "results"
THREADS = 2
MIB = 2**20
PEER_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "LK_NUM_THREADS": str(THREADS),
    "TQDM_DISABLE": "1",
}

# A small parent: the peak that the kernel keeps of a child begins with the memory of who started it.
WATCH = """
import json, resource, subprocess, sys
rc = subprocess.run(sys.argv[1:]).returncode
print("\\n" + json.dumps(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024))
sys.exit(rc)
"""


def options(description: str | None, results: str) -> argparse.ArgumentParser:
    """A parser with the options that every comparison has."""
    parser = argparse.ArgumentParser(description=description)
    default = os.environ.get("TASTEMAP_PEERS_PYTHON", str(PEERS / ".venv" / "bin" / "python"))
    parser.add_argument("--peers-python", type=Path, default=Path(default), help="made by `make peers`")
    parser.add_argument("--out", type=Path, default=RESULTS / results)
    return parser


def machine() -> dict[str, object]:
    """What the figures were measured on; the load is that before the run."""
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+) kB", Path("/proc/meminfo").read_text())
    return {
        "cpu": found[1] if found else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(int(memory[1]) / MIB) if memory else None,
        "load_before": round(os.getloadavg()[0], 1),
        "threads": THREADS,
        "python": platform.python_version(),
    }


def processor_times() -> tuple[int, int]:
    """Time of all processors since the start, and what of it the host gave to other machines, in ticks."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(ticks), ticks[7]


def stolen_since(before: tuple[int, int]) -> float:
    """The share of the processors that this machine was not given since :func:`processor_times` said `before`.

    The load does not show it: the other programs run on other machines of the same host.
    """
    total, stolen = processor_times()
    return round((stolen - before[1]) / max(total - before[0], 1), 3)


def our_versions(*names: str) -> dict[str, str]:
    """Of Tastemap and what it computes with."""
    return {name: version(name) for name in ("tastemap", "numpy", "numba", *names)}


def surroundings(packages: Sequence[str], load: float) -> dict[str, object]:
    """Where something was measured; `load` is that before the run."""
    return {
        "load_average_before": round(load, 1),
        "cores": len(os.sched_getaffinity(0)),
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {package: version(package) for package in packages},
    }


def add_rows(
    out: Path, kind: str, packages: Sequence[str], rows: Iterable[tuple[str, dict[str, object]]]
) -> None:
    """Measure rows one by one, show them and write each at once: a run that is cut keeps its rows.

    Rows of an earlier run stay where they are not measured anew. `kind` says what the record holds.
    """
    result: dict[str, object] = json.loads(out.read_text()) if out.exists() else {}
    result |= {"benchmark": kind, **surroundings(packages, os.getloadavg()[0])}
    for name, row in rows:
        result[name] = row
        print(name, json.dumps(row), flush=True)
        out.write_text(json.dumps(result, indent=2) + "\n")


def peer_versions(python: Path, *names: str) -> dict[str, str]:
    """Of packages in the peers' environment."""
    code = (
        "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
    )
    run = subprocess.run([str(python), "-c", code, *names], check=True, capture_output=True, text=True)
    answer: dict[str, str] = json.loads(run.stdout)
    return answer


def measured(command: list[str], **environment: str) -> tuple[str, float, int]:
    """What a command printed, its wall seconds and its peak memory in MiB; two threads."""
    given = {**os.environ, "TASTEMAP_THREADS": str(THREADS), "OMP_NUM_THREADS": str(THREADS), **environment}
    start = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-S", "-c", WATCH, *command], stdout=subprocess.PIPE, text=True, env=given, check=True
    )
    seconds = time.perf_counter() - start
    printed, peak = run.stdout.rstrip().rsplit("\n", 1)
    return printed, seconds, int(peak) // MIB


def run_script(python: Path | str, script: Path, spec: dict[str, object], **environment: str) -> dict[str, Any]:
    """The answer of a script to `spec`, with ``process_s`` and ``peak_mb`` of its process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.json"
        path.write_text(json.dumps({"threads": THREADS, **spec}))
        printed, seconds, peak = measured([str(python), str(script), str(path)], **environment)
    answer: dict[str, Any] = json.loads(printed.rstrip().splitlines()[-1])
    return {**answer, "process_s": round(seconds, 2), "peak_mb": peak}


def run_peer(python: Path, name: str, spec: dict[str, object]) -> dict[str, Any]:
    """A script of ``peers/``; implicit asks for one thread of OpenBLAS beside its own."""
    return run_script(python, PEERS / f"{name}.py", spec, **PEER_ENVIRONMENT)


def run_ours(spec: dict[str, object]) -> dict[str, Any]:
    """``_ours.py``, which answers as the peers do."""
    return run_script(sys.executable, HERE / "_ours.py", spec)


def reached_after(
    seconds: list[float], figures: list[float], target: float, *, falls: bool = False
) -> float | None:
    """Seconds of iterations until the figure reaches `target` (or falls to it); None if it never does."""
    passed = 0.0
    for one, figure in zip(seconds, figures, strict=True):
        passed += one
        if figure <= target if falls else figure >= target:
            return round(passed, 2)
    return None


def keep(path: Path, record: dict[str, Any]) -> None:
    """Write `record`; a run that is cut leaves the file of its last whole part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(record, indent=2) + "\n")
    fresh.replace(path)
