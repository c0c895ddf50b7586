"""A page of an inspection, opened in Debian's Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tastemap.data import Catalog
from tastemap.evaluation import evaluate
from tastemap.reports import inspect_models, write_inspection
from tastemap.training import fit, with_evaluation
from tests.browser.explorer import Screen, Visit, bare, films, served, visit
from tests.toys import planted

ARGUMENTS = ["--no-sandbox", "--disable-background-networking"]
EVIL = "<img src=x onerror=document.title='broken'> & Co (1999)"
N_ITEMS = 60
KINDS = [["Comedy"], ["Drama", "War"], ["Horror"]]


@dataclass
class Watched:
    """An open page, with what its console said and what it asked the network for."""

    page: Page
    said: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for all tests."""
    with sync_playwright() as play:
        launched = play.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def page_file(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of two models of 60 items, one of them with markup in its title."""
    data = planted(n_users=80, n_items=N_ITEMS)
    items = pl.DataFrame(
        {
            "item_id": data.interactions.items.ids,
            "title": [EVIL, *(f"Film number {n} ({1940 + n})" for n in range(1, N_ITEMS))],
            "genres": [KINDS[n % 3] for n in range(N_ITEMS)],
        }
    )
    users = pl.DataFrame(
        {
            "user_id": data.interactions.users.ids,
            "occupation": ["artist", "lawyer", "lawyer", "doctor"] * 20,
        }
    )
    whole = replace(data, catalog=Catalog(items), user_features=users)
    models = {
        "als": fit(whole, "als", settings={"n_factors": 6, "n_epochs": 4}, rng=0),
        "ials": fit(whole, "ials", settings={"n_factors": 6, "n_epochs": 4}, rng=0),
    }
    return write_inspection(models, inspect_models(models), tmp_path_factory.mktemp("page") / "inside.html")


@pytest.fixture(params=[1280, 390], ids=["desktop", "phone"])
def width(request: pytest.FixtureRequest) -> int:
    """Widths of screens in pixels."""
    return int(request.param)


@pytest.fixture(params=[(1280, False), (390, True)], ids=["desktop-light", "phone-dark"])
def screen(request: pytest.FixtureRequest) -> Screen:
    """Both widths and both colors: what is wide or narrow does not depend on what is light or dark."""
    width, dark = request.param
    return {"width": width, "dark": dark}


def open_page(browser: Browser, page_file: Path, *, width: int = 1280, dark: bool = False) -> Watched:
    """The page in a context of its own, watched from the start."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
    )
    watched = Watched(context.new_page())
    watched.page.on("console", lambda message: watched.said.append(message.text))
    watched.page.on("pageerror", lambda error: watched.said.append(str(error)))
    watched.page.on("request", lambda request: watched.requests.append(request.url))
    watched.page.goto(page_file.as_uri())
    return watched


@pytest.fixture
def watched(browser: Browser, page_file: Path) -> Iterator[Watched]:
    """The page on a desktop; at the end it has neither complained nor asked for anything."""
    opened = open_page(browser, page_file)
    yield opened
    assert opened.said == []
    assert opened.requests == [page_file.as_uri()]
    opened.page.context.close()


@pytest.fixture(scope="package")
def films_url(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service over a model of stars, with titles, genres and an evaluation."""
    data = films()
    settings: dict[str, object] = {"n_factors": 6, "n_epochs": 4}
    record = evaluate(data, ["als"], settings={"als": settings}, n_draws=20)
    recommender = with_evaluation(fit(data, "als", settings=settings, rng=0), record.as_json())
    with served(recommender, tmp_path_factory.mktemp("films") / "model") as url:
        yield url


@pytest.fixture(scope="package")
def bare_url(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service over a model of implicit feedback that knows no titles."""
    recommender = fit(bare(), "ials", settings={"n_factors": 6, "n_epochs": 4}, rng=0)
    with served(recommender, tmp_path_factory.mktemp("bare") / "model") as url:
        yield url


@pytest.fixture
def visitor(browser: Browser, films_url: str) -> Iterator[Visit]:
    """A visit to the films on a desktop; at the end nothing was complained of, and no other host asked."""
    with visit(browser, films_url) as found:
        yield found
