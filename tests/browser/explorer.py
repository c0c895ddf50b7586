"""A service that is really served, and what a browser saw of its explorer."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import polars as pl
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

import tastemap
from tastemap.data import Catalog, Dataset, make_interactions
from tastemap.service.app import create_app
from tastemap.service.settings import ServiceSettings
from tests.toys import STARS, planted

EVIL = "<img src=x onerror=document.title='broken'> & Co (1999)"
N_ITEMS = 60
KINDS = [["Comedy"], ["Drama", "War"], ["Horror"]]
PICTURES = Path(__file__).resolve().parents[2] / "build" / "screenshots"
"""Where each test leaves what its page looked like at the end, for people to look at."""
ODD_ID = "a/b?c&d #é"
"""An id with every character that an address gives a meaning to."""


def films() -> Dataset:
    """80 users who rated 60 films with whole stars; the first film has markup in its title."""
    data = planted(n_users=80, n_items=N_ITEMS)
    rows = data.interactions
    interactions = replace(rows, values=np.round(rows.values), rating_scale=STARS)
    items = pl.DataFrame(
        {
            "item_id": rows.items.ids,
            "title": [EVIL, *(f"Film number {n} ({1940 + n})" for n in range(1, N_ITEMS))],
            "year": [1999, *(1940 + n for n in range(1, N_ITEMS))],
            "genres": [KINDS[n % 3] for n in range(N_ITEMS)],
        }
    )
    users = pl.DataFrame(
        {"user_id": rows.users.ids, "occupation": ["artist", "lawyer", "lawyer", "doctor"] * 20}
    )
    return replace(data, name="ml-toy", interactions=interactions, catalog=Catalog(items), user_features=users)


def bare() -> Dataset:
    """Implicit feedback without titles, genres, times or features; ids are text."""
    rng = np.random.default_rng(0)
    pairs = [(u, i) for u in range(40) for i in range(30) if (u + i) % 2 == 0 and rng.random() < 0.7]
    names = [ODD_ID, *(f"thing-{n}" for n in range(1, 30))]
    interactions, _ = make_interactions(
        [f"person-{u}" for u, _ in pairs], [names[i] for _, i in pairs], np.ones(len(pairs), np.float32)
    )
    return replace(films(), name="bare", interactions=interactions, catalog=Catalog.empty(), user_features=None)


@contextmanager
def served(recommender: tastemap.Recommender, folder: Path) -> Iterator[str]:
    """The address of a service over a saved recommender, for as long as it is served."""
    tastemap.save(recommender, folder)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        app = create_app(ServiceSettings.of(folder=folder, port=port))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the service ended while it started"
            thread.join(0.02)
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join()


class Screen(TypedDict):
    """How wide a screen is, in pixels, and whether it is dark."""

    width: int
    dark: bool


@dataclass
class Visit:
    """An open page of the explorer, with what its console said and which other hosts it asked."""

    page: Page
    base: str
    said: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        """Open a page of the explorer."""
        self.page.goto(self.base + path)
        return self.page

    def keep_picture(self) -> None:
        """What is seen now, by the name of the test; a later visit of the same test has its place."""
        test = os.environ["PYTEST_CURRENT_TEST"].removeprefix("tests/browser/").rsplit(" ", 1)[0]
        self.page.screenshot(path=PICTURES / f"{re.sub(r'[^A-Za-z0-9]+', '-', test).strip('-')[:150]}.png")

    def check(self) -> None:
        """Nothing was complained of, and nobody else was asked."""
        assert self.said == []
        assert self.strangers == []


@contextmanager
def visit(
    browser: Browser, base: str, *, width: int = 1280, dark: bool = False, scripts: bool = True
) -> Iterator[Visit]:
    """A browser with nothing in its storage; at the end a picture is kept and :meth:`Visit.check` is made."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
        java_script_enabled=scripts,
        reduced_motion="reduce",
    )
    found = Visit(context.new_page(), base)
    found.page.on("console", lambda message: found.said.append(message.text))
    found.page.on("pageerror", lambda error: found.said.append(str(error)))
    found.page.on(
        "request",
        lambda request: None if request.url.startswith(base) else found.strangers.append(request.url),
    )
    try:
        yield found
    finally:
        found.keep_picture()
    found.check()
    context.close()


def barriers(page: Page) -> list[str]:
    """What axe-core finds that keeps people out, seriously or critically."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['html']}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def is_too_wide(page: Page) -> bool:
    """Whether a page scrolls sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))
