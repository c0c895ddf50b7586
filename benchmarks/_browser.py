"""Pages in Debian's Chromium: a made-up catalog, and the time from one frame to the next."""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
from _run import RESULTS, keep
from playwright.sync_api import Locator, Page, sync_playwright

from tastemap.data import Catalog, Dataset, LoadReport, RatingScale, make_interactions
from tastemap.data.generate import generate

GENRES = ("Action", "Comedy", "Drama", "Horror", "Musical", "Romance", "Thriller", "War", "Western")
VIEWPORT: Any = {"width": 1280, "height": 900}

# `act(at)` changes something in each frame; what counts is the time from one to the next.
FRAMES = """async ([act, n]) => {
  const frame = () => new Promise(requestAnimationFrame);
  const times = [];
  let before = await frame();
  for (let at = 0; at < n; at++) {
    act(at);
    const now = await frame();
    times.push(now - before);
    before = now;
  }
  return times;
}"""
WATCH = """() => {
  window.times = [];
  let before = performance.now();
  const next = (now) => { window.times.push(now - before); before = now; requestAnimationFrame(next); };
  requestAnimationFrame(next);
}"""


def made_up(n_items: int, seed: int) -> Dataset:
    """Thirty ratings an item, with titles, years and two genres each."""
    rows = generate(30 * n_items, n_users=max(300, 3 * n_items // 10), n_items=n_items, rng=seed)
    interactions, _ = make_interactions(
        rows["user_id"].to_list(),
        rows["item_id"].to_list(),
        rows["rating"].to_numpy(),
        timestamps=rows["timestamp"].to_numpy(),
        rating_scale=RatingScale(0.5, 5.0),
    )
    items = pl.DataFrame(
        {
            "item_id": range(1, n_items + 1),
            "title": [f"Made-up film number {item} ({1930 + item % 90})" for item in range(1, n_items + 1)],
            "year": [1930 + item % 90 for item in range(1, n_items + 1)],
            "genres": [[GENRES[item % 9], GENRES[item // 9 % 9]] for item in range(n_items)],
        }
    )
    n = len(interactions)
    return Dataset("made up", interactions, Catalog(items), None, LoadReport(n, n))


@contextlib.contextmanager
def opened() -> Iterator[tuple[Page, str]]:
    """An empty page of a browser without a graphics processor, and the name of the browser."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is not installed. Run: apt-get install chromium fonts-dejavu-core")
    said = subprocess.run([chromium, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser.new_page(viewport=VIEWPORT), said
        browser.close()


def frames(page: Page, act: str, n: int = 200) -> dict[str, float]:
    """Milliseconds from frame to frame while `act`, JavaScript that gets their number, changes the page."""
    times: list[float] = page.evaluate(f"([n]) => ({FRAMES})([{act}, n])", [n])
    return spread(times)


def dragged(page: Page, canvas: Locator) -> dict[str, float]:
    """The same while a real pointer drags `canvas`."""
    page.evaluate(WATCH)
    box = canvas.bounding_box()
    if box is None:
        raise RuntimeError("The map is not to be seen.")
    x, y = box["x"] + 250, box["y"] + 200
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate("window.times.length = 0")
    for step in range(150):
        page.mouse.move(x + step, y + step // 2)
    times: list[float] = page.evaluate("window.times")
    page.mouse.up()
    return spread(times)


def spread(times: list[float]) -> dict[str, float]:
    """Median, 95 % and the longest."""
    ordered = sorted(times)
    return {
        "median": round(statistics.median(ordered), 1),
        "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 1),
        "longest": round(ordered[-1], 1),
    }


def command(
    description: str | None, measure: Callable[[int, int], dict[str, Any]], *, n_items: int, record: str
) -> None:
    """Parse, call `measure` with the number of items and the seed, keep and show the figures."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0] if description else None)
    parser.add_argument("--items", type=int, default=n_items)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS / record)
    given = parser.parse_args()
    figures = measure(given.items, given.seed)
    keep(given.out, figures)
    print(json.dumps(figures, indent=2))
