"""Write docs/scaling.md from what was measured: how cost grows, where one machine ends, what a large one needs.

Every figure that is not measured is computed here from measured ones, with its assumptions printed.

Run: python scripts/write_scaling.py, after benchmarks/bench_growth.py, bench_large.py and bench_query.py
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from write_benchmarks import of_growth, source, table

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "scaling.md"

FLOAT = 4
ROW_BYTES = 20
"""Of an interaction in an artifact: two indices, a value and a time."""
EPOCHS = 10
QUICK_MS = 50.0
"""A list that takes longer is felt by whoever waits for a page."""

INTRO = """# How cost grows

`scripts/write_scaling.py` writes this page from records in `benchmarks/results/`. Made-up ratings in the
proportions of MovieLens 25M, on a small machine; times are those of two threads. What is computed and not
measured says so.
"""


def record(stem: str) -> dict[str, Any]:
    """What a benchmark has kept."""
    path = RESULTS / f"{stem}.json"
    if not path.exists():
        raise SystemExit(f"There is no record {path.name} yet; run benchmarks/bench_{stem}.py first.")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def growth_section(growth: dict[str, Any]) -> list[str]:
    """Against ratings, users, items and d."""
    lines = ["## Ratings, users, items, factors", "", *source("growth", growth)]
    return [*lines, "Peak memory is that of the whole process, in memory.", "", *of_growth(growth)]


def of_large(large: dict[str, Any]) -> list[str]:
    """A file that does not fit the memory that is allowed."""
    whole, disk = large["in memory"], large["on disk"]
    rows = [
        ("in memory", whole["seconds"], whole["peak_own_gb"], whole["peak_with_maps_gb"]),
        (
            f"`--max-memory {disk['max_memory']}`",
            disk["seconds"],
            disk["peak_own_gb"],
            disk["peak_with_maps_gb"],
        ),
    ]
    apart = disk["largest_difference"]
    said = (
        f"{whole['n_rows']:,} ratings, the whole command: read, fit `ials` with d=64 for five iterations, "
        "save. The factors of the two "
        f"{f'differ by at most {apart:.1g} of the largest one' if apart else 'are equal'}."
    )
    lines = ["## More data than memory", "", *source("large", large), said, ""]
    lines += table(("run", "seconds", "peak GB, own", "peak GB with mapped files"), rows)
    killed = large.get("killed")
    if killed:
        same = "the same" if killed["same_bytes"] else "**other**"
        lines += [
            f"Killed {killed['kills']} times, once after each iteration that was kept, it went on each time "
            f"and ended with {same} bytes.",
            "",
        ]
    return lines


def of_query(query: dict[str, Any]) -> list[str]:
    """One list by the number of items, and where an index would begin to pay."""
    points = {name: entry for name, entry in query.items() if isinstance(entry, dict) and "median_ms" in entry}
    kinds = {name.split()[0] for name in points}
    rows = [
        (name.split()[0], one["items"], one["median_ms"], one["p99_ms"], one["exact"] == one["lists_checked"])
        for name, one in points.items()
    ]
    last = max((one for name, one in points.items() if name.startswith("random")), key=lambda one: one["items"])
    speed = last["bytes_read"] / last["median_ms"] / 1e6
    enough = QUICK_MS / last["median_ms"] * last["items"]
    assert kinds == {"random", "falling"}, "both kinds of factors are measured"
    return [
        "## Large catalogs",
        "",
        *source("query", query),
        "One list of ten, by one thread. *random*: all items about as long, so each is scored. *falling*: "
        "lengths fall with popularity, as those of a fitted `ials` do, and a list ends when no item left "
        "could enter it.",
        "",
        *table(("factors", "items", "median ms", "p99 ms", "exact"), rows),
        f"Where every item must be scored, {last['items']:,} items with d={last['factors']} are read at "
        f"{speed:.1f} GB/s, and a list passes {QUICK_MS:g} ms at about {enough / 1e6:.1f} million items "
        "(computed). **From there an approximate index would pay** for models whose items are about equally "
        "long, or have biases; fitted `ials` factors are exact and quick far beyond. An index would plug into "
        "the waist where the exact order by reach does today: a user state answers `by_reach()` with items in "
        "an order and a ceiling for what is left (`models/reach.py`, `inference/lists.py`); one over cells of "
        "similar items gives the cells in the order of their ceilings. With true ceilings lists stay exact; "
        "cutting off after some cells makes them approximate, and nothing downstream would change: the "
        "candidates are scored by the same float64 kernel. There is none today.",
        "",
    ]


@dataclass(frozen=True)
class Deployment:
    """A size to reckon for."""

    users: float
    items: float
    ratings_of_user: float
    factors: int
    lists_a_second: float

    @property
    def ratings(self) -> float:
        """All of them."""
        return self.users * self.ratings_of_user

    @property
    def factor_gb(self) -> tuple[float, float]:
        """Of users and of items."""
        return tuple(FLOAT * self.factors * n / 1e9 for n in (self.users, self.items))  # type: ignore[return-value]


LARGE = Deployment(users=100e6, items=10e6, ratings_of_user=100, factors=64, lists_a_second=10_000)


def of_one_machine(growth: dict[str, Any], machine_gb: float = 24.0) -> list[str]:
    """Where one machine ends."""
    points = growth["models"]["ials"]["points"]
    last, first = points[-1], points[0]
    by_row = (last["peak_gb"] - first["peak_gb"]) * 2**30 / (last["n_rows"] - first["n_rows"])
    most = machine_gb * 0.8 * 1e9 / by_row
    speed = last["millions_a_second"] * 1e6
    a_day = speed * 86_400 / EPOCHS
    return [
        "## Where one machine ends",
        "",
        f"In memory a rating with time costs {by_row:.0f} bytes at the peak (reading, `ials`, d=64, its share "
        f"of users and items included), so {machine_gb:g} GB hold about {most / 1e6:,.0f} million, with a "
        "fifth left to the system. With `--max-memory` the rows are on disk and only factors must be in "
        f"memory: three copies of users and items while `ials` is fitted, {3 * FLOAT * 64} bytes each, so "
        f"{machine_gb:g} GB hold some {machine_gb * 0.8e9 / (3 * FLOAT * 64) / 1e6:,.0f} million users and "
        f"items together. Then time is the end: at {last['millions_a_second']:g} million ratings a second and "
        f"iteration, {EPOCHS} iterations over {a_day / 1e9:,.0f} billion ratings take a day (computed; "
        "reading is not counted).",
        "",
    ]


def of_deployment(growth: dict[str, Any], query: dict[str, Any], size: Deployment) -> list[str]:
    """What a large deployment needs, from measured constants."""
    last = growth["models"]["ials"]["points"][-1]
    by_thread = last["millions_a_second"] * 1e6 / 2
    million = query["random 1000000"]
    users_gb, items_gb = size.factor_gb
    hours = EPOCHS * size.ratings / by_thread / 3600
    list_ms = million["median_ms"] * size.items / million["items"]
    threads = math.ceil(list_ms / 1000 * size.lists_a_second)
    rows: list[Sequence[object]] = [
        ("ratings", f"{size.ratings / 1e9:g} billion, {size.ratings_of_user:g} a user"),
        ("interactions in the artifact", f"{ROW_BYTES * size.ratings / 1e9:,.0f} GB"),
        ("factors of users", f"{users_gb:.1f} GB"),
        ("factors of items", f"{items_gb:.2f} GB, in the memory of each server"),
        ("one fit", f"{hours:,.0f} thread-hours: {hours / 128:.1f} h on 128 threads that scale"),
        ("one exact list, every item scored", f"{list_ms:,.0f} ms of one thread"),
        (f"{size.lists_a_second:,.0f} lists a second so", f"{threads:,} threads"),
    ]
    return [
        f"## {size.users / 1e6:g} million users, {size.items / 1e6:g} million items",
        "",
        "Computed from the tables above, not measured.",
        "",
        *table(("what", "how much"), rows),
        "Assumed: d=64 in float32; ten iterations; an iteration costs a rating as much as in the largest run "
        "above, on threads like those of that machine, which are two hyperthreads of one core; a cluster "
        "loses nothing to its network; items are about equally long, which fitted factors of `ials` are not "
        "(see *falling* above: they would need a small share of the threads). Fits go to the [Spark "
        "engine](spark.md); its driver holds the whole artifact, which is the first thing to change at that "
        "size: interactions would stay with Spark, and servers read users' histories from the database of "
        "events. At that size an index for items pays, unless items are of unequal length.",
        "",
    ]


def page() -> str:
    """The whole page."""
    growth, large, query = record("growth"), record("large"), record("query")
    lines = [INTRO, *growth_section(growth), *of_large(large), *of_query(query), *of_one_machine(growth)]
    return "\n".join([*lines, *of_deployment(growth, query, LARGE)]).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"Wrote {PAGE.relative_to(ROOT)}.")
