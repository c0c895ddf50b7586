"""The login of the explorer, in a browser: by keyboard, with a key, and out again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from tastemap.service.database import Store, default_url
from tastemap.training import fit
from tests.browser.explorer import Screen, Visit, barriers, films, is_too_wide, served, visit

WRONG = "tm_this-is-no-key"


@dataclass(frozen=True)
class Locked:
    """A service that asks for keys, and one of its keys."""

    url: str
    key: str


@pytest.fixture(scope="module")
def locked(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    """A service that had a key before it started."""
    folder = tmp_path_factory.mktemp("locked") / "model"
    with closing(Store.open(default_url(folder))) as store:
        key = store.add_key("desk", "client", time.time())
    recommender = fit(films(), "als", settings={"n_factors": 6, "n_epochs": 4}, rng=0)
    with served(recommender, folder) as url:
        yield Locked(url, key)


def log_in(page: Page, key: str) -> None:
    """Type a key into the field that is in focus, and press Enter."""
    expect(page.get_by_label("Key")).to_be_focused()
    page.keyboard.type(key)
    page.keyboard.press("Enter")


def refused(visitor: Visit, status: int) -> None:
    """The browser itself names the status of a refusal, and nothing else was complained of."""
    [said] = visitor.said
    assert str(status) in said
    visitor.said.clear()


def test_the_login_fits_its_screen_and_keeps_nobody_out(
    browser: Browser, locked: Locked, screen: Screen
) -> None:
    with visit(browser, locked.url, **screen) as visitor:
        page = visitor.go("/")
        expect(page).to_have_url(f"{locked.url}/login?next=/")
        expect(page.locator("h1")).to_have_text("Log in")
        assert not is_too_wide(page)
        assert barriers(page) == []
        log_in(page, WRONG)
        expect(page.get_by_role("alert")).to_contain_text("unknown or revoked")
        refused(visitor, 401)
        assert not is_too_wide(page)
        assert barriers(page) == []
        log_in(page, locked.key)
        expect(page.get_by_role("button", name="Log out")).to_be_visible()
        assert not is_too_wide(page)
        assert barriers(page) == []


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_key_opens_the_page_that_was_asked_for_and_logging_out_closes_it(
    browser: Browser, locked: Locked, scripts: bool
) -> None:
    with visit(browser, locked.url, scripts=scripts) as visitor:
        page = visitor.go("/item?id=7")
        expect(page).to_have_url(f"{locked.url}/login?next=/item%3Fid%3D7")
        log_in(page, locked.key)
        expect(page).to_have_url(f"{locked.url}/item?id=7")
        expect(page.locator("h1")).to_have_text("Film number 7 (1947)")
        page.get_by_role("button", name="Log out").focus()
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{locked.url}/login")
        visitor.go("/item?id=7")
        expect(page.locator("h1")).to_have_text("Log in")
        assert page.context.cookies() == []


def test_who_is_logged_in_rates_and_gets_a_list(browser: Browser, locked: Locked) -> None:
    with visit(browser, locked.url) as visitor:
        page = visitor.go("/for-you")
        log_in(page, locked.key)
        expect(page.locator("#list > li")).to_have_count(10)
        page.locator("#questions > li").first.get_by_role("button", name="5 of 5").click()
        expect(page.locator("#basis")).to_contain_text("by what you rated")


def test_a_login_leads_to_no_other_site(browser: Browser, locked: Locked) -> None:
    with visit(browser, locked.url) as visitor:
        page = visitor.go("/login?next=//elsewhere.example/")
        log_in(page, locked.key)
        expect(page).to_have_url(f"{locked.url}/")


def test_nobody_can_log_out_where_nobody_logs_in(visitor: Visit) -> None:
    page = visitor.go("/")
    expect(page.get_by_role("button", name="Log out")).to_have_count(0)
