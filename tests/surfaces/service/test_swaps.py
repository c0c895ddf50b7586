"""Versions of different models replace each other while clients ask two workers."""

from __future__ import annotations

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import tastemap as tm
from tests.surfaces.service.running import ask, running

MODELS = {1: "als", 2: "ials"}
USERS = range(12)
CLIENTS = 4
SWAPS = 12
ALIKE = 40
"""Answers of one version in a row, from several clients at once, after which both workers serve it."""

Told = list[tuple[Any, float]]


@pytest.fixture
def two_versions(fitted: dict[str, Path], tmp_path: Path) -> Path:
    """An artifact whose first version is a rating model, and its second a ranking model of the same data."""
    folder = tmp_path / "model"
    shutil.copytree(fitted["als"], folder)
    first = tm.load(folder)
    tm.save(tm.fit(first.train, "ials", settings={"n_factors": 4, "n_epochs": 3}, rng=1), folder)
    return folder


def lists_of(folder: Path) -> dict[int, dict[int, Told]]:
    """What the library gives each user, by version."""
    found: dict[int, dict[int, Told]] = {}
    for version, name in MODELS.items():
        recommender = tm.load(folder, version=version)
        assert recommender.name == name
        found[version] = {}
        for user in USERS:
            frame = tm.recommend(recommender, user, k=10).frame
            found[version][user] = list(zip(frame["item_id"].to_list(), frame["score"].to_list(), strict=True))
    return found


def faults(answer: dict[str, Any], user: int, lists: dict[int, dict[int, Told]]) -> list[str]:
    """What of an answer is not of the version that it names."""
    version, rows = answer["version"], answer["items"]
    rates = MODELS[version] == "als"
    sums = [
        row["baseline"] + row["others"] + row["remainder"] + sum(one["contribution"] for one in row["reasons"])
        for row in rows
    ]
    checks = {
        "model": answer["model"] == MODELS[version],
        "list": [(row["item_id"], row["score"]) for row in rows] == lists[version][user],
        "predictions": all((row["prediction"] is not None) == rates for row in rows),
        "reasons": all(abs(row["score"] - total) < 1e-4 for row, total in zip(rows, sums, strict=True)),
    }
    return [f"{what} of user {user} beside version {version}" for what, fine in checks.items() if not fine]


def test_every_answer_is_of_one_version_while_two_models_replace_each_other(two_versions: Path) -> None:
    lists = lists_of(two_versions)
    assert all(lists[1][user] != lists[2][user] for user in USERS)
    found: list[str] = []
    seen: list[int] = []
    done = threading.Event()

    def look(url: str, client: int) -> None:
        turn = client
        while not done.is_set():
            user = USERS[turn % len(USERS)]
            answer = ask(f"{url}/v1/users/{user}/recommendations?k=10&reasons=3")
            found.extend(faults(answer, user, lists))
            seen.append(answer["version"])
            turn += 1

    with running(two_versions, two_versions.parent, "--workers", "2") as url:
        with ThreadPoolExecutor(CLIENTS) as pool:
            looking = [pool.submit(look, url, client) for client in range(CLIENTS)]
            try:
                for swap in range(SWAPS):
                    version = 1 + swap % 2
                    assert ask(f"{url}/v1/model/reload", {"version": version})["version"] == version
                    before = len(seen)
                    while version not in seen[before:] and not any(one.done() for one in looking):
                        time.sleep(0.01)
            finally:
                done.set()
            for one in looking:
                one.result()  # raises where a request failed
        assert found == []
        assert set(seen) == {1, 2}
        assert_all_serve(url, 1 + (SWAPS - 1) % 2)


def assert_all_serve(url: str, version: int) -> None:
    """Both workers come to a version, and stay."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        for _ in range(60):
            told = list(pool.map(lambda _: ask(f"{url}/v1/model")["version"], range(ALIKE)))
            if set(told) == {version}:
                return
            time.sleep(0.25)
    raise AssertionError(f"The workers still serve {sorted(set(told))} where {version} was named last.")
