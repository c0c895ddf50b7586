"""Pictures of the explorer for the docs: fit a model to ml-100k, serve it, and look at it with a browser.

Run: python scripts/write_screenshots.py [--out docs/images]
It needs Debian's Chromium and Playwright; the data is fetched as `tastemap fit ml-100k` fetches it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

import tastemap
from tastemap.evaluation import evaluate
from tastemap.training import with_evaluation

ROOT = Path(__file__).resolve().parents[1]
LARGEST = 300_000
"""Bytes of a picture: pages of the docs load quickly."""
SIZES = {"desktop": (1280, 860), "phone": (390, 780)}
RATED = (("Star Wars", 5), ("Fargo", 5), ("Pulp Fiction", 4), ("Liar Liar", 1))
SMALL: dict[str, object] = {"n_factors": 4}
DEFAULTS: dict[str, object] = {}
PATIENCE = 120_000
"""Milliseconds for what is worked out beside the requests: prices, charts, maps."""


def nothing(page: Page) -> None:
    """Show a page as it opens."""


def scroll_to(page: Page, place: str) -> None:
    """Have a part of a page at the top of the screen."""
    page.locator(place).evaluate("one => one.scrollIntoView()")


def at_rest(page: Page) -> None:
    """Nothing in focus, and the top of the page in sight."""
    page.evaluate("document.activeElement.blur()")
    page.evaluate("scrollTo(0, 0)")


def rate_some(page: Page) -> None:
    """Rate some films by the keyboard."""
    for title, stars in RATED:
        page.get_by_role("combobox").fill(title)
        page.get_by_role("option").first.click()
        page.keyboard.press(str(stars))
        page.locator("#list-side[aria-busy=false]").wait_for()
    at_rest(page)
    page.locator("#price", has_text="NDCG").wait_for(timeout=PATIENCE)


def think_one_away(page: Page) -> None:
    """Rate some films, then ask what the list would be without one of them."""
    rate_some(page)
    page.get_by_role("button", name="What if Fargo (1996) were not rated?").click()
    page.locator("#what-if").wait_for()
    page.locator("#list-side[aria-busy=false]").wait_for()
    at_rest(page)


def show_list(page: Page) -> None:
    """Rate some films, then look at the list, which a phone has further down."""
    rate_some(page)
    scroll_to(page, "#your-list")


def draw(page: Page) -> None:
    """Wait for the charts, which come by themselves."""
    expect(page.locator("[data-charts][aria-busy]")).to_have_count(0, timeout=PATIENCE)
    page.locator(".chart .vega-embed svg").first.wait_for(state="attached", timeout=PATIENCE)
    page.wait_for_load_state("networkidle")


def show_near(page: Page) -> None:
    """Look at the neighbors of an item, which stand below its figures."""
    scroll_to(page, "#near")


def show_ratings(page: Page) -> None:
    """Look at the ratings and at how they are spread, which stand below the figures of the data."""
    draw(page)
    scroll_to(page, "#when")


def show_curves(page: Page) -> None:
    """Look at the curves with their legend."""
    draw(page)
    scroll_to(page, "h1")


def show_versions(page: Page) -> None:
    """Look at the comparison with another version, which stands below the report."""
    draw(page)
    scroll_to(page, "#versions")


def lay_out(page: Page) -> None:
    """Wait for the map of neighborhoods."""
    expect(page.locator("#layout")).to_have_value("tsne", timeout=PATIENCE)
    page.locator("#in-view li").first.wait_for()


def select_one(page: Page) -> None:
    """Wait for the card of the film that the address names, and for its neighbors."""
    lay_out(page)
    page.locator("#stage .card ol li").first.wait_for()


@dataclass(frozen=True)
class Shot:
    """One picture: which page, on what screen, and what is done before."""

    name: str
    path: str
    size: str = "desktop"
    is_dark: bool = False
    before: Callable[[Page], None] = nothing


SHOTS = (
    Shot("explorer-home", "/"),
    Shot("explorer-for-you", "/for-you", before=rate_some),
    Shot("explorer-what-if", "/for-you", is_dark=True, before=think_one_away),
    Shot("explorer-for-you-phone", "/for-you", "phone", before=show_list),
    Shot("explorer-item", "/item?id=50"),
    Shot("explorer-item-near", "/item?id=50", before=show_near),
    Shot("explorer-item-phone", "/item?id=50", "phone", is_dark=True),
    Shot("explorer-user", "/user?id=196"),
    Shot("explorer-map", "/map", before=lay_out),
    Shot("explorer-map-phone", "/map#item=183", "phone", is_dark=True, before=select_one),
    Shot("explorer-data", "/data", before=show_ratings),
    Shot("explorer-training", "/training", before=show_curves),
    Shot("explorer-report", "/report", before=draw),
    Shot("explorer-report-versions", "/report?against=1", before=show_versions),
)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of `tastemap serve` over an artifact, for as long as it runs."""
    command = [sys.executable, "-m", "tastemap", "serve", str(folder), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None, "a pipe was asked for"
        try:
            text = ""
            while not text.rstrip().endswith("}"):
                line = process.stdout.readline()
                if not line:
                    raise SystemExit(f"tastemap serve ended with status {process.wait()}.")
                text += line
            yield str(json.loads(text)["url"])
        finally:
            process.terminate()


def save_versions(folder: Path) -> None:
    """A small model, and as its next version one of the defaults; each with its figures."""
    data = tastemap.load_data("ml-100k")
    for settings in (SMALL, DEFAULTS):
        record = evaluate(data, ["als"], settings={"als": settings}, rng=0)
        fitted = tastemap.fit(data, "als", settings=settings, rng=0)
        tastemap.save(with_evaluation(fitted, record.as_json()), folder)


def take(browser: Browser, base: str, shot: Shot, out: Path) -> None:
    """Write one picture."""
    width, height = SIZES[shot.size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if shot.is_dark else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(base + shot.path)
    page.wait_for_load_state("networkidle")
    shot.before(page)
    file = out / f"{shot.name}.png"
    page.screenshot(path=file)
    context.close()
    size = file.stat().st_size
    print(f"{os.path.relpath(file, ROOT)}  {size / 1000:.0f} kB")
    if size > LARGEST:
        raise SystemExit(f"{file.name} has {size:,} bytes, more than {LARGEST:,}: show less of the page.")


def main() -> None:
    """Fit, serve, look."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        save_versions(Path(folder) / "als")
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        with served(Path(folder) / "als") as base:
            for shot in SHOTS:
                take(browser, base, shot, out)
        browser.close()


if __name__ == "__main__":
    main()
