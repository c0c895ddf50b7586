"""The pages of data, training and report, on a service that is really served."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.explorer import EVIL, Visit, visit

PATHS = ["/data", "/training", "/report"]


def test_nobody_waits_for_charts_and_they_come_by_themselves(browser: Browser, bare_url: str) -> None:
    with visit(browser, bare_url) as visitor:
        answer = visitor.page.goto(bare_url + "/data")
        assert answer is not None
        expect(visitor.page.locator(".soon, .chart").first).to_be_visible()
        expect(visitor.page.locator(".chart .vega-embed svg").first).to_be_attached(timeout=60_000)
        expect(visitor.page.locator(".soon")).to_have_count(0)


@pytest.mark.parametrize("path", PATHS)
def test_charts_are_there_without_scripts(browser: Browser, films_url: str, path: str) -> None:
    with visit(browser, films_url, scripts=False) as visitor:
        page = visitor.go(path)
        expect(page.locator(".chart svg").first).to_be_visible(timeout=60_000)  # the page asks again by itself


def test_a_chosen_group_is_shown_over_all(visitor: Visit) -> None:
    page = visitor.go("/data")
    chart = page.locator(".chart").first
    expect(chart.locator(".vega-bind")).to_be_visible(timeout=60_000)
    bars = chart.locator("g.mark-rect path")
    before = bars.count()
    chart.get_by_label("Occupation").select_option("lawyer")
    expect(bars).not_to_have_count(before)


def test_markup_in_a_title_is_shown_as_text(visitor: Visit) -> None:
    page = visitor.go("/data")
    expect(page.get_by_role("link", name=EVIL).first).to_be_visible()
    visitor.go("/training")
    assert page.locator("main img[src=x]").count() == 0
    assert "broken" not in page.title()


def test_tables_stand_behind_the_charts(visitor: Visit) -> None:
    page = visitor.go("/training")
    details = page.locator("#curves ~ details")
    assert not details.locator("table").is_visible()
    details.locator("summary").click()
    expect(details.locator("tbody tr").first).to_be_visible()


def test_the_report_opens_with_a_verdict(visitor: Visit) -> None:
    page = visitor.go("/report")
    expect(page.locator(".lede").first).to_contain_text("RMSE")
    expect(page.locator("#slices-title")).to_be_visible()
    expect(page.locator("section[aria-labelledby=versions]")).to_contain_text("is the only one")


def test_a_model_that_nobody_has_measured_says_how_to_measure_it(browser: Browser, bare_url: str) -> None:
    with visit(browser, bare_url) as visitor:
        page = visitor.go("/report")
        expect(page.locator(".lede")).to_contain_text("carries no evaluation")
        expect(page.locator("pre").first).to_contain_text("tastemap evaluate DIR --test SOURCE --keep")
        expect(page.locator("pre").nth(1)).to_contain_text("tastemap evaluate bare --models ials")
