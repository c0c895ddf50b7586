"""The explorer's start, item and user pages, in a browser, on a service that is really served."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.explorer import EVIL, ODD_ID, Visit, barriers, visit


@pytest.mark.parametrize("path", ["/", "/item?id=7", "/user?id=3"])
def test_what_is_to_be_read_is_there_without_scripts(browser: Browser, films_url: str, path: str) -> None:
    with visit(browser, films_url) as with_scripts, visit(browser, films_url, scripts=False) as without:
        texts = [one.go(path).locator("main").inner_text() for one in (with_scripts, without)]
        assert texts[0] == texts[1]


def test_an_item_is_rated_and_a_list_answers_without_scripts(browser: Browser, films_url: str) -> None:
    with visit(browser, films_url, scripts=False) as visitor:
        page = visitor.go("/item?id=7")
        page.get_by_role("link", name="Add to For you").click()
        page.get_by_label("Film number 7").select_option("5")
        page.get_by_role("button", name="Show my list").click()
        expect(page.locator(".listed > li")).to_have_count(10)
        expect(page.locator(".listed .reasons").first).to_contain_text("Film number 7")
        expect(page.get_by_label("Film number 7")).to_have_value("5")
        expect(page.locator(".taste")).to_be_hidden()


def test_markup_in_a_title_is_shown_as_text_everywhere(visitor: Visit) -> None:
    page = visitor.go("/item?id=0")
    expect(page.locator("h1")).to_have_text(EVIL)
    assert page.title().startswith(EVIL)
    page.locator("#top-search").press_sequentially("onerror")
    expect(page.get_by_role("option")).to_contain_text(EVIL)
    page.locator("#add").click()
    expect(page.locator("#pending li a").first).to_have_text(EVIL)
    page.keyboard.press("5")
    expect(page.locator("#list .reason-text").nth(1)).to_contain_text(EVIL)
    assert page.locator("img").count() == 0
    assert page.title() != "broken"


def test_the_start_says_how_good_the_model_is_beside_the_baselines(visitor: Visit) -> None:
    page = visitor.go("/")
    expect(page.locator(".lede")).to_contain_text("80 users")
    rows = page.locator("section[aria-labelledby=how-good] tbody tr")
    expect(rows.filter(has_text="this model").locator("th")).to_contain_text("als")
    expect(rows.filter(has_text="baseline").first).to_be_visible()
    expect(page.locator(".verdict").first).to_contain_text("than those of the baseline bias")
    # A figure with its interval below it.
    expect(rows.first.locator("td").first).to_have_text(re.compile(r"^\d\.\d{3}\d\.\d{3}–\d\.\d{3}$"))
    expect(page.locator("section[aria-labelledby=weak]")).to_contain_text("weakest")


def test_the_start_says_so_where_no_evaluation_is_recorded(browser: Browser, bare_url: str) -> None:
    with visit(browser, bare_url) as visitor:
        page = visitor.go("/")
        expect(page.locator("section[aria-labelledby=how-good]")).to_contain_text(
            "tastemap evaluate model --test SOURCE --keep"
        )


def test_the_ways_in_lead_somewhere(visitor: Visit) -> None:
    page = visitor.go("/")
    for path in page.locator(".ways a, .begin a").evaluate_all(
        "all => all.map(one => one.getAttribute('href'))"
    ):
        assert page.request.get(visitor.base + path).ok, path


def test_search_is_a_combobox_for_the_keyboard(visitor: Visit) -> None:
    page = visitor.go("/")
    field = page.get_by_role("combobox", name="Find a film")
    field.focus()
    page.keyboard.insert_text("number 2")  # at once: no list of half the words comes in between
    expect(field).to_have_attribute("aria-expanded", "true")
    options = page.get_by_role("option")
    expect(options).to_have_count(8)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", options.nth(1).get_attribute("id") or "")
    page.keyboard.press("Escape")
    expect(field).to_have_attribute("aria-expanded", "false")
    expect(field).to_have_value("number 2")
    page.keyboard.press("ArrowDown")
    expect(options.first).to_be_visible()
    page.keyboard.press("ArrowDown")
    wanted = (options.first.text_content() or "").partition(")")[0]
    page.keyboard.press("Enter")
    page.wait_for_url("**/item?id=*")
    expect(page.locator("h1")).to_contain_text(wanted)


def test_enter_means_the_words_that_are_written_not_what_is_still_listed(visitor: Visit) -> None:
    page = visitor.go("/user?id=3")
    field = page.get_by_role("combobox", name="Find a film")
    field.press_sequentially("number 1")
    expect(page.get_by_role("option")).to_have_count(8)
    page.evaluate(
        """() => {
          const field = document.querySelector('#top-search');
          field.value += '7';
          field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
        }"""
    )
    expect(page.locator("h1")).to_have_text("Film number 17 (1957)")


def test_search_answers_the_mouse_and_says_when_nothing_is_found(visitor: Visit) -> None:
    page = visitor.go("/user?id=3")
    field = page.get_by_role("combobox", name="Find a film")
    field.fill("nowhere to be found")
    expect(page.locator(".combobox [role=status]")).to_have_text("No film found.")
    field.fill("number 17")
    page.get_by_role("option", name="Film number 17").click()
    expect(page.locator("h1")).to_have_text("Film number 17 (1957)")


def test_search_is_a_form_without_scripts(browser: Browser, films_url: str) -> None:
    with visit(browser, films_url, scripts=False) as visitor:
        page = visitor.go("/")
        page.locator("#home-search").fill("number 17")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("Film number 17 (1957)")


def test_an_item_tells_its_figures_its_raters_and_its_neighbors(visitor: Visit) -> None:
    page = visitor.go("/item?id=7")
    found = page.request.get(f"{visitor.base}/item.json?id=7").json()
    bars = page.locator(".histogram .count")
    expect(bars).to_have_text([str(bar["count"]) for bar in found["bars"]])
    assert sum(bar["count"] for bar in found["bars"]) == found["popularity"]
    expect(page.locator(".verdict")).to_have_text(found["said_of_bias"])
    expect(page.locator("table.fans").first).to_contain_text("lawyer")
    for place, near in enumerate(found["near"]["lists"]):
        side = page.locator("section[aria-labelledby=near] .columns > div").nth(place)
        told = [one["title"] for one in near["items"]]
        unsure = [one["title"] for one in near["items"] if one["common_users"] < found["near"]["enough"]]
        sure = [title for title in told if title not in unsure]
        expect(side.locator("tbody th")).to_have_text([*sure, *unsure])
        expect(side.locator(".unsure tbody th")).to_have_text(unsure)
    page.locator("section[aria-labelledby=near] tbody a").first.click()
    expect(page.locator("h1")).to_have_text(found["near"]["lists"][0]["items"][0]["title"])


def test_an_id_may_hold_any_character(browser: Browser, bare_url: str) -> None:
    with visit(browser, bare_url) as visitor:
        page = visitor.go("/")
        page.locator("#home-search").fill(ODD_ID)
        page.get_by_role("option").first.click()
        expect(page.locator(".eyebrow")).to_have_text(f"item {ODD_ID}", ignore_case=True)
        page.locator("#add").click()
        expect(page.locator("#pending li")).to_have_count(1)
        page.locator("#pending").get_by_role("button", name="Like").click()
        expect(page.locator("#list .reason-text").first).to_contain_text(ODD_ID)


def test_a_user_has_a_history_to_sort_and_a_list_with_reasons(visitor: Visit) -> None:
    page = visitor.go("/user?id=3")
    ratings = page.locator("section[aria-labelledby=history] tbody td:nth-child(2)")
    found = [float(text) for text in ratings.all_text_contents()]
    assert found == sorted(found, reverse=True)
    page.get_by_role("link", name="Film", exact=True).click()
    titles = page.locator("section[aria-labelledby=history] tbody th").all_text_contents()
    assert titles == sorted(titles, key=str.casefold)
    expect(page.locator("th[aria-sort]")).to_have_text(re.compile("Film"))
    expect(page.locator(".listed > li")).to_have_count(10)
    expect(page.locator(".listed > li").first.locator(".reasons li:has(a)")).to_have_count(3)
    page.get_by_label("Look at another user").fill("4")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("4")


def test_live_events_are_told_of_on_the_page_of_a_user(visitor: Visit) -> None:
    event = {"user_id": 990001, "item_id": 7, "rating": 5.0}
    assert visitor.page.request.post(f"{visitor.base}/v1/events", data=event).status == 201
    page = visitor.go("/user?id=990001")
    expect(page.locator(".live")).to_contain_text("The model has not met this user")
    expect(page.locator(".tag")).to_have_text("live")


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/user?id=79000", 404, "No user has the id 79000"),
        ("/item?id=61000", 404, "has the id 61000: there are"),
        ("/item?q=Fillm+number+17", 404, "Did you mean Film number"),
        ("/item", 422, "must name an item"),
        ("/user", 422, "must name a user"),
        ("/nowhere", 404, "There is no page"),
    ],
)
def test_what_is_not_there_is_said_on_a_page(
    browser: Browser, films_url: str, path: str, status: int, said: str
) -> None:
    with visit(browser, films_url) as visitor:
        answer = visitor.page.goto(films_url + path)
        assert answer is not None
        assert answer.status == status
        expect(visitor.page.locator(".lede")).to_contain_text(said)
        assert barriers(visitor.page) == []
        visitor.said.clear()  # the browser itself names the status


def test_a_near_match_is_a_link(browser: Browser, films_url: str) -> None:
    with visit(browser, films_url) as visitor:
        page = visitor.go("/user?id=799")
        page.locator("main p a").first.click()
        expect(page.locator(".eyebrow")).to_have_text("User", ignore_case=True)
        visitor.said.clear()


@pytest.mark.parametrize("path", ["/home.json", "/for-you.json", "/item.json?id=7", "/user.json?id=3"])
def test_every_page_has_a_twin_and_names_it(visitor: Visit, path: str) -> None:
    answer = visitor.page.request.get(visitor.base + path)
    assert answer.ok
    assert answer.headers["content-type"] == "application/json"
    page = visitor.go("/" if path == "/home.json" else path.replace(".json", ""))
    expect(page.get_by_role("link", name="This page as JSON")).to_have_attribute("href", path)


def test_the_page_of_an_unknown_user_offers_to_look_for_another_one(visitor: Visit) -> None:
    page = visitor.page
    page.goto(f"{visitor.base}/user?id=79000")
    visitor.said.clear()  # the browser itself names the status
    expect(page.locator("main")).not_to_contain_text("look for a film")
    page.get_by_label("Look at another user").fill("4")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("4")


def test_errors_of_a_twin_are_json(visitor: Visit) -> None:
    answer = visitor.page.request.get(f"{visitor.base}/item.json?id=61000")
    assert answer.status == 404
    assert answer.json()["error"]["code"] == "unknown_item"


def test_the_first_stop_of_the_keyboard_leads_to_the_content(visitor: Visit) -> None:
    page = visitor.go("/item?id=7")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
