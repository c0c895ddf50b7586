"""The pages of data, training and report, on a service that is really served."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tastemap.artifacts import save
from tastemap.training import fit
from tests.browser.explorer import EVIL, Screen, Visit, barriers, films, is_too_wide, served, visit

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
        expect(page.locator("pre").first).to_contain_text("tastemap evaluate model --test SOURCE --keep")
        expect(page.locator("pre").nth(1)).to_contain_text("tastemap evaluate bare --models ials")


@pytest.fixture(scope="module")
def two_versions_url(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service over the second version of a model, whose items gain and lose places."""
    folder = tmp_path_factory.mktemp("versions") / "model"
    save(fit(films(), "als", settings={"n_factors": 2, "n_epochs": 2}, rng=0), folder)
    with served(fit(films(), "als", settings={"n_factors": 6, "n_epochs": 4}, rng=0), folder) as url:
        yield url


def test_a_version_is_held_against_another_one(browser: Browser, two_versions_url: str, screen: Screen) -> None:
    with visit(browser, two_versions_url, **screen) as visitor:
        page = visitor.go("/report")
        expect(page.get_by_label("Hold version 2 (B) against").locator("option")).to_have_text(
            ["version 1 (A)"]
        )
        page.get_by_role("button", name="Compare").click()
        assert page.url.endswith("/report?against=1")
        expect(page.locator("section[aria-labelledby=versions] .verdict p").first).not_to_be_empty()
        expect(page.locator("section[aria-labelledby=versions] .chart svg").first).to_be_visible(timeout=60_000)
        expect(page.locator(".soon")).to_have_count(0)
        assert barriers(page) == []
        assert not is_too_wide(page)


def test_a_comparison_that_is_drawn_already_fits_a_phone(browser: Browser, two_versions_url: str) -> None:
    with visit(browser, two_versions_url, width=390) as visitor:
        page = visitor.go("/report?against=1")
        drawn = page.locator("section[aria-labelledby=versions] .chart .vega-embed svg")
        expect(drawn.first).to_be_visible(timeout=60_000)
        page.reload()  # the charts are in the page from the start, though it has no evaluation
        expect(drawn.first).to_be_visible(timeout=60_000)
        assert page.locator("[data-charts=evaluation] .chart").count() == 0
        scale = "svg => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width"
        assert drawn.first.evaluate(scale) > 0.95  # letters keep their size
        for caption in page.locator(".scroll caption span").all():
            box = caption.bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= 390


def test_without_scripts_a_comparison_comes_too(browser: Browser, two_versions_url: str) -> None:
    with visit(browser, two_versions_url, scripts=False) as visitor:
        page = visitor.go("/report")
        page.get_by_role("button", name="Compare").click()
        charts = page.locator("section[aria-labelledby=versions] .chart svg")
        expect(charts.first).to_be_visible(timeout=60_000)  # the page asks again by itself
