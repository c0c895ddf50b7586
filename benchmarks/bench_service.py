"""The service under load: how soon it is ready, lists a second with and without reasons, memory of workers.

Lists come from a model of ml-100k, and from a generated model of a million users and 60,000 items with 64
factors. Meanwhile twenty events a second come in and the figures are asked for every five seconds. wrk, which
asks, takes its part of the machine. A worker sends a list again while nothing has changed that it says;
`made-anew` asks so that it never can.

Run: python benchmarks/bench_service.py [--seconds 60] [--part ready lists-als lists-ials events reload large]
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from _run import RESULTS, add_rows, our_versions
from _server import Server, load_of, served

import tastemap
from tastemap.data.generate import Blueprint, write_generated

FOLDER = Path("build/bench/service")
LARGE = Blueprint(n_users=1_000_000, n_items=60_000, n_rows=20_000_000)
EVENTS_A_SECOND = 20
SCRAPED_EVERY_S = 5
USERS = 5_000
QUERIES = {"plain": "k=10", "reasons": "k=10&reasons=3"}


def made(name: str, make: Callable[[], tastemap.Recommender]) -> Path:
    """A saved model, fitted at the first run."""
    folder = FOLDER / name
    if not (folder / "manifest.json").exists():
        tastemap.save(make(), folder)
    for leftover in FOLDER.glob(f"{name}.events.db*"):
        leftover.unlink()
    return folder


def small(model: str) -> Path:
    return made(model, lambda: tastemap.fit(tastemap.load_data("ml-100k"), model, rng=0))


def large() -> Path:
    settings = {"n_factors": 64, "n_epochs": 2}

    def fitted() -> tastemap.Recommender:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "large.parquet"
            write_generated(path, LARGE, rng=0)
            return tastemap.fit(tastemap.load_data(path), "ials", settings=settings, rng=0)

    return made("large", fitted)


def paths(n_users: int, query: str) -> list[str]:
    chosen = np.random.default_rng(0).integers(1, n_users + 1, USERS)
    return [f"/v1/users/{user}/recommendations?{query}" for user in chosen.tolist()]


def made_anew(paths: list[str]) -> list[str]:
    """The same questions by other words, asked in turns: more than the service keeps answers of."""
    return [f"{path}&level=0.{number}" for number, path in enumerate(paths * 4, start=10_000)]


@contextlib.contextmanager
def live(server: Server, n_users: int) -> Iterator[None]:
    """Ratings of random users, one after the other, and looks at the figures, until the block ends."""
    stop, rng = threading.Event(), np.random.default_rng(1)

    def scrape() -> None:
        while not stop.wait(SCRAPED_EVERY_S):
            server.read("/metrics")

    def post() -> None:
        while not stop.wait(1.0 / EVENTS_A_SECOND):
            user, item = int(rng.integers(1, n_users + 1)), int(rng.integers(1, 1_000))
            server.post("/v1/events", {"user_id": user, "item_id": item, "rating": float(rng.integers(1, 6))})

    threads = [threading.Thread(target=post), threading.Thread(target=scrape)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def ready(seconds: int) -> Iterator[tuple[str, dict[str, object]]]:
    folder = small("als")
    found = []
    for _ in range(3):
        with served(folder) as server:
            found.append(round(server.ready_s, 2))
    yield "ready", {"seconds_to_first_page": found}


def lists(model: str, seconds: int) -> Iterator[tuple[str, dict[str, object]]]:
    for name, query in QUERIES.items():
        with served(small(model)) as server, live(server, 943):
            server.wait_for_charts()
            asked = paths(943, query)
            load_of(server, asked, seconds=3)
            yield f"lists-{model}-{name}", load_of(server, asked, seconds=seconds)
            yield f"lists-{model}-{name}-made-anew", load_of(server, made_anew(asked), seconds=seconds)


def events(seconds: int) -> Iterator[tuple[str, dict[str, object]]]:
    """From a posted event to the changed list, and the solve alone, for every user of ml-100k."""
    for model in ("als", "ials"):
        with served(small(model)) as server:
            changed, waits = 0, []
            for user in range(1, 201):
                before = server.get(f"/v1/users/{user}/recommendations?k=10")
                top = before["items"][0]["item_id"]
                start = time.perf_counter()
                server.post("/v1/events", {"user_id": user, "item_id": top, "rating": 1.0})
                after = server.get(f"/v1/users/{user}/recommendations?k=10")
                waits.append(time.perf_counter() - start)
                changed += after["items"] != before["items"] and after["basis"] == "history"
        recommender = tastemap.load(small(model))
        rows, solver = recommender.train.interactions.by_user, recommender.model
        solves = []
        for user in range(rows.n_rows):
            history = rows.take(np.array([user]))
            start = time.perf_counter()
            solver.fold_in(history)
            solves.append(time.perf_counter() - start)
        yield (
            f"events-{model}",
            {
                "users": len(waits),
                "changed_at_the_next_request": changed,
                "post_and_list_p99_ms": round(float(np.quantile(waits, 0.99)) * 1e3, 2),
                "solve_p50_ms": round(float(np.quantile(solves, 0.5)) * 1e3, 3),
                "solve_p99_ms": round(float(np.quantile(solves, 0.99)) * 1e3, 3),
            },
        )


def reload(seconds: int) -> Iterator[tuple[str, dict[str, object]]]:
    with served(small("als"), "--workers", "2") as server:
        stop, n_reloads = threading.Event(), 0

        def again() -> None:
            nonlocal n_reloads
            while not stop.wait(0.5):
                server.post("/v1/model/reload", {})
                n_reloads += 1

        thread = threading.Thread(target=again)
        thread.start()
        found = load_of(server, paths(943, "k=10"), seconds=min(seconds, 20))
        stop.set()
        thread.join()
    yield "reload", {"reloads": n_reloads, **found}


def of_large(seconds: int) -> Iterator[tuple[str, dict[str, object]]]:
    """One worker and two after the same questions; then every list made anew."""
    folder, memory = large(), {}
    for workers in (1, 2):
        with served(folder, "--workers", str(workers)) as server, live(server, LARGE.n_users):
            server.wait_for_charts()
            for name, query in QUERIES.items():
                yield f"large-{workers}-{name}", load_of(server, paths(LARGE.n_users, query), seconds=seconds)
            memory[workers] = server.memory_mb()
            for name, query in QUERIES.items():
                asked = made_anew(paths(LARGE.n_users, query))
                yield f"large-{workers}-{name}-made-anew", load_of(server, asked, seconds=seconds)
            found = {"memory_mb": round(memory[workers]), "ready_s": round(server.ready_s, 1)}
            yield f"large-{workers}-memory", {**found, "memory_after_all_mb": round(server.memory_mb())}
    yield "large-memory", {"ratio": round(memory[2] / memory[1], 3)}


PARTS: dict[str, Callable[[int], Iterator[tuple[str, dict[str, object]]]]] = {
    "ready": ready,
    "lists-als": partial(lists, "als"),
    "lists-ials": partial(lists, "ials"),
    "events": events,
    "reload": reload,
    "large": of_large,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--out", type=Path, default=RESULTS / "service.json")
    given = parser.parse_args()
    rows = (row for part in given.part for row in PARTS[part](given.seconds))
    add_rows(given.out, "service", list(our_versions("fastapi", "uvicorn", "sqlalchemy")), rows)


if __name__ == "__main__":
    main()
