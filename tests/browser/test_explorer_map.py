"""The map of the explorer, by mouse, keyboard, touch and address."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.explorer import EVIL, N_ITEMS, Screen, Visit, barriers, is_too_wide, visit


@pytest.fixture(autouse=True, scope="module")
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Maps are kept where no other run finds them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def opened(visitor: Visit, path: str = "/map") -> Page:
    """The map, drawn, with its items laid out by t-SNE."""
    page = visitor.go(path)
    expect(page.locator("#stage:not([aria-busy])")).to_be_visible()
    expect(page.locator("#layout")).to_have_value("tsne", timeout=60_000)
    expect(page.locator("#in-view li").first).to_be_visible()
    return page


def ask(page: Page, expression: str) -> Any:
    """What the script of the map knows; `view` is the picture."""
    return page.evaluate(
        f"() => {{ const view = document.querySelector('#stage').view; return {expression}; }}"
    )


def corner(page: Page) -> tuple[float, float]:
    """Where the picture begins on the screen."""
    box = page.locator("#stage canvas[tabindex]").bounding_box()
    assert box is not None
    return box["x"], box["y"]


def over(page: Page, item: int) -> tuple[float, float]:
    """Move the mouse onto an item; where that is."""
    left, top = corner(page)
    x, y = ask(page, f"view.pixelOf({item})")
    page.mouse.move(left + x, top + y)
    return left + x, top + y


def test_the_map_fits_its_screen_and_keeps_nobody_out(browser: Browser, films_url: str, screen: Screen) -> None:
    with visit(browser, films_url, **screen) as visitor:
        page = opened(visitor)
        assert not is_too_wide(page)
        assert barriers(page) == []
        assert ask(page, "view.paper") == ("#15171a" if screen["dark"] else "#fdfcfa")


def test_a_change_to_dark_is_followed(visitor: Visit) -> None:
    page = opened(visitor)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("() => document.querySelector('#stage').view.paper === '#15171a'")
    assert ask(page, "view.paper") == "#15171a"


def test_a_point_tells_its_title_and_a_click_selects_it(visitor: Visit) -> None:
    page = opened(visitor)
    x, y = over(page, 7)
    title = page.evaluate("fetch('/map.json').then(r => r.json()).then(d => d.items.title[7])")
    expect(page.locator("#stage .tip strong")).to_have_text(title)
    page.mouse.click(x, y)
    card = page.locator("#stage .card")
    expect(card.locator("h2 a")).to_have_text(title)
    expect(card.locator("ol li")).to_have_count(10)
    assert ask(page, "view.selected") == 7
    assert ask(page, "view.near.length") == 10
    assert "#item=" in page.url
    card.locator("h2 a").click()
    expect(page.locator("h1")).to_have_text(title)


def test_an_address_opens_an_item(visitor: Visit) -> None:
    page = opened(visitor, "/map#item=7")
    card = page.locator("#stage .card")
    expect(card.locator("h2")).to_have_text("Film number 7 (1947)")
    assert ask(page, "view.camera.zoom") == 4
    card.locator("ol button").first.click()
    expect(card.locator("h2")).not_to_have_text("Film number 7 (1947)")
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    assert ask(page, "view.selected") == -1
    assert "#" not in page.url


def test_neighbors_by_few_users_stand_apart_and_last(visitor: Visit) -> None:
    page = opened(visitor)
    items = page.evaluate("fetch('/map.json').then(r => r.json()).then(d => d.items.item_id)")
    answers = {item: page.evaluate(f"fetch('/map.json?item={item}').then(r => r.json())") for item in items}
    common = {item: [row["common_users"] for row in found["similar"]] for item, found in answers.items()}
    # A neighbor by few users before one by many: the card has to part them.
    mixed = next(item for item, users in common.items() if users and min(users) < 20 <= users[-1])
    visitor.go(f"/map#item={mixed}")
    page.reload()
    lists = page.locator("#stage .card ol")
    expect(lists).to_have_count(2)
    shown = [[int(text) for text in lists.nth(i).locator(".users").all_inner_texts()] for i in (0, 1)]
    assert shown[0] == [users for users in common[mixed] if users >= 20]
    assert shown[1] == [users for users in common[mixed] if users < 20]
    expect(page.locator("#stage .card h3").nth(1)).to_contain_text("fewer than 20 users in common")


def test_the_legend_of_genres_says_that_the_data_count_otherwise(visitor: Visit) -> None:
    page = opened(visitor)
    expect(page.locator("#legend")).to_contain_text("One color each")
    expect(page.locator("#legend a")).to_have_attribute("href", "/data#genres")
    page.locator("#color").select_option("popularity")
    expect(page.locator("#legend")).not_to_contain_text("One color each")


def test_an_address_of_no_item_is_told(visitor: Visit) -> None:
    page = opened(visitor, "/map#item=nobody")
    expect(page.locator("#told")).to_contain_text("no place on the map")


def test_a_search_goes_to_an_item_and_marks_its_neighbors(visitor: Visit) -> None:
    page = opened(visitor)
    box = page.locator("#map-search")
    box.press_sequentially("number 23")
    expect(page.get_by_role("option").first).to_contain_text("Film number 23 (1963)")
    box.press("ArrowDown")
    box.press("Enter")
    expect(page.locator("#stage .card h2")).to_have_text("Film number 23 (1963)")
    x, y = ask(page, "view.pixelOf(view.selected)")
    assert ask(page, "view.isIn(...view.pixelOf(view.selected))"), (x, y)
    page.wait_for_function("() => document.querySelector('#stage').view.near.length === 10")


def test_markup_in_a_title_is_shown_as_text(visitor: Visit) -> None:
    page = opened(visitor, "/map#item=0")
    expect(page.locator("#stage .card h2")).to_have_text(EVIL)
    assert page.locator("main img").count() == 0
    assert "broken" not in page.title()


def test_the_legend_filters_and_the_list_follows(visitor: Visit) -> None:
    page = opened(visitor)
    total = page.locator("#in-view-count")
    expect(total).to_contain_text(f"{N_ITEMS} films in view")
    buttons = page.locator("#legend button[aria-pressed]")
    buttons.first.click()
    expect(total).to_contain_text("20 films in view")
    expect(page.locator("#in-view li")).to_have_count(20)
    buttons.nth(1).focus()
    page.keyboard.press("Space")
    expect(total).to_contain_text("40 films in view")
    page.get_by_role("button", name="Show all").click()
    expect(total).to_contain_text(f"{N_ITEMS} films in view")


def test_an_item_that_is_filtered_out_tells_nothing(visitor: Visit) -> None:
    page = opened(visitor)
    page.locator("#legend button[aria-pressed]").first.click()
    other = ask(page, "[...view.mode.classes].findIndex(kind => kind !== 0)")
    over(page, other)
    assert ask(page, "view.hovered") != other


def test_every_color_has_a_legend_that_counts_all_items(visitor: Visit) -> None:
    page = opened(visitor)
    for name in ("genre", "year", "popularity", "mean_rating", "bias"):
        page.locator("#color").select_option(name)
        counts = page.locator("#legend button .number").all_inner_texts()
        assert sum(int(one.replace(",", "")) for one in counts) == N_ITEMS, name
        assert len(set(ask(page, "[...view.painter.colors]"))) >= len(counts), name


def test_the_layout_can_be_changed_and_stays_as_chosen(visitor: Visit) -> None:
    page = opened(visitor)
    before = ask(page, "[...view.points.x]")
    page.locator("#layout").select_option("pca")
    assert ask(page, "[...view.points.x]") != before
    expect(page.locator("#about-layout")).to_contain_text("two ways in which tastes differ")


def test_the_map_is_dragged_zoomed_and_put_back(visitor: Visit) -> None:
    page = opened(visitor)
    left, top = corner(page)
    shift = ask(page, "[...view.camera.shift]")
    page.mouse.move(left + 300, top + 200)
    page.mouse.down()
    page.mouse.move(left + 340, top + 180, steps=4)
    page.mouse.up()
    moved = ask(page, "[...view.camera.shift]")
    assert moved == pytest.approx([shift[0] + 40, shift[1] - 20], abs=6)
    assert ask(page, "view.selected") == -1
    page.mouse.wheel(0, -300)
    page.wait_for_function("() => document.querySelector('#stage').view.camera.zoom > 1.2")
    assert page.evaluate("scrollY") == 0
    page.mouse.dblclick(left + 20, top + 20)
    assert ask(page, "view.camera.zoom") == 1
    assert ask(page, "[...view.camera.shift]") == pytest.approx(shift)


def test_keys_move_zoom_select_and_let_go(visitor: Visit) -> None:
    page = opened(visitor)
    page.locator("#stage canvas[tabindex]").focus()
    for key in ("+", "+", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    zoom = ask(page, "view.camera.zoom")
    assert zoom == pytest.approx(2.25)
    x, y = ask(page, "view.pixelOf(3)")
    width, height = ask(page, "view.camera.size")
    ask(page, f"view.camera.pan({width / 2 - x}, {height / 2 - y})")
    page.keyboard.press("Enter")
    expect(page.locator("#stage .card")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#stage .card")).to_be_hidden()
    page.keyboard.press("0")
    assert ask(page, "view.camera.zoom") == 1


def test_the_list_selects_by_keyboard(visitor: Visit) -> None:
    page = opened(visitor)
    row = page.locator("#in-view button").nth(2)
    title = row.locator("span").first.inner_text()
    row.focus()
    assert ask(page, "view.hovered") >= 0
    page.keyboard.press("Enter")
    expect(page.locator("#stage .card h2")).to_have_text(title)


def test_two_fingers_zoom(visitor: Visit) -> None:
    page = opened(visitor)
    page.evaluate(
        """() => {
          const canvas = document.querySelector('#stage canvas[tabindex]');
          const box = canvas.getBoundingClientRect();
          canvas.setPointerCapture = () => {};
          const at = (type, id, x, y) => canvas.dispatchEvent(new PointerEvent(type, {
            pointerId: id, pointerType: 'touch', clientX: box.left + x, clientY: box.top + y, bubbles: true }));
          at('pointerdown', 1, 100, 100); at('pointerdown', 2, 200, 100);
          at('pointermove', 2, 300, 100); at('pointerup', 1, 100, 100); at('pointerup', 2, 300, 100);
        }"""
    )
    assert ask(page, "view.camera.zoom") == pytest.approx(2.0)
    assert ask(page, "view.selected") == -1


def test_titles_never_cover_one_another(browser: Browser, films_url: str, width: int) -> None:
    with visit(browser, films_url, width=width) as visitor:
        page = opened(visitor)
        for zoom in (1, 3):
            ask(page, f"(view.camera.zoomBy({zoom}), view.draw())")
            titles = ask(page, "view.named")
            assert titles
            for place, one in enumerate(titles):
                assert 0 <= one["left"] - one["half"] <= one["left"] + one["half"] <= ask(page, "view.width")
                for other in titles[:place]:
                    apart = abs(one["left"] - other["left"]), abs(one["top"] - other["top"])
                    assert apart[0] >= one["half"] + other["half"] or apart[1] >= 13


def test_without_scripts_the_most_popular_items_are_named(browser: Browser, films_url: str) -> None:
    with visit(browser, films_url, scripts=False) as visitor:
        page = visitor.go("/map")
        expect(page.locator("noscript li")).to_have_count(40)


def test_a_map_does_without_titles_genres_years_and_ratings(
    browser: Browser, bare_url: str, screen: Screen
) -> None:
    with visit(browser, bare_url, **screen) as visitor:
        page = opened(visitor)
        assert page.locator("#color option").all_inner_texts()[0] == "Popularity"
        page.locator("#in-view button").first.click()
        expect(page.locator("#stage .card h2")).to_be_visible()
        assert not is_too_wide(page)
        assert barriers(page) == []
