"""What holds for every page of the explorer, on a service that is really served."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.explorer import Screen, barriers, is_too_wide, visit

INSIDE = ["/data", "/training", "/report"]
PAGES = ["/", "/for-you", "/item?id=7", "/user?id=3", *INSIDE]
BARE_PAGES = ["/", "/for-you", "/item?id=thing-3", "/user?id=person-5", *INSIDE]

STOP = """() => {
  const stop = document.activeElement, style = getComputedStyle(stop), box = stop.getBoundingClientRect();
  return {
    place: [...document.querySelectorAll("*")].indexOf(stop),
    isMarked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
    isInSight: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    said: stop.outerHTML.slice(0, 80),
  };
}"""


def shown(page: Page, path: str) -> None:
    """Wait until a page has what its scripts bring."""
    expect(page.locator("h1")).to_be_visible()
    if path == "/for-you":
        expect(page.locator("#list > li")).to_have_count(10)
    if path in INSIDE:
        expect(page.locator(".soon")).to_have_count(0, timeout=60_000)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_fits_its_screen_and_keeps_nobody_out(
    browser: Browser, films_url: str, path: str, screen: Screen
) -> None:
    with visit(browser, films_url, **screen) as visitor:
        page = visitor.go(path)
        shown(page, path)
        if path in INSIDE:
            expect(page.locator(".chart .vega-embed svg").first).to_be_attached(timeout=60_000)
        assert not is_too_wide(page)
        assert barriers(page) == []


@pytest.mark.parametrize("path", BARE_PAGES)
def test_pages_do_without_titles_genres_stars_and_times(
    browser: Browser, bare_url: str, path: str, screen: Screen
) -> None:
    with visit(browser, bare_url, **screen) as visitor:
        page = visitor.go(path)
        shown(page, path)
        assert not is_too_wide(page)
        assert barriers(page) == []
        if path in INSIDE:
            expect(page.locator(".absent").first).to_be_visible()
        text = page.locator("main").inner_text()
        assert "None" not in text
        assert path in INSIDE or "stars" not in text.replace("predicts no stars", "")


@pytest.mark.parametrize("path", PAGES)
def test_the_keyboard_goes_down_the_page_and_is_seen_at_every_stop(
    browser: Browser, films_url: str, path: str
) -> None:
    with visit(browser, films_url) as visitor:
        page = visitor.go(path)
        shown(page, path)
        before = -1
        for _ in range(30):
            page.keyboard.press("Tab")
            stop = page.evaluate(STOP)
            if stop["said"].startswith("<body"):
                break
            assert stop["isMarked"], stop["said"]
            assert stop["isInSight"], stop["said"]
            assert stop["place"] > before, stop["said"]
            before = stop["place"]
        assert before > 0


@pytest.mark.parametrize("path", PAGES)
def test_numbers_are_rounded_wherever_they_are_read(browser: Browser, films_url: str, path: str) -> None:
    with visit(browser, films_url) as visitor:
        page = visitor.go(path)
        shown(page, path)
        long = page.locator("main").evaluate(
            r"""main => [main.innerText, ...[...main.querySelectorAll("[title], [aria-label], title")].map(
              (one) => one.localName === "title" ? one.textContent : `${one.title} ${one.ariaLabel}`,
            )].join(" ").match(/\d+\.\d{5,}/g) ?? []"""
        )
        assert long == []
