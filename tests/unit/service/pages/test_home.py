from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tastemap.service.live.service import Service
from tastemap.service.live.serving import Serving
from tastemap.service.pages import home
from tastemap.service.pages.render import environment
from tastemap.service.pages.words import thing
from tests.saved import factors_recommender

SERVING = Serving(factors_recommender(), Path("hand"), 1, "digest", 0.0, 0)
USERS = [str(id) for id in SERVING.recommender.users.ids.to_list()]


def start(erased: frozenset[str] = frozenset()) -> dict[str, Any]:
    service = SimpleNamespace(serving=SERVING.hiding(erased))
    return asyncio.run(home.page(cast(Service, service), {}))


def test_an_erased_user_is_no_example_from_the_next_request_on() -> None:
    erased: set[str] = set()
    for _ in USERS:
        example = start(frozenset(erased))["example_user"]
        assert str(example) in set(USERS) - erased
        erased.add(str(example))
    assert start(frozenset(erased))["example_user"] is None


def test_the_example_has_the_usual_number_of_ratings() -> None:
    lengths = SERVING.recommender.train.interactions.by_user.row_lengths
    example = SERVING.recommender.users.index(start()["example_user"])
    assert sorted(lengths)[len(lengths) // 2] == lengths[example]


@pytest.mark.parametrize("erased", [frozenset(), frozenset(USERS)])
def test_the_page_shows_the_way_to_a_user_where_there_is_one(erased: frozenset[str]) -> None:
    shell = {"root": "", "path": "/", "model": "als", "version": 1, "data": "hand", "thing": thing("hand")}
    shell["is_logged_in"] = False
    text = environment().get_template("home.html").render(page=start(erased), shell=shell)
    assert ("Somebody else" in text) is (not erased)


def test_the_command_names_the_folder_where_the_service_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert start()["folder"] == "hand"
    assert home.typed_folder(tmp_path / "a b") == "'a b'"
    assert home.typed_folder(tmp_path.parent / "elsewhere" / "als") == "als"
