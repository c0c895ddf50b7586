"""For you in a browser: rating by mouse and by keyboard, and a list that answers."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser.explorer import Screen, Visit, barriers, visit

LISTS = "**/v1/recommendations"


@pytest.fixture
def page(visitor: Visit) -> Page:
    """For you with nothing rated, its first list shown."""
    opened = visitor.go("/for-you")
    settled(opened)
    return opened


def settled(page: Page) -> None:
    """Wait until the list is the answer to what is rated."""
    expect(page.locator("#list-side")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#list > li")).not_to_have_count(0)


def titles(page: Page) -> list[str]:
    """The titles of the list."""
    return page.locator("#list .listed-title > a").all_text_contents()


def question(page: Page, place: int = 0) -> Locator:
    """A row of the films to begin with that is not answered."""
    return page.locator("#questions > li:not(.done)").nth(place)


def asked(page: Page) -> list[str]:
    """The titles of the films to begin with, answered or not."""
    return page.locator("#questions > li > a").all_text_contents()


def rate(page: Page, stars: int, place: int = 0) -> str:
    """Rate one of the films to begin with, by the mouse; its title."""
    row = question(page, place)
    title = row.locator("a").text_content() or ""
    row.get_by_role("button", name=f"{stars} of 5").click()
    expect(page.locator("#ratings")).to_contain_text(title)
    settled(page)
    return title


def kept(page: Page) -> list[dict[str, Any]]:
    """What the browser keeps."""
    text = page.evaluate("localStorage.getItem('tastemap.ratings')")
    found: list[dict[str, Any]] = json.loads(text or "[]")
    return found


def test_without_ratings_the_list_is_what_most_people_know(page: Page) -> None:
    expect(page.locator("#basis")).to_contain_text("what most people know")
    expect(page.locator("#none-yet")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    expect(page.get_by_role("button", name="Clear all")).to_be_disabled()
    counts = [int(re.sub(r"\D", "", text)) for text in page.locator(".known-by").all_text_contents()]
    assert counts == sorted(counts, reverse=True)


def test_a_rating_by_the_mouse_changes_the_list_and_gives_a_reason(page: Page, visitor: Visit) -> None:
    title = rate(page, 5)
    expect(page.locator("#basis")).to_contain_text("by what you rated")
    reason = page.locator("#list .reasons li:has(a)").first
    expect(reason).to_contain_text(title)
    expect(reason.locator("svg rect")).to_have_count(1)
    expect(page.locator("#list .stars").first).to_contain_text(re.compile(r"\d\.\d"))
    expect(page.locator("#said")).to_contain_text("first")
    # The same list and reasons as the service gives for this history.
    body = {"history": [{"item_id": kept(page)[0]["id"], "rating": 5.0}], "k": 10, "reasons": 3}
    answer = page.request.post(f"{visitor.base}/v1/recommendations", data=body).json()
    assert titles(page) == [item["title"] for item in answer["items"]]


def test_what_an_item_begins_with_its_reasons_and_the_rest_add_up_to_its_stars(page: Page) -> None:
    for stars in (5, 1, 4, 2, 5):
        rate(page, stars)
    expect(page.locator("#list .reasons .start").first).to_contain_text("to begin with: ")
    for item in page.locator("#list > li").all():
        numbers = [figure(text) for text in item.locator(".reasons .number").all_text_contents()]
        shown = float((item.locator(".stars").text_content() or "").removeprefix("predicted rating "))
        assert len(numbers) >= 2
        assert abs(sum(numbers) - shown) < 0.05 + 0.005 * len(numbers) + 1e-9
        assert 0.0 not in numbers
        others = item.locator(".rest", has_text="other")
        n_told = item.locator(".reasons li:has(a)").count()
        if others.count():
            word = "rating" if n_told == 4 else "ratings"
            expect(others).to_contain_text(f"and {5 - n_told} other {word}")


def figure(text: str) -> float:
    """A number as the page writes it."""
    return float(text.replace("−", "-"))


def test_everything_can_be_rated_by_the_keyboard(page: Page) -> None:
    search = page.get_by_role("combobox", name="Find a film you know")
    search.focus()
    page.keyboard.type("number 17")
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("Enter")
    row = page.locator("#pending > li").first
    expect(row).to_contain_text("Film number 17")
    expect(row.get_by_role("button", name="1 of 5")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(row.get_by_role("button", name="3 of 5")).to_be_focused()
    assert kept(page) == []  # moving is not rating
    page.keyboard.press("Enter")
    expect(search).to_be_focused()  # for the next film
    row = page.locator("#ratings > li").first
    expect(row.get_by_role("button", name="3 of 5")).to_have_attribute("aria-pressed", "true")
    row.get_by_role("button", name="3 of 5").focus()
    page.keyboard.press("5")
    expect(row.get_by_role("button", name="5 of 5")).to_be_focused()
    expect(row.get_by_role("button", name="5 of 5")).to_have_attribute("aria-pressed", "true")
    settled(page)
    expect(page.locator("#list .reasons li:has(a)").first).to_contain_text("Film number 17 (1957)\u00a05")


def test_a_digit_that_rates_is_not_typed_into_the_search(page: Page) -> None:
    search = page.get_by_role("combobox", name="Find a film you know")
    search.fill("number 17")
    page.get_by_role("option").first.click()
    page.keyboard.press("4")
    expect(search).to_be_focused()
    expect(search).to_have_value("")
    assert [one["share"] for one in kept(page)] == [0.75]


def test_the_keyboard_goes_on_to_the_next_question(page: Page) -> None:
    first, *others = asked(page)
    question(page).get_by_role("button", name="1 of 5").focus()
    page.keyboard.press("4")
    expect(question(page).locator("a")).not_to_have_text(first)
    expect(question(page).get_by_role("button", name="1 of 5")).to_be_focused()
    second = asked(page)[0]
    question(page).get_by_role("button", name="Skip").focus()
    page.keyboard.press("Enter")
    expect(question(page).locator("a")).not_to_have_text(second)
    assert asked(page)[1:] == others
    assert len(kept(page)) == 1


def test_a_film_rated_by_the_mouse_stays_in_its_place_until_the_pointer_leaves(page: Page) -> None:
    before = asked(page)
    question(page, 1).get_by_role("button", name="4 of 5").dblclick()
    done = page.locator("#questions > li.done")
    expect(done).to_contain_text("rated 4")
    assert asked(page) == before
    assert [one["title"] for one in kept(page)] == [before[1]]  # the second press rates nothing
    # Another row is used: the first one gives its place to the next film, and nothing else moves.
    question(page, 1).get_by_role("button", name="2 of 5").click()
    expect(done).to_contain_text("rated 2")
    assert [asked(page)[place] for place in (0, 2, 3, 4)] == [before[place] for place in (0, 2, 3, 4)]
    assert asked(page)[1] not in before
    page.mouse.move(5, 5)
    expect(done).to_have_count(0)
    assert len(kept(page)) == 2
    settled(page)


def test_a_film_rated_by_the_mouse_can_be_undone_where_it_stands(page: Page) -> None:
    before = asked(page)
    question(page).get_by_role("button", name="5 of 5").click()
    page.get_by_role("button", name=f"Undo the rating of {before[0]}").click()
    expect(page.locator("#questions > li.done")).to_have_count(0)
    assert asked(page) == before
    assert kept(page) == []
    settled(page)


def test_stars_are_filled_only_under_a_pointer_that_moved(page: Page) -> None:
    filled = "star => getComputedStyle(star, '::before').content === '\"★\"'"
    lower = question(page).locator(".star").nth(2)
    lower.hover()
    assert lower.evaluate(filled)
    page.evaluate("document.body.classList.add('still')")  # as after each rating
    assert not lower.evaluate(filled)
    page.mouse.move(5, 5)
    lower.hover()
    assert lower.evaluate(filled)


def test_ratings_stay_in_the_browser_and_nowhere_else(page: Page, visitor: Visit) -> None:
    title = rate(page, 4)
    before = titles(page)
    visitor.go("/for-you")
    settled(page)
    expect(page.locator("#ratings > li")).to_have_count(1)
    expect(page.locator("#ratings")).to_contain_text(title)
    assert titles(page) == before
    assert kept(page) == [{"id": kept(page)[0]["id"], "title": title, "share": 0.75}]
    assert page.context.cookies() == []


def test_undo_brings_back_a_removed_rating_and_all_cleared_ones(page: Page) -> None:
    rate(page, 5)
    rate(page, 1)
    before, rated = titles(page), kept(page)
    page.get_by_role("button", name=re.compile("^Remove the rating")).first.click()
    expect(page.locator("#ratings > li")).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#ratings > li")).to_have_count(2)
    page.get_by_role("button", name="Clear all").click()
    expect(page.locator("#none-yet")).to_be_visible()
    assert kept(page) == []
    page.keyboard.press("Enter")  # the focus is on Undo
    expect(page.locator("#ratings > li")).to_have_count(2)
    settled(page)
    assert kept(page) == rated
    assert titles(page) == before


def test_a_rating_can_be_thought_away(page: Page, visitor: Visit) -> None:
    for stars in (5, 1, 4):
        rate(page, stars)
    before = titles(page)
    gone = kept(page)[-1]
    page.get_by_role("button", name=f"What if {gone['title']} were not rated?").click()
    box = page.locator("#what-if")
    expect(box).to_contain_text(f"Without {gone['title']}")
    body = {
        "history": [{"item_id": one["id"], "rating": 1 + 4 * one["share"]} for one in kept(page)],
        "drop": [gone["id"]],
        "k": 10,
    }
    answer = page.request.post(f"{visitor.base}/v1/recommendations", data=body).json()
    after = [item["title"] for item in answer["items"]]
    assert titles(page) == after
    entering = page.locator("#list > li", has=page.locator(".moved.new")).locator(".listed-title > a")
    assert entering.all_text_contents() == [title for title in after if title not in before]
    leaving = [title for title in before if title not in after]
    assert box.locator(".note a").all_text_contents() == leaving
    page.get_by_role("button", name="Back to your list").click()
    expect(box).to_be_hidden()
    assert titles(page) == before
    assert len(kept(page)) == 3


def test_what_was_thought_away_can_be_removed_for_good(page: Page) -> None:
    rate(page, 5)
    rate(page, 1)
    page.locator(".without").first.focus()
    page.keyboard.press("Enter")
    without = page.locator("#what-if")
    expect(without).to_be_visible()
    settled(page)
    after = titles(page)
    without.get_by_role("button", name="Remove this rating").click()
    expect(without).to_be_hidden()
    settled(page)
    assert titles(page) == after
    assert len(kept(page)) == 1


def test_the_dial_of_diversity_changes_the_list_and_tells_its_price(page: Page) -> None:
    rate(page, 5)
    expect(page.locator("#basis")).to_have_text("The best first, by what you rated.")
    before = titles(page)
    dial = page.get_by_role("slider", name="Diversity")
    dial.focus()
    with page.expect_response(
        lambda answer: "recommendations" in answer.url and '"diversity":1' in (answer.request.post_data or "")
    ):
        page.keyboard.press("End")
    expect(page.locator("#diversity-value")).to_have_text("1.0")
    settled(page)
    assert titles(page) != before
    expect(page.locator("#basis")).to_have_text("Good ones that differ from each other, by what you rated.")
    expect(page.locator("#price")).to_contain_text("NDCG", timeout=60_000)
    expect(page.locator("#price")).to_contain_text("→")
    expect(page.locator("#price-said")).to_contain_text(
        re.compile("On average such a list is .* varied than one at 0")
    )
    expect(page.get_by_text("NDCG")).to_be_hidden()
    page.get_by_text("Figures").click()
    expect(page.get_by_text("NDCG")).to_be_visible()


def test_a_longer_list_begins_with_the_shorter_one(page: Page) -> None:
    rate(page, 5)
    before = titles(page)
    page.get_by_role("button", name="A longer list").click()
    expect(page.locator("#list > li")).to_have_count(20)
    assert titles(page)[:10] == before


def test_the_old_list_stays_while_a_new_one_is_on_its_way(page: Page) -> None:
    before = titles(page)
    held: list[Route] = []
    page.route(LISTS, lambda route: held.append(route))
    question(page).get_by_role("button", name="5 of 5").click()
    expect(page.locator("#list-side")).to_have_attribute("aria-busy", "true")
    assert titles(page) == before
    page.wait_for_timeout(50)
    held[0].continue_()
    settled(page)
    assert titles(page) != before


def test_the_answer_to_the_latest_question_counts(page: Page, visitor: Visit) -> None:
    held: list[Route] = []
    page.route(LISTS, lambda route: held.append(route))
    for _ in range(2):
        question(page).get_by_role("button", name="5 of 5").click()
    for _ in range(100):
        if len(held) == 2:
            break
        page.wait_for_timeout(20)
    history = [entry["item_id"] for entry in json.loads(held[1].request.post_data or "")["history"]]
    assert history == [one["id"] for one in kept(page)]
    held[1].continue_()
    settled(page)
    found = titles(page)
    # The earlier request was given up, so that its late answer cannot be shown.
    assert held[0].request.failure is not None or titles(page) == found
    assert titles(page) == found


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_and_the_ratings_are_kept(
    browser: Browser, films_url: str, status: int
) -> None:
    with visit(browser, films_url) as visitor:
        page = visitor.go("/for-you")
        settled(page)
        n_refused = 0

        def refuse_once(route: Route) -> None:
            nonlocal n_refused
            n_refused += 1
            if n_refused > 1:
                route.continue_()
                return
            error = {"error": {"code": "busy", "message": "Busy.", "details": {}}}
            route.fulfill(status=status, json=error, headers={"Retry-After": "1"})

        page.route(LISTS, refuse_once)
        question(page).get_by_role("button", name="5 of 5").click()
        expect(page.get_by_role("alert")).to_contain_text("The server is busy. Trying again soon.")
        assert len(kept(page)) == 1
        assert barriers(page) == []
        expect(page.get_by_role("alert")).to_be_hidden()
        settled(page)
        expect(page.locator("#basis")).to_contain_text("by what you rated")
        visitor.said.clear()  # the browser itself names the status


def test_a_failure_is_said_and_can_be_tried_again(browser: Browser, films_url: str) -> None:
    with visit(browser, films_url) as visitor:
        page = visitor.go("/for-you")
        settled(page)
        page.route(LISTS, lambda route: route.abort())
        question(page).get_by_role("button", name="5 of 5").click()
        expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
        page.unroute(LISTS)
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("alert")).to_be_hidden()
        settled(page)
        visitor.said.clear()


def test_where_stars_are_not_read_one_likes_or_not(browser: Browser, bare_url: str, width: int) -> None:
    with visit(browser, bare_url, width=width) as visitor:
        page = visitor.go("/for-you")
        settled(page)
        liked = question(page).locator("a").text_content() or ""
        question(page).get_by_role("button", name="Like", exact=True).click()
        settled(page)
        expect(page.locator("#list .reasons li:has(a)").first).to_contain_text(f"because you like {liked}")
        expect(page.locator("#list .stars")).to_have_count(0)
        first = page.locator("#list .listed-title > a").first.text_content() or ""
        # What is not for one is kept out of the list, and is no history.
        page.locator("#for-you-search").fill(first.removeprefix("item "))
        page.get_by_role("option").first.click()
        with page.expect_request(LISTS) as asked:
            page.locator("#pending").get_by_role("button", name="Not for me").click()
        body = json.loads(asked.value.post_data or "")
        assert len(body["history"]) == 1
        assert len(body["exclude"]) == 1
        settled(page)
        assert first not in titles(page)
        assert barriers(page) == []


def test_on_a_phone_a_line_leads_to_the_list(browser: Browser, films_url: str) -> None:
    with visit(browser, films_url, width=390) as visitor:
        page = visitor.go("/for-you")
        settled(page)
        link = page.locator("#to-list")
        expect(link).to_be_visible()
        expect(link).to_contain_text(titles(page)[0])
        link.click()
        expect(page.locator("#your-list")).to_be_in_viewport()
        expect(link).to_be_hidden()


def test_storage_that_holds_something_else_does_no_harm(browser: Browser, films_url: str) -> None:
    for content in ("no json", '{"a": 1}', '[1, {"id": 5, "share": 1}, {"id": "1", "share": 7}]'):
        with visit(browser, films_url) as visitor:
            page = visitor.go("/")
            page.evaluate("text => localStorage.setItem('tastemap.ratings', text)", content)
            visitor.go("/for-you")
            settled(page)
            expect(page.locator("#none-yet")).to_be_visible()


def test_an_item_is_added_from_its_page(visitor: Visit) -> None:
    page = visitor.go("/item?id=7")
    page.get_by_role("link", name="Add to For you").click()
    row = page.locator("#pending > li").first
    expect(row).to_contain_text("Film number 7")
    expect(row.get_by_role("button", name="1 of 5")).to_be_focused()
    page.keyboard.press("4")
    visitor.go("/item?id=7")
    expect(page.locator("#added")).to_have_text("It is among your ratings.")


def test_the_full_page_with_everything_open_keeps_nobody_out(
    browser: Browser, films_url: str, screen: Screen
) -> None:
    with visit(browser, films_url, **screen) as visitor:
        page = visitor.go("/for-you")
        settled(page)
        rate(page, 5)
        rate(page, 2)
        settled(page)
        page.locator(".without").first.click()
        expect(page.locator("#what-if")).to_be_visible()
        settled(page)
        page.locator("#for-you-search").fill("number 1")
        expect(page.get_by_role("option").first).to_be_visible()
        assert barriers(page) == []
