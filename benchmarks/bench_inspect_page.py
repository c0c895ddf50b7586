"""How fluid the map of an inspection page is in Chromium: frames while it moves, searches, the start.

Run: python benchmarks/bench_inspect_page.py [--items 10000] [--seed 0] [--out FILE]
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from _browser import command, dragged, frames, made_up, opened, spread
from _run import surroundings
from playwright.sync_api import Page

from tastemap.reports import inspect_models, write_inspection
from tastemap.training import fit

PACKAGES = ("tastemap", "numpy", "scikit-learn", "altair", "vl-convert-python", "playwright")
PLOT = "document.querySelector('#map .plot').plot"
ACTS = {
    "pan": f"(at) => {PLOT}.pan(at % 40 < 20 ? 6 : -6, at % 20 < 10 ? 4 : -4)",
    "zoom": f"(at) => {PLOT}.zoom(at % 40 < 20 ? 1.08 : 1 / 1.08)",
    "hover": f"(at) => {PLOT}.tell((at * 37) % {PLOT}.n)",
}
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


def measure_page(page: Page, address: str) -> dict[str, object]:
    """Open the page and use its map."""
    start = time.perf_counter()
    page.goto(address)
    page.locator("#map .plot").scroll_into_view_if_needed()
    page.locator("#map .plot canvas[tabindex]").wait_for()
    ready_s = time.perf_counter() - start
    page.wait_for_timeout(2000)  # so that the charts around it are drawn
    figures: dict[str, object] = {"ready_s": round(ready_s, 2)}
    for what, act in ACTS.items():
        figures[f"{what}_frame_ms"] = frames(page, act)
        page.evaluate(f"{PLOT}.reset()")
    figures["mouse_pan_frame_ms"] = dragged(page, page.locator("#map .plot canvas[tabindex]"))
    texts = ["film", "film number 77", "1984", "made-up film number 1234", "nothing like it"] * 4
    figures["search_ms"] = spread(page.evaluate(SEARCHES, texts))
    return figures


def measure(n_items: int, seed: int) -> dict[str, Any]:
    """Fit, write the page, open it, say what it took."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        models = {"als": fit(made_up(n_items, seed), "als", rng=seed)}
        fitted = time.perf_counter()
        parts = inspect_models(models, rng=seed)
        inspected = time.perf_counter()
        path = write_inspection(models, parts, Path(folder) / "inside.html")
        written = time.perf_counter()
        busy = os.getloadavg()[0]  # well above 1, that of making the page: others used the cores too
        with opened() as (page, browser):
            figures = measure_page(page, path.as_uri())
        return {
            "benchmark": "the map of an inspection page in headless Chromium, without a graphics processor",
            "n_items": n_items,
            "seed": seed,
            **figures,
            "page_mb": round(path.stat().st_size / 2**20, 1),
            "inspect_s": round(inspected - fitted, 1),
            "write_s": round(written - inspected, 1),
            "fit_s": round(fitted - start, 1),
            **surroundings(PACKAGES, busy),
            "browser": browser,
        }


if __name__ == "__main__":
    command(__doc__, measure, n_items=10_000, record="inspect_page.json")
