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

from playwright.sync_api import Browser, Page, sync_playwright

import tastemap
from tastemap.evaluation import evaluate
from tastemap.training import with_evaluation

ROOT = Path(__file__).resolve().parents[1]
LARGEST = 200_000
"""Bytes of a picture: pages of the docs load quickly."""
SIZES = {"desktop": (1280, 860), "phone": (390, 780)}
RATED = (("Star Wars", 5), ("Fargo", 5), ("Pulp Fiction", 4), ("Liar Liar", 1))


def nothing(page: Page) -> None:
    """Show a page as it opens."""


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
    page.locator("#price", has_text="NDCG").wait_for(timeout=120_000)


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
    page.locator("#your-list").evaluate("heading => heading.scrollIntoView()")


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
    Shot("explorer-item-phone", "/item?id=50", "phone", is_dark=True),
    Shot("explorer-user", "/user?id=196"),
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
    data = tastemap.load_data("ml-100k")
    record = evaluate(data, ["als"], rng=0)
    recommender = with_evaluation(tastemap.fit(data, "als", rng=0), record.as_json())
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        tastemap.save(recommender, Path(folder) / "als")
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        with served(Path(folder) / "als") as base:
            for shot in SHOTS:
                take(browser, base, shot, out)
        browser.close()


if __name__ == "__main__":
    main()
