"""The library, the command line, HTTP and the pages give the same lists and say the same of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup
from bs4.filter import SoupStrainer

import tastemap as tm
from tastemap.cli.main import run
from tests.surfaces.conftest import Command
from tests.surfaces.service.conftest import Serve

USERS, FEW = 50, 5
FITS: dict[str, tuple[str, ...]] = {
    "bias": (),
    "itemknn": (),
    "ease": (),
    "gibbs": ("--set", "n_epochs=12", "--set", "burn_in=6"),
}
BY_GRADIENTS = ("dot", "mlp", "softmax")
NAMES = ["als", "ials", "popularity", *FITS, *BY_GRADIENTS]
FOLDED_IN = [name for name in NAMES if name != "popularity"]
HISTORY: dict[int | str, float] = {3: 5.0, 4: 1.0, 99: 3.0}
"""A low rating, and an item that no model knows."""


class Fits(dict[str, Path]):
    """Saved models of all shapes, fitted when a test asks for them."""

    def __init__(self, fitted: dict[str, Path], table: Path, titles: Path) -> None:
        super().__init__(fitted)
        self._table, self._titles = table, titles

    def __missing__(self, name: str) -> Path:
        if name in BY_GRADIENTS:
            pytest.importorskip("torch")
        folder = self._table.parent / f"saved-{name}"
        settings = FITS.get(name, ("--set", "n_epochs=3"))
        arguments = ["fit", str(self._table), "--model", name, "-o", str(folder), *settings]
        assert run([*arguments, "--item-features", str(self._titles), "--json"]) == 0
        self[name] = folder
        return folder


@pytest.fixture(scope="module")
def fitted(fitted: dict[str, Path], table: Path, titles: Path) -> dict[str, Path]:
    """Saved models of further shapes too."""
    return Fits(fitted, table, titles)


Shown = list[tuple[str, str, str | None, str | None]]
"""Of each item of a list: its id, its title, the stars and the range beside it."""


def shown_on(page: str) -> Shown:
    """The list of a page, as people see it."""
    found: Shown = []
    heads = SoupStrainer(class_="listed-head")  # reasons below them are most of a page, and take long to read
    for row in BeautifulSoup(page, "html.parser", parse_only=heads).select(".listed-head"):
        [link] = row.select(".listed-title a")
        [item] = parse_qs(urlsplit(str(link["href"])).query)["id"]
        stars, between = row.select_one(".stars"), row.select_one(".range")
        written = None if stars is None else "".join(stars.find_all(string=True, recursive=False)).strip()
        found.append((item, link.get_text(), written, None if between is None else between.get_text()))
    return found


def as_shown(items: list[dict[str, Any]]) -> Shown:
    """The same of what HTTP tells."""
    return [
        (
            str(row["item_id"]),
            row["title"],
            None if row["prediction"] is None else f"{row['prediction']:.1f}",
            None if row["lower"] is None else f"{row['lower']:.1f}–{row['upper']:.1f}",
        )
        for row in items
    ]


@pytest.mark.parametrize("name", NAMES)
def test_library_command_line_http_and_page_give_the_same_lists(
    serve: Serve, tastemap: Command, fitted: dict[str, Path], name: str
) -> None:
    client = serve(name)
    recommender = tm.load(fitted[name])
    users = range(USERS)
    asked = [argument for user in users for argument in ("--user", user)]
    rows = tastemap("recommend", fitted[name], *asked, "-k", 10, "--json").json["items"]
    for user in users:
        found = tm.recommend(recommender, user, k=10)
        library = list(zip(found.frame["item_id"].to_list(), found.frame["score"].to_list(), strict=True))
        told = client.get(f"/v1/users/{user}/recommendations?k=10").json()
        twin = client.get(f"/user.json?id={user}").json()["list"]
        assert library
        assert [(row["item_id"], row["score"]) for row in told["items"]] == library
        assert [(row["item_id"], row["score"]) for row in twin["items"]] == library
        assert [(row["item_id"], row["score"]) for row in rows if row["user_id"] == user] == library
        assert told["notes"] == twin["notes"] == list(found.notes)
        if user < FEW or name in ("als", "ials", *BY_GRADIENTS):  # of others a page says no more than its twin
            assert shown_on(client.get(f"/user?id={user}").text) == as_shown(told["items"])


@pytest.mark.parametrize("name", NAMES)
def test_all_say_the_same_of_a_list_that_is_short(
    serve: Serve, tastemap: Command, fitted: dict[str, Path], name: str
) -> None:
    client, recommender = serve(name), tm.load(fitted[name])
    rules = tm.Rules(where="kind in (Drama, Dramma)", pins=[4], min_support=2)
    library = tm.recommend(recommender, 3, k=30, rules=rules)
    query = "k=30&where=kind%20in%20(Drama,Dramma)&pin=4&min_support=2"
    told = client.get(f"/v1/users/3/recommendations?{query}").json()
    limits = ("--where", rules.where, "--pin", 4, "--min-support", 2)
    written = tastemap("recommend", fitted[name], "--user", 3, "-k", 30, *limits, "--json").json
    assert told["notes"] == written["notes"] == list(library.notes)
    assert [note.split()[0] for note in told["notes"]] == ["No", "1", "1"]  # the text, the pin, the length


@pytest.mark.parametrize("name", FOLDED_IN)
def test_all_say_the_same_of_a_history(serve: Serve, fitted: dict[str, Path], name: str) -> None:
    client, recommender = serve(name), tm.load(fitted[name])
    library = tm.recommend_for_history(recommender, HISTORY, k=10)
    body = {"history": [{"item_id": item, "rating": rating} for item, rating in HISTORY.items()], "k": 10}
    told = client.post("/v1/recommendations", json=body).json()
    rows = list(zip(library.frame["item_id"].to_list(), library.frame["score"].to_list(), strict=True))
    assert [(row["item_id"], row["score"]) for row in told["items"]] == rows
    assert told["notes"] == list(library.notes)
    assert told["notes"][0] == "1 item of the history unknown and left out: 99."
    reads_stars = recommender.objective == "rating"
    assert any("taken as interest" in note for note in told["notes"]) is not reads_stars


def test_low_ratings_that_count_as_interest_are_noted_for_a_user_with_events(serve: Serve) -> None:
    client = serve("ials")
    for item, rating in (("3", 1), ("99", 4)):
        event = {"user_id": 777, "item_id": item, "rating": rating}
        assert client.post("/v1/events", json=event).status_code == 201
    notes = client.get("/v1/users/777/recommendations?k=5").json()["notes"]
    assert notes[0] == "1 item of the history unknown and left out."
    assert "1 rating below 3 taken as interest" in notes[1]


def test_a_user_keeps_intervals_after_an_event_and_a_history_in_a_body_has_them(serve: Serve) -> None:
    client = serve("gibbs")
    event = {"user_id": 3, "item_id": 7, "rating": 2}
    assert client.post("/v1/events", json=event).status_code == 201
    told = client.get("/v1/users/3/recommendations?k=5").json()
    assert told["basis"] == "history"
    body = {"history": [{"item_id": 3, "rating": 5}], "k": 5}
    for row in [*told["items"], *client.post("/v1/recommendations", json=body).json()["items"]]:
        assert 1.0 <= row["lower"] <= row["prediction"] <= row["upper"] <= 5.0
    item = told["items"][0]
    (row,) = client.get(f"/v1/users/3/predictions?item_id={item['item_id']}").json()["items"]
    assert [row[name] for name in ("prediction", "lower", "upper")] == [
        item[name] for name in ("prediction", "lower", "upper")
    ]
    nobody = client.get("/v1/users/98765/predictions?item_id=3").json()["items"][0]
    assert nobody["lower"] is nobody["upper"] is None
