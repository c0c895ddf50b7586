"""How fluid the explorer's map of 60,000 items is in Chromium: frames while it moves, other colors, the start.

Frames are told for the whole map and for a part of it, at 1280 x 900 pixels; a screen that shows sixty a second
has one in each 16.7 ms. The places of t-SNE are waited for, and how long that takes is told too.

Run: python benchmarks/bench_map.py [--items 60000] [--seed 0] [--out FILE]
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from _browser import command, dragged, frames, made_up, opened, spread
from _run import processor_times, stolen_since, surroundings
from _server import served
from playwright.sync_api import Page

import tastemap

PACKAGES = ("tastemap", "numpy", "scikit-learn", "fastapi", "playwright")
LAID_OUT_MS = 550_000
VIEW = "document.querySelector('#stage').view"
ACTS = {
    "pan": f"(at) => {VIEW}.camera.pan(at % 40 < 20 ? 6 : -6, at % 20 < 10 ? 4 : -4)",
    "zoom": f"(at) => {VIEW}.camera.zoomBy(at % 40 < 20 ? 1.08 : 1 / 1.08)",
    "hover": f"(at) => {VIEW}.hover((at * 37) % {VIEW}.n)",
}
# What of a frame the script itself takes, with all points drawn anew.
DRAWN = f"""() => Array.from({{ length: 100 }}, () => {{
  const view = {VIEW}, start = performance.now();
  view.stale = true;
  view.draw();
  return performance.now() - start;
}})"""
# From another color chosen to the frame that shows it.
SHOWN = """async (values) => {
  const chosen = document.querySelector("#color"), times = [];
  for (const value of values) {
    const start = performance.now();
    chosen.value = value;
    chosen.dispatchEvent(new Event("change"));
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    times.push(performance.now() - start);
  }
  return times;
}"""


def of_frames(page: Page) -> dict[str, object]:
    """The whole map, then a part of it: moved by a script in each frame, and by the mouse."""
    figures: dict[str, object] = {}
    for seen, zoom in (("whole", 1), ("part", 8)):
        for what, act in ACTS.items():
            page.evaluate(f"{VIEW}.camera.center(0.5, 0.5, {zoom})")
            figures[f"{seen}_{what}_frame_ms"] = frames(page, act)
        page.evaluate(f"{VIEW}.camera.center(0.5, 0.5, {zoom})")
        figures[f"{seen}_draw_ms"] = spread(page.evaluate(DRAWN))
        figures[f"{seen}_mouse_pan_frame_ms"] = dragged(page, page.locator("#stage canvas[tabindex]"))
    page.evaluate(f"{VIEW}.camera.reset()")
    return figures


def measure_page(page: Page, address: str) -> dict[str, object]:
    """Open the map and use it."""
    start = time.perf_counter()
    page.goto(address)
    page.locator("#stage:not([aria-busy])").wait_for(timeout=60_000)
    shown_s = time.perf_counter() - start
    laid_out = page.locator("#layout option[value=tsne]:not([disabled])")
    laid_out.wait_for(state="attached", timeout=LAID_OUT_MS)
    laid_out_s = time.perf_counter() - start
    page.wait_for_timeout(2000)  # points are on their way to their new places
    busy = processor_times()
    figures = of_frames(page)
    page.locator("#layout").select_option("pca")
    figures["other_layout_frame_ms"] = frames(page, "() => {}", 40)
    modes = page.locator("#color option").evaluate_all("(all) => all.map((one) => one.value)")
    figures["other_color_ms"] = spread(page.evaluate(SHOWN, modes * 3))
    return {
        "shown_s": round(shown_s, 2),
        "tsne_s": round(laid_out_s, 1),
        **figures,
        "stolen": stolen_since(busy),
    }


def measure(n_items: int, seed: int) -> dict[str, Any]:
    """Fit, serve, open the map, say what it took."""
    with tempfile.TemporaryDirectory() as folder:
        artifact = Path(folder) / "model"
        tastemap.save(tastemap.fit(made_up(n_items, seed), "als", rng=seed), artifact)
        busy = os.getloadavg()[0]
        os.environ["XDG_CACHE_HOME"] = folder  # where an earlier run's places would be found
        with served(artifact) as server, opened() as (page, browser):
            server.wait_for_charts()
            figures = measure_page(page, server.url("/map"))
        return {
            "benchmark": "the explorer's map in headless Chromium, without a graphics processor",
            "n_items": n_items,
            "seed": seed,
            **figures,
            **surroundings(PACKAGES, busy),
            "browser": browser,
        }


if __name__ == "__main__":
    command(__doc__, measure, n_items=60_000, record="map.json")
