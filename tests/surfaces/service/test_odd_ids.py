"""Ids of any characters are kept and found again by each kind of database; what none can keep is no id."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

import tastemap as tm
from tests.surfaces.service.conftest import serving
from tests.toys import hand_dataset

KEPT = [
    "' OR 1=1 --",
    "a/b?c=d&e#f",
    "\\x00",
    "é",
    "e\u0301",
    "𝔘",
    "\u202e",
    " u1",
    "u1\n",
    "u1\nu2",
    "x" * 512,
]
REFUSED = ["", "\0", "u1\0", "\ud800", "x" * 513]


@pytest.fixture
def named(database_url: str, tmp_path: Path) -> Iterator[TestClient]:
    """The service over a model whose users have names."""
    folder = tm.save(tm.fit(hand_dataset(), "als", settings={"n_factors": 2}, rng=0), tmp_path / "named")
    with serving(folder, database=database_url) as client:
        yield client


def post(client: TestClient, path: str, body: object) -> int:
    """The status; in ASCII, in which JSON writes any character."""
    headers = {"content-type": "application/json"}
    return client.post(path, content=json.dumps(body).encode(), headers=headers).status_code


def test_whatever_a_user_is_called_their_events_are_theirs(named: TestClient) -> None:
    for n, user in enumerate(KEPT):
        event = {"user_id": user, "item_id": 1 + n % 5, "rating": 4}
        assert post(named, "/v1/events", event) == 201
    for n, user in enumerate(KEPT):
        path = f"/v1/users/{quote(user, safe='')}"
        [row] = named.get(f"{path}/history").json()["items"]
        assert (row["item_id"], row["source"]) == (1 + n % 5, "event")
        assert named.get(f"{path}/recommendations").json()["basis"] == "history"
        assert named.delete(path).status_code == 200
        assert named.get(f"{path}/history").status_code == 404
    assert named.get("/v1/users/u1/recommendations").json()["basis"] == "user"


@pytest.mark.parametrize("user", REFUSED, ids=ascii)
def test_what_no_database_keeps_is_no_id(named: TestClient, user: str) -> None:
    event = {"user_id": user, "item_id": 1, "rating": 4}
    assert post(named, "/v1/events", event) == 422
    assert post(named, "/v1/recommendations", {"user_id": user}) == 422


@pytest.mark.parametrize("user", ["%00", "u1%00", "%ED%A0%80", "x" * 513])
def test_what_no_database_keeps_is_nobody_s_address(named: TestClient, user: str) -> None:
    for path in (f"/v1/users/{user}/history", f"/v1/users/{user}/export", f"/user.json?id={user}"):
        answer = named.get(path)
        assert answer.status_code in (404, 422)
        assert answer.json()["error"]["code"] in ("unknown_user", "invalid_request")
    assert named.get(f"/user?id={user}").status_code in (404, 422)
