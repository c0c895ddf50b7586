from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import tastemap as tm
from tests.surfaces.service.conftest import Serve


@pytest.mark.parametrize("name", ["als", "ials", "popularity"])
def test_reasons_add_up_to_the_score(serve: Serve, name: str) -> None:
    client = serve(name)
    for path in ("/v1/users/3/recommendations?reasons=3", "/v1/users/nobody/recommendations?reasons=3"):
        for row in client.get(path).json()["items"]:
            parts = sum(reason["contribution"] for reason in row["reasons"])
            assert row["baseline"] + parts + row["others"] + row["remainder"] == pytest.approx(row["score"])
            assert len(row["reasons"]) <= 3


def test_reasons_are_the_strongest_ones_that_explain_gives(client: TestClient) -> None:
    row = client.get("/v1/users/3/recommendations?k=1&reasons=4").json()["items"][0]
    whole = client.get(f"/v1/users/3/explanations/{row['item_id']}").json()
    assert row["reasons"] == whole["reasons"][:4]
    assert row["score"] == whole["score"]


def test_an_unknown_user_gets_what_is_popular_and_is_told_so(client: TestClient) -> None:
    found = client.get("/v1/users/nobody/recommendations?k=3").json()
    scores = [row["score"] for row in found["items"]]
    assert found["basis"] == "popularity"
    assert scores == [row["support"] for row in found["items"]] == sorted(scores, reverse=True)
    assert "what everybody would get" in found["notes"][0]


def test_a_history_in_the_body_is_what_the_library_folds_in(
    client: TestClient, fitted: dict[str, Path]
) -> None:
    body = {"history": [{"item_id": 3, "rating": 5}, {"item_id": "4", "rating": 1.5}], "k": 5}
    found = client.post("/v1/recommendations", json=body).json()
    frame = tm.recommend_for_history(tm.load(fitted["als"]), {3: 5.0, 4: 1.5}, k=5).frame
    assert [(row["item_id"], row["score"]) for row in found["items"]] == list(
        zip(frame["item_id"].to_list(), frame["score"].to_list(), strict=True)
    )
    assert (found["basis"], found["user_id"]) == ("history", None)


def test_dropping_an_entry_is_never_having_rated_it(client: TestClient) -> None:
    history = [{"item_id": 3, "rating": 5}, {"item_id": 4, "rating": 2}]
    dropped = client.post("/v1/recommendations", json={"history": history, "drop": [4]}).json()
    assert dropped == client.post("/v1/recommendations", json={"history": history[:1]}).json()


def test_dropping_an_entry_of_a_user_folds_the_user_in_without_it(client: TestClient) -> None:
    own = client.get("/v1/users/3/history").json()["items"]
    found = client.post("/v1/recommendations", json={"user_id": 3, "drop": [own[0]["item_id"]]}).json()
    rest = [{"item_id": row["item_id"], "rating": row["rating"]} for row in own[1:]]
    by_history = client.post(
        "/v1/recommendations", json={"history": rest, "exclude": [], "exclude_seen": True}
    ).json()
    assert [row["score"] for row in found["items"]] == [row["score"] for row in by_history["items"]]


def test_rules_hold(client: TestClient) -> None:
    seen = {row["item_id"] for row in client.get("/v1/users/3/history").json()["items"]}
    query = "k=40&where=kind%20%3D%20Drama&exclude=5&exclude=7&min_support=20"
    rows = client.get(f"/v1/users/3/recommendations?{query}").json()["items"]
    ids = {row["item_id"] for row in rows}
    assert ids
    assert all(id % 2 for id in ids)
    assert not ids & (seen | {5, 7})
    assert all(row["support"] >= 20 for row in rows)
    only = client.get("/v1/users/3/recommendations?only=1&only=2&exclude_seen=false").json()
    assert {row["item_id"] for row in only["items"]} == {1, 2}
    assert "shorter than 10: of 40 items 2 are allowed" in only["notes"][-1]


def test_pins_stand_first_and_diversity_changes_the_list(client: TestClient) -> None:
    pinned = client.get("/v1/users/3/recommendations?pin=9&pin=2").json()["items"]
    assert [row["item_id"] for row in pinned][:2] == [9, 2]
    assert [row["pinned"] for row in pinned][:3] == [True, True, False]
    plain = client.get("/v1/users/3/recommendations").json()["items"]
    diverse = client.get("/v1/users/3/recommendations?diversity=0.9").json()["items"]
    assert diverse[0] == plain[0]
    assert [row["item_id"] for row in diverse] != [row["item_id"] for row in plain]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("k=0", "k"),
        ("k=100000", "k"),
        ("k=ten", "k"),
        ("diversity=2", "diversity"),
        ("level=1", "level"),
        ("colour=red", "colour"),
        ("reasons=-1", "reasons"),
        ("k=5&k=", "k"),
        ("k=5&k=5", "k must be given once"),
        ("k=5&" * 1000 + "reasons=1", "k must be given once"),
    ],
)
def test_a_value_out_of_range_is_named(client: TestClient, query: str, field: str) -> None:
    answer = client.get(f"/v1/users/3/recommendations?{query}")
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "invalid_request"
    assert error["message"].startswith(field)


def test_a_filter_that_does_not_parse_is_told_like_on_the_command_line(client: TestClient) -> None:
    answer = client.get("/v1/users/3/recommendations?where=year%20%3E")
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid_filter"


@pytest.mark.parametrize("body", [{}, {"user_id": 3, "history": [{"item_id": 3}]}])
def test_a_list_is_for_a_user_or_a_history(client: TestClient, body: dict[str, object]) -> None:
    answer = client.post("/v1/recommendations", json=body)
    assert answer.status_code == 422
    assert "either user_id or history" in answer.json()["error"]["message"]


def test_titles_are_sent_as_they_are(client: TestClient) -> None:
    assert json.dumps(client.get("/v1/items/3").json()["title"]) == '"Film <b>3</b> (1963)"'


def test_a_history_for_a_rating_model_needs_ratings(client: TestClient) -> None:
    answer = client.post("/v1/recommendations", json={"history": [{"item_id": 3}]})
    assert answer.status_code == 422
    assert "Got none for item 3" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "path",
    [
        "items",
        "items/5",
        "items/5/similar",
        "users/3",
        "users/3/history",
        "users/3/export",
        "model",
        "model/versions",
        "users/3/recommendations",
        "users/3/predictions?item_id=5",
        "users/3/explanations/5",
    ],
)
def test_no_parameter_that_is_not_known_passes(client: TestClient, path: str) -> None:
    assert client.get(f"/v1/{path}").status_code == 200
    refused = client.get(f"/v1/{path}{'&' if '?' in path else '?'}foo=1&bar=2")
    assert refused.status_code == 422
    assert refused.json()["error"]["message"] == "foo is not known here; bar is not known here."


def test_a_path_below_a_user_that_only_reads_take_is_a_user_that_nobody_knows_to_an_erasure(
    client: TestClient,
) -> None:
    assert client.delete("/v1/users/3/history?limit=100").status_code == 404
    assert client.get("/v1/users/3/history").status_code == 200
