"""100 million made-up ratings: fitted in memory, with less memory than the data take, and killed on the way.

Each is the command ``tastemap fit`` as a user types it: read, fit ``ials`` with d=64 for five iterations, save.
The first run has all the memory there is. The second has ``--max-memory``: its peak is that of anonymous and
shared memory, without mapped files, and its factors are held against those of the first. The third is killed by
signal 9 after each iteration that it has kept, and started again: its files must be those of the second.

Run: python benchmarks/bench_large.py [--data FILE.parquet] [--millions 100] [--max-memory 4GB] [--folder DIR]
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from _run import add_rows
from bench_growth import blueprint

from tastemap.artifacts import load
from tastemap.artifacts.checkpoints import FileCheckpoints
from tastemap.data.generate import write_generated

N_EPOCHS, N_FACTORS = 5, 64
LOOK_S = 0.02
WITHIN_S = 1.0
"""From an iteration that is kept to the kill: the next one has begun."""


@dataclass
class Peaks:
    """The most memory that a process held, in bytes: its own, and with the files that it maps."""

    own: int = 0
    resident: int = 0

    def look(self, process_id: int) -> None:
        """Read what the kernel says of the process."""
        try:
            lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            return
        found = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.startswith("Rss")}
        if found:
            own = found["RssAnon"] + found["RssShmem"]
            self.own, self.resident = max(self.own, own), max(self.resident, own + found["RssFile"])


@dataclass
class Run:
    """One command: its seconds, its peaks, and whether it was killed."""

    seconds: float = 0.0
    peaks: Peaks = field(default_factory=Peaks)
    said: str = ""
    killed: bool = False

    def row(self) -> dict[str, object]:
        """For the record."""
        return {
            "seconds": round(self.seconds, 1),
            "peak_own_gb": round(self.peaks.own / 1e9, 2),
            "peak_with_maps_gb": round(self.peaks.resident / 1e9, 2),
        }


def fit(data: Path, out: Path, max_memory: str | None, *, kill: bool = False) -> Run:
    """Run the command; kill it a moment after it has kept an iteration, if asked."""
    command = [str(Path(sys.executable).with_name("tastemap")), "fit", str(data), "--model", "ials"]
    for setting in (f"n_factors={N_FACTORS}", f"n_epochs={N_EPOCHS}", "validation_fraction=0"):
        command += ["--set", setting]
    command += ["-o", str(out)] + ([] if max_memory is None else ["--max-memory", max_memory])
    run, began, kept = Run(), time.perf_counter(), _kept_at(out)
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, text=True)
        while process.poll() is None:
            run.peaks.look(process.pid)
            time.sleep(LOOK_S)
            if kill and _kept_at(out) not in (None, kept):  # None: not yet, or saved and forgotten
                time.sleep(WITHIN_S)
                process.send_signal(signal.SIGKILL)
                run.killed = True
                process.wait()
        output.seek(0)
        run.said = output.read()
    run.seconds = time.perf_counter() - began
    if process.returncode and not run.killed:
        raise SystemExit(run.said)
    return run


def _kept_at(out: Path) -> int | None:
    """When the last iteration was kept; None if none is."""
    try:
        return FileCheckpoints(out).path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def killed_and_resumed(data: Path, out: Path, max_memory: str) -> dict[str, object]:
    """Kill the fit in every iteration in turn, each time from where the last one left it, until it ends."""
    kills, went_on = 0, []
    while True:
        run = fit(data, out, max_memory, kill=True)
        went_on += [line for line in run.said.splitlines() if "Going on after" in line]
        if not run.killed:
            return {"kills": kills, "went_on": went_on, "last_run_seconds": round(run.seconds, 1)}
        kills += 1
        print(f"killed {kills} times", flush=True)


def same_files(left: Path, right: Path) -> bool:
    """Whether two folders hold the same bytes."""
    ours, theirs = ({path.name: path for path in folder.iterdir()} for folder in (left, right))
    return ours.keys() == theirs.keys() and all(
        ours[name].stat().st_size == theirs[name].stat().st_size
        and subprocess.run(["cmp", "-s", str(ours[name]), str(theirs[name])], check=False).returncode == 0
        for name in ours
    )


def largest_difference(left: Path, right: Path) -> float:
    """Of the factors of two artifacts, as a share of the largest factor."""
    ours, theirs = (load(folder, verify=False).model for folder in (left, right))
    found = 0.0
    for side in ("user_factors", "item_factors"):
        one, other = getattr(ours, side), getattr(theirs, side)
        found = max(found, float(np.abs(one - other).max() / np.abs(one).max()))
    return found


def rows(given: argparse.Namespace, data: Path, folder: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """One row of the record after the other."""
    n_rows = round(given.millions * 1e6)
    whole, capped, killed = folder / "whole", folder / "capped", folder / "killed"
    if not whole.exists():
        yield "in memory", {"n_rows": n_rows, **fit(data, whole, None).row()}
    if not capped.exists():
        small = fit(data, capped, given.max_memory).row()
        difference = largest_difference(whole, capped)
        yield "on disk", {"max_memory": given.max_memory, **small, "largest_difference": difference}
    if not given.no_kills:
        found = killed_and_resumed(data, killed, given.max_memory)
        yield "killed", {**found, "same_bytes": same_files(capped, killed)}


def main() -> None:
    """Measure all three; the record is kept after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", type=float, default=100)
    parser.add_argument("--data", type=Path, help="a file of as many ratings made before")
    parser.add_argument("--max-memory", default="4GB")
    parser.add_argument(
        "--folder", type=Path, help="where artifacts are left; a run whose artifact is there is not made again"
    )
    parser.add_argument("--no-kills", action="store_true", help="leave out the third run")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "large.json")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = given.folder or Path(name)
        data = given.data or folder / "ratings.parquet"
        if given.data is None:
            write_generated(data, blueprint(given.millions), rng=0)
        versions = ("tastemap", "numpy", "polars", "numba")
        add_rows(given.out, "fits of a file larger than the memory", versions, rows(given, data, folder))


if __name__ == "__main__":
    main()
