"""The page of an inspection answers the mouse and the keyboard, in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.conftest import EVIL, N_ITEMS, Watched, open_page
from tests.browser.explorer import Screen


def drawn(watched: Watched, part: str, place: int = 0) -> Locator:
    """A map of a part of the page, drawn."""
    holder = watched.page.locator(f"#{part} .plot").nth(place)
    holder.scroll_into_view_if_needed()
    expect(holder.locator("canvas[tabindex]")).to_be_visible()
    return holder


def ask(holder: Locator, expression: str) -> Any:
    """What the script of a map knows; `plot` is the map."""
    return holder.evaluate(f"holder => {{ const plot = holder.plot; return {expression}; }}")


def settled(watched: Watched) -> None:
    """Wait until what was asked for has been drawn."""
    watched.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def becomes(watched: Watched, holder: Locator, expression: str) -> None:
    """Wait for at most five seconds; the page's policy forbids Playwright's own way of waiting."""
    for _ in range(100):
        if ask(holder, expression):
            return
        watched.page.wait_for_timeout(50)
    pytest.fail(f"never: {expression}")


def over(watched: Watched, holder: Locator, item: int) -> None:
    """Move the mouse onto an item."""
    # So that no other one lies in reach.
    ask(holder, f"plot.zoom(12, ...plot.place({item}))")
    x, y = ask(holder, f"plot.place({item})")
    box = holder.locator("canvas[tabindex]").bounding_box()
    assert box is not None
    watched.page.mouse.move(box["x"] + x + 1, box["y"] + y + 1)


def test_a_point_tells_its_title_when_the_mouse_is_on_it(watched: Watched) -> None:
    holder = drawn(watched, "map")
    title = ask(holder, "plot.data.title[7]")
    over(watched, holder, 7)
    tip = watched.page.locator(".tip")
    expect(tip).to_be_visible()
    expect(tip.locator("strong")).to_have_text(title)
    expect(tip).to_contain_text("interactions")
    watched.page.mouse.move(2, 2)
    expect(tip).to_be_hidden()


def test_markup_in_a_title_is_shown_as_text(watched: Watched) -> None:
    holder = drawn(watched, "map")
    item = ask(holder, f"plot.data.title.indexOf({EVIL!r})")
    over(watched, holder, item)
    expect(watched.page.locator(".tip strong")).to_have_text(EVIL)
    holder.get_by_label("Find").fill("onerror")
    expect(holder.locator("output")).to_have_text(f"1 item found: {EVIL}")
    finder = watched.page.locator(".finder").first
    finder.get_by_label("Find").fill("onerror")
    expect(finder.locator("caption")).to_have_text(f"Neighbors of {EVIL}")
    assert watched.page.locator("img[src=x]").count() == 0
    assert "broken" not in watched.page.title()


def test_genres_are_filtered_by_mouse_and_by_keyboard(watched: Watched) -> None:
    holder = drawn(watched, "map")
    names = ask(holder, "plot.data.looks.map(look => look.name)")
    first, second = holder.locator(".legend button").all()[:2]
    first.click()
    shown = ask(holder, "plot.data.genre.filter((_, i) => plot.isShown(i))")
    assert set(shown) == {0}
    assert len(shown) < N_ITEMS
    second.focus()
    watched.page.keyboard.press("Space")
    assert set(ask(holder, "plot.data.genre.filter((_, i) => plot.isShown(i))")) == {0, 1}
    expect(second).to_have_attribute("aria-pressed", "true")
    first.click()
    second.click()
    assert ask(holder, "plot.shown.size") == 0
    assert len(names) == 3


def test_a_filtered_out_point_tells_nothing(watched: Watched) -> None:
    holder = drawn(watched, "map")
    other = ask(holder, "plot.data.genre.findIndex(genre => genre !== 0)")
    holder.locator(".legend button").first.click()
    over(watched, holder, other)
    settled(watched)
    assert ask(holder, "plot.hovered") != other


def test_a_search_rings_what_it_finds(watched: Watched) -> None:
    holder = drawn(watched, "map")
    settled(watched)
    before = holder.locator("canvas[tabindex]").screenshot()
    holder.get_by_label("Find").fill("NUMBER 17")
    expect(holder.locator("output")).to_have_text("1 item found: Film number 17 (1957)")
    assert ask(holder, "plot.found.map(i => plot.data.title[i])") == ["Film number 17 (1957)"]
    settled(watched)
    assert holder.locator("canvas[tabindex]").screenshot() != before
    holder.get_by_label("Find").fill("no such film")
    expect(holder.locator("output")).to_have_text("No title has that.")
    holder.get_by_label("Find").fill("")
    settled(watched)
    assert holder.locator("canvas[tabindex]").screenshot() == before


def test_chosen_components_move_the_points_and_name_the_axes(watched: Watched) -> None:
    holder = drawn(watched, "components")
    before = ask(holder, "[...plot.x]")
    across = holder.get_by_label("Across")
    across.select_option(index=1)
    assert ask(holder, "plot.axes") == [1, 2]
    assert ask(holder, "[...plot.x]") != before
    across.focus()
    watched.page.keyboard.press("ArrowDown")
    assert ask(holder, "plot.axes[0]") == 2


def test_a_map_is_dragged_zoomed_and_put_back(watched: Watched) -> None:
    holder = drawn(watched, "map")
    box = holder.locator("canvas[tabindex]").bounding_box()
    assert box is not None
    mouse, x, y = watched.page.mouse, box["x"] + 300, box["y"] + 200
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 50, y - 30, steps=5)
    mouse.up()
    assert ask(holder, "plot.shift") == [50, -30]
    mouse.move(x, y)
    scrolled = watched.page.evaluate("scrollY")
    watched.page.keyboard.down("Shift")
    mouse.wheel(0, -200)
    watched.page.keyboard.up("Shift")
    becomes(watched, holder, "plot.zoomed > 1.5")
    assert watched.page.evaluate("scrollY") == scrolled
    mouse.dblclick(x, y)
    assert ask(holder, "[plot.zoomed, ...plot.shift]") == [1, 0, 0]


def test_keys_move_and_zoom_a_map(watched: Watched) -> None:
    holder = drawn(watched, "map")
    holder.locator("canvas[tabindex]").focus()
    for key in ("+", "+", "ArrowRight"):
        watched.page.keyboard.press(key)
    zoomed, across = ask(holder, "[plot.zoomed, plot.shift[0]]")
    assert zoomed == pytest.approx(2.25)
    assert across < 0
    watched.page.keyboard.press("0")
    assert ask(holder, "[plot.zoomed, ...plot.shift]") == [1, 0, 0]


def test_titles_on_a_map_never_cover_one_another(browser: Browser, page_file: Path, width: int) -> None:
    opened = open_page(browser, page_file, width=width)
    for part in ("map", "components"):
        holder = drawn(opened, part)
        for zoom in (1, 3):
            # Around an item with a title: how the others lie beside it depends on the processor.
            ask(holder, f"plot.zoom({zoom}, ...plot.place(0))")
            settled(opened)
            titles = ask(holder, "plot.named")
            assert titles
            for place, (x, y, half) in enumerate(titles):
                assert half <= x <= ask(holder, "plot.width") - half
                for other_x, other_y, other_half in titles[:place]:
                    assert abs(x - other_x) >= half + other_half or abs(y - other_y) >= 13
    opened.page.context.close()


def test_a_brush_over_one_model_marks_the_same_items_in_the_other(watched: Watched) -> None:
    chart = watched.page.locator("#norms .chart")
    chart.scroll_into_view_if_needed()
    canvas = chart.locator("canvas")
    expect(canvas).to_be_visible()
    box = canvas.bounding_box()
    assert box is not None
    middle = {
        "x": box["x"] + box["width"] / 2,
        "y": box["y"],
        "width": box["width"] / 2,
        "height": box["height"],
    }
    before = watched.page.screenshot(clip=middle)  # type: ignore[arg-type]  # numbers
    mouse = watched.page.mouse
    mouse.move(box["x"] + 90, box["y"] + 60)
    mouse.down()
    mouse.move(box["x"] + 200, box["y"] + 200, steps=6)
    mouse.up()
    settled(watched)
    assert watched.page.screenshot(clip=middle) != before  # type: ignore[arg-type]  # numbers


@pytest.mark.parametrize(("place", "label", "group"), [(0, "Occupation", "lawyer"), (1, "Genre", "Horror")])
def test_histograms_show_a_chosen_group(watched: Watched, place: int, label: str, group: str) -> None:
    chart = watched.page.locator("#data .chart").nth(place)
    expect(chart.locator(".vega-bind")).to_be_visible()
    bars = chart.locator("g.mark-rect path")
    before = bars.count()
    chart.get_by_label(label).select_option(group)
    settled(watched)
    assert bars.count() > before
    chart.get_by_label(label).select_option("–")
    settled(watched)
    assert bars.count() == before


def test_the_neighbors_of_any_item_are_found_by_its_title(watched: Watched) -> None:
    finder = watched.page.locator(".finder").first
    finder.get_by_label("Find").fill("number 23")
    expect(finder.locator("caption")).to_have_text("Neighbors of Film number 23 (1963)")
    rows = finder.locator("tbody tr")
    expect(rows).to_have_count(10)
    cosines = [float(row.locator("td").nth(2).inner_text()) for row in rows.all()]
    assert cosines == sorted(cosines, reverse=True)
    finder.get_by_label("Find").fill("number 2")
    finder.locator("select").select_option("Film number 29 (1969)")
    expect(finder.locator("caption")).to_have_text("Neighbors of Film number 29 (1969)")


def test_the_keyboard_reaches_every_control_and_its_focus_is_seen(watched: Watched) -> None:
    for part in ("map", "components"):
        drawn(watched, part)
    watched.page.evaluate("scrollTo(0, 0)")
    reached, style = set(), "getComputedStyle(document.activeElement)"
    for _ in range(150):
        watched.page.keyboard.press("Tab")
        kind = watched.page.evaluate(
            "(document.activeElement.closest('.plot, .finder, .chart')?.className.split(' ')[0] ?? '') "
            "+ ' ' + document.activeElement.tagName.toLowerCase()"
        )
        reached.add(kind)
        if kind != " body":
            assert watched.page.evaluate(f"{style}.outlineStyle") != "none", kind
    assert reached >= {
        "plot input", "plot select", "plot button", "plot canvas", "chart select", "finder input",
        "finder select", " summary", " a",
    }  # fmt: skip


def test_nothing_hangs_over_the_edge_and_nothing_is_asked_for(
    browser: Browser, page_file: Path, screen: Screen
) -> None:
    opened = open_page(browser, page_file, **screen)
    for section in opened.page.locator("section").all():
        section.scroll_into_view_if_needed()
    drawn(opened, "components", 1)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= screen["width"]
    paper = ask(drawn(opened, "map"), "plot.colors.paper")
    assert paper == ("#15171a" if screen["dark"] else "#fdfcfa")
    assert opened.said == []
    assert opened.requests == [page_file.as_uri()]
    opened.page.context.close()


def test_a_change_to_dark_is_followed(watched: Watched) -> None:
    holder = drawn(watched, "map")
    watched.page.emulate_media(color_scheme="dark")
    becomes(watched, holder, "plot.colors.paper === '#15171a'")
    assert ask(holder, "plot.colors.ink") == "#ebe9e4"


def test_print_shows_images_in_place_of_maps(watched: Watched) -> None:
    holder = drawn(watched, "map")
    watched.page.emulate_media(media="print")
    expect(holder.locator("img.still")).to_be_visible()
    expect(holder.locator("canvas[tabindex]")).to_be_hidden()
