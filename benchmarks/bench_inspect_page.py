"""How fluid the map of an inspection page is in Chromium: frames while it moves, searches, the start.

Run: python benchmarks/bench_inspect_page.py [--items 10000] [--seed 0] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl
from playwright.sync_api import Page, sync_playwright

from tastemap.data import Catalog, Dataset, LoadReport, RatingScale, make_interactions
from tastemap.data.generate import generate
from tastemap.reports import inspect_models, write_inspection
from tastemap.training import fit

RESULTS = Path(__file__).parent / "results" / "inspect_page.json"
PACKAGES = ("tastemap", "numpy", "scikit-learn", "altair", "vl-convert-python", "playwright")
GENRES = ("Action", "Comedy", "Drama", "Horror", "Musical", "Romance", "Thriller", "War", "Western")
VIEWPORT = {"width": 1280, "height": 900}

# Each frame has something to draw; what counts is the time from one to the next.
FRAMES = """async ([what, n]) => {
  const plot = document.querySelector("#map .plot").plot;
  const frame = () => new Promise(requestAnimationFrame);
  const acts = {
    pan: (at) => plot.pan(at % 40 < 20 ? 6 : -6, at % 20 < 10 ? 4 : -4),
    zoom: (at) => plot.zoom(at % 40 < 20 ? 1.08 : 1 / 1.08),
    hover: (at) => plot.tell((at * 37) % plot.n),
  };
  const times = [];
  let before = await frame();
  for (let at = 0; at < n; at++) {
    acts[what](at);
    const now = await frame();
    times.push(now - before);
    before = now;
  }
  plot.reset();
  return times;
}"""
# Until the frame after the answer has been drawn.
SEARCHES = """async (texts) => {
  const box = document.querySelector("#map .plot input");
  const times = [];
  for (const text of texts) {
    const start = performance.now();
    box.value = text;
    box.dispatchEvent(new Event("input"));
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    times.push(performance.now() - start);
  }
  return times;
}"""


def made_up(n_items: int, seed: int) -> Dataset:
    """Thirty ratings an item, with titles and genres."""
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
            "genres": [[GENRES[item % 9], GENRES[item // 9 % 9]] for item in range(n_items)],
        }
    )
    n = len(interactions)
    return Dataset("made up", interactions, Catalog(items), None, LoadReport(n, n))


def measure_page(page: Page, address: str) -> dict[str, object]:
    """Open the page and use its map."""
    start = time.perf_counter()
    page.goto(address)
    page.locator("#map .plot").scroll_into_view_if_needed()
    page.locator("#map .plot canvas[tabindex]").wait_for()
    ready_s = time.perf_counter() - start
    page.wait_for_timeout(2000)  # so that the charts around it are drawn
    figures: dict[str, object] = {"ready_s": round(ready_s, 2)}
    for what in ("pan", "zoom", "hover"):
        times: list[float] = page.evaluate(FRAMES, [what, 200])
        figures[f"{what}_frame_ms"] = _spread(times)
    figures["mouse_pan_frame_ms"] = _spread(_by_mouse(page))
    texts = ["film", "film number 77", "1984", "made-up film number 1234", "nothing like it"] * 4
    figures["search_ms"] = _spread(page.evaluate(SEARCHES, texts))
    return figures


def _by_mouse(page: Page) -> list[float]:
    """Times of frames while a real pointer drags the map."""
    page.evaluate(
        "() => { window.times = []; let before = performance.now(); const next = (now) => {"
        " window.times.push(now - before); before = now; requestAnimationFrame(next); };"
        " requestAnimationFrame(next); }"
    )
    box = page.locator("#map .plot canvas[tabindex]").bounding_box()
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
    return times


def _spread(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "median": round(statistics.median(ordered), 1),
        "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 1),
        "longest": round(ordered[-1], 1),
    }


def measure(n_items: int, seed: int) -> dict[str, Any]:
    """Fit, write the page, open it, say what it took."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is not installed. Run: apt-get install chromium fonts-dejavu-core")
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        models = {"als": fit(made_up(n_items, seed), "als", rng=seed)}
        fitted = time.perf_counter()
        parts = inspect_models(models, rng=seed)
        inspected = time.perf_counter()
        path = write_inspection(models, parts, Path(folder) / "inside.html")
        written = time.perf_counter()
        busy = os.getloadavg()[0]  # well above 1, that of making the page: others used the cores too
        with sync_playwright() as play:
            browser = play.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-background-networking"]
            )
            figures = measure_page(browser.new_page(viewport=VIEWPORT), path.as_uri())  # type: ignore[arg-type]
            browser.close()
        said = subprocess.run([chromium, "--version"], capture_output=True, text=True, check=True).stdout
        return {
            "benchmark": "the map of an inspection page in headless Chromium, without a graphics processor",
            "n_items": n_items,
            "seed": seed,
            **figures,
            "page_mb": round(path.stat().st_size / 2**20, 1),
            "inspect_s": round(inspected - fitted, 1),
            "write_s": round(written - inspected, 1),
            "fit_s": round(fitted - start, 1),
            "load_average_before": round(busy, 1),
            "cores": len(os.sched_getaffinity(0)),
            "machine": f"{platform.system()} {platform.machine()}",
            "browser": said.strip(),
            "python": platform.python_version(),
            "versions": {package: version(package) for package in PACKAGES},
        }


def main() -> None:
    """Parse, measure, keep and show the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    figures = measure(given.items, given.seed)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
