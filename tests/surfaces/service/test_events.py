from __future__ import annotations

import math
import shutil
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import tastemap as tm
from tastemap import artifacts as tm_artifacts
from tastemap.errors import InvalidValueError
from tastemap.service import app as application
from tastemap.service.database.store import Store
from tastemap.service.live import taking_in
from tastemap.service.refit import refit
from tests.surfaces.conftest import Command
from tests.surfaces.service.conftest import Serve, serving


def best(client: TestClient, user: object) -> int:
    found: int = client.get(f"/v1/users/{user}/recommendations?k=1").json()["items"][0]["item_id"]
    return found


def test_an_event_changes_the_next_list(live: TestClient) -> None:
    top = best(live, 3)
    answer = live.post("/v1/events", json={"user_id": 3, "item_id": top, "rating": 1})
    assert answer.status_code == 201
    after = live.get("/v1/users/3/recommendations?k=40").json()
    assert after["basis"] == "history"
    assert top not in {row["item_id"] for row in after["items"]}


def test_a_new_user_gets_lists_from_the_first_event_on(client: TestClient) -> None:
    assert client.get("/v1/users/777/recommendations").json()["basis"] == "popularity"
    client.post("/v1/events", json={"user_id": 777, "item_id": 5, "rating": 4.5})
    found = client.get("/v1/users/777/recommendations").json()
    assert (found["basis"], found["user_id"]) == ("history", 777)
    body = {"history": [{"item_id": 5, "rating": 4.5}]}
    assert found["items"] == client.post("/v1/recommendations", json=body).json()["items"]


def test_a_rating_taken_back_leaves_the_list_as_it_was(client: TestClient) -> None:
    body = {"history": [{"item_id": 5, "rating": 4.5}]}
    client.post("/v1/events", json={"user_id": 777, **body["history"][0]})
    client.post("/v1/events", json={"user_id": 777, "item_id": 6, "rating": 1})
    client.post("/v1/events", json={"user_id": 777, "item_id": 6, "withdrawn": True})
    assert (
        client.get("/v1/users/777/recommendations").json()["items"]
        == client.post("/v1/recommendations", json=body).json()["items"]
    )


def test_events_of_items_that_the_model_does_not_know_are_seen_in_every_read(client: TestClient) -> None:
    client.post("/v1/events", json={"user_id": 777, "item_id": 987654, "rating": 4})
    said = "1 item of the history unknown and left out."
    for path in ("", "/history", "/recommendations"):
        assert said in client.get(f"/v1/users/777{path}").json()["notes"]
    client.post("/v1/events", json={"user_id": 777, "item_id": 5, "rating": 4})
    client.post("/v1/events", json={"user_id": 777, "item_id": 987654, "withdrawn": True})
    for path in ("", "/history", "/recommendations"):
        assert client.get(f"/v1/users/777{path}").json()["notes"] == []


def test_a_history_of_unknown_items_alone_names_the_first_as_other_unknown_items_are(
    client: TestClient,
) -> None:
    for path in ("recommendations", "explanations"):
        body = {"history": [{"item_id": 505050, "rating": 4}, {"item_id": 505051, "rating": 4}]}
        refused = client.post(f"/v1/{path}", json=body | ({"item_id": 5} if path == "explanations" else {}))
        assert refused.status_code == 404
        assert refused.json()["error"]["details"] == {"id": 505050}
    assert client.get("/v1/items/505050").json()["error"]["details"] == {"id": "505050"}


def test_what_is_said_of_a_stranger_is_true_of_lists_predictions_and_reasons(client: TestClient) -> None:
    for path in ("recommendations", "predictions?item_id=5", "explanations/5"):
        (said,) = client.get(f"/v1/users/424242/{path}").json()["notes"]
        assert said == "Nothing is known of this user: this is what everybody would get."


def test_an_event_sent_twice_is_kept_once(live: TestClient) -> None:
    event = {"user_id": 3, "item_id": 5, "rating": 2, "key": "one"}
    first, second = (live.post("/v1/events", json=event).json() for _ in range(2))
    assert (first["duplicate"], second["duplicate"]) == (False, True)
    assert first["seq"] == second["seq"]
    other = live.post("/v1/events", json={**event, "rating": 3})
    assert other.status_code == 409
    assert other.json()["error"]["code"] == "key_conflict"


@pytest.mark.parametrize(
    ("field", "wrong", "code"),
    [
        ("rating", 9, "invalid_value"),
        ("item_id", "no number", "invalid_value"),
        ("user_id", "no number", "invalid_value"),
        ("timestamp", 2**52, "clock_skew"),
    ],
)
def test_the_event_of_a_batch_that_is_wrong_is_named(
    client: TestClient, field: str, wrong: object, code: str
) -> None:
    good = {"user_id": 888, "item_id": 5, "rating": 3}
    bad = {**good, field: wrong}
    for path, body, where in (
        ("/batch", {"events": [good, good, bad, good]}, f"events.2.{field}"),
        ("", bad, field),
    ):
        error = client.post(f"/v1/events{path}", json=body).json()["error"]
        assert error["code"] == code
        assert error["message"].startswith(f"{where} must ")
        assert error["details"] == {"argument": field, "where": where}


def test_who_sends_milliseconds_is_told_so(client: TestClient) -> None:
    for ahead, said in ((1_000, "set the clock"), (time.time() * 999, "send seconds, not milliseconds")):
        event = {"user_id": 3, "item_id": 5, "rating": 2, "timestamp": int(time.time() + ahead)}
        assert said in client.post("/v1/events", json=event).json()["error"]["message"]


def test_an_exported_event_can_be_sent_again(client: TestClient) -> None:
    sent = [
        {"user_id": 777, "item_id": 5, "rating": 4.0, "withdrawn": False, "timestamp": 50, "key": "a"},
        {"user_id": 777, "item_id": 5, "rating": None, "withdrawn": True, "timestamp": 60, "key": "b"},
    ]
    for event in sent:
        client.post("/v1/events", json=event)
    events = client.get("/v1/users/777/export").json()["events"]
    again = [
        {"user_id": 777, **{name: event[name] for name in event if name not in ("seq", "received")}}
        for event in events
    ]
    assert again == sent
    answer = client.post("/v1/events/batch", json={"events": again})
    assert [receipt["duplicate"] for receipt in answer.json()["events"]] == [True, True]


def test_a_batch_is_kept_whole_or_not_at_all(live: TestClient) -> None:
    good = [{"user_id": 888, "item_id": item, "rating": 3} for item in range(5)]
    bad = live.post("/v1/events/batch", json={"events": [*good, {"user_id": 888, "item_id": 9, "rating": 9}]})
    assert bad.status_code == 422
    assert live.get("/v1/users/888/history").status_code == 404
    receipts = live.post("/v1/events/batch", json={"events": good}).json()["events"]
    assert [receipt["seq"] for receipt in receipts] == sorted(receipt["seq"] for receipt in receipts)
    assert live.get("/v1/users/888/history").json()["n_ratings"] == 5


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"rating": 6}, "rating must be from 1 to 5"),
        ({}, "rating must be from 1 to 5"),
        ({"rating": 3, "user_id": "anna"}, "user_id must be an integer"),
        ({"rating": 3, "item_id": ""}, "item_id"),
        ({"rating": "NaN"}, "rating"),
        ({"rating": 3, "stars": 2}, "stars"),
        ({"rating": 3, "key": ""}, "key"),
        ({"rating": 3, "key": "one\0"}, "key must match pattern"),
    ],
)
def test_an_event_that_cannot_be_meant_is_refused(
    client: TestClient, event: dict[str, object], said: str
) -> None:
    answer = client.post("/v1/events", json={"user_id": 3, "item_id": 5, **event})
    assert answer.status_code == 422
    assert said in answer.json()["error"]["message"]
    assert client.get("/v1/users/3/recommendations").json()["basis"] == "user"


def test_a_clock_that_is_far_ahead_is_refused(client: TestClient) -> None:
    event = {"user_id": 3, "item_id": 5, "rating": 3, "timestamp": int(time.time()) + 3_600}
    answer = client.post("/v1/events", json=event)
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "clock_skew"
    assert "ahead of this server's clock" in answer.json()["error"]["message"]


def test_a_clock_that_is_a_little_ahead_is_taken(client: TestClient) -> None:
    event = {"user_id": 3, "item_id": 5, "rating": 3, "timestamp": int(time.time()) + 60}
    assert client.post("/v1/events", json=event).status_code == 201


def test_malformed_json_is_told(client: TestClient) -> None:
    answer = client.post("/v1/events", content=b'{"user_id": 3,', headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_json"


def test_events_are_there_after_a_restart(fitted: dict[str, Path], database_url: str, tmp_path: Path) -> None:
    folder = shutil.copytree(fitted["als"], tmp_path / "model")
    with serving(folder, database=database_url) as first:
        first.post("/v1/events", json={"user_id": 777, "item_id": 5, "rating": 4})
        before = first.get("/v1/users/777/recommendations").json()
    with serving(folder, database=database_url) as second:
        assert second.get("/v1/users/777/recommendations").json() == before


def test_history_tells_where_each_rating_comes_from(live: TestClient) -> None:
    before = live.get("/v1/users/3/history").json()
    item = before["items"][0]["item_id"]
    live.post("/v1/events", json={"user_id": 3, "item_id": item, "rating": 1})
    after = live.get("/v1/users/3/history?limit=500").json()
    assert after["n_ratings"] == before["n_ratings"]
    assert {row["source"] for row in before["items"]} == {"training"}
    assert next(row for row in after["items"] if row["item_id"] == item)["source"] == "event"


def test_pages_of_a_history_follow_each_other(client: TestClient) -> None:
    whole = client.get("/v1/users/3/history?limit=500").json()["items"]
    rows, cursor = [], ""
    while cursor is not None:
        page = client.get(f"/v1/users/3/history?limit=4{cursor}").json()
        rows += page["items"]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert rows == whole
    assert client.get("/v1/users/3/history?cursor=nonsense").status_code == 422


def test_an_erased_user_is_unknown_at_once_and_gone_after_the_refit(
    live: TestClient, database_url: str, tmp_path: Path
) -> None:
    live.post("/v1/events", json={"user_id": 3, "item_id": 5, "rating": 4, "key": "of-three"})
    exported = live.get("/v1/users/3/export").json()
    assert len(exported["events"]) == 1
    answer = live.delete("/v1/users/3").json()
    assert "unknown from now on" in answer["now"]
    assert "refit" in answer["at_next_refit"]
    for path in ("", "/history", "/export"):
        assert live.get(f"/v1/users/3{path}").status_code == 404
    assert live.get("/v1/users/3/recommendations").json()["basis"] == "popularity"
    assert live.delete("/v1/users/3").status_code == 404
    folder = tmp_path / "als"
    store = Store.open(database_url)
    done = refit(folder, store)
    assert [line.action for line in store.audit_lines()].count("erasure") == 1
    store.close()
    assert done.n_erased == 1
    assert tm.load(folder).users.find(3) == -1
    assert tm_artifacts.versions(folder) == [2]


def test_an_erased_user_may_come_back_as_somebody_new(live: TestClient) -> None:
    live.delete("/v1/users/3")
    live.post("/v1/events", json={"user_id": 3, "item_id": 5, "rating": 4})
    assert live.get("/v1/users/3/history").json()["n_ratings"] == 1
    assert live.get("/v1/users/3/recommendations").json()["basis"] == "history"


def test_a_refit_publishes_what_the_service_said_and_more(
    live: TestClient, tastemap: Command, database_url: str, tmp_path: Path
) -> None:
    for item in (1, 2, 77):
        live.post("/v1/events", json={"user_id": 900, "item_id": item, "rating": 4})
    done = tastemap("refit", tmp_path / "als", "--database", database_url, "--json").json
    assert (done["version"], done["n_events"]) == (2, 3)
    deadline = time.monotonic() + 30
    while live.get("/v1/model").json()["version"] != 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    found = live.get("/v1/users/900/recommendations").json()
    assert (found["basis"], found["version"], found["user_id"]) == ("user", 2, 900)
    assert live.get("/v1/items/77").json()["popularity"] == 1


def test_a_version_can_be_rolled_back(
    live: TestClient, tastemap: Command, database_url: str, tmp_path: Path
) -> None:
    before = live.get("/v1/users/3/recommendations").json()
    live.post("/v1/events", json={"user_id": 3, "item_id": 5, "rating": 1})
    tastemap("refit", tmp_path / "als", "--database", database_url)
    assert live.post("/v1/model/reload", json={}).json()["version"] == 2
    assert live.get("/v1/users/3/recommendations").json()["basis"] == "user"
    back = live.post("/v1/model/reload", json={"version": 1}).json()
    assert (back["before"], back["version"]) == (2, 1)
    after = live.get("/v1/users/3/recommendations").json()
    assert after["basis"] == "history"  # the event that version 1 has not seen counts again
    assert after["version"] == before["version"] == 1


def test_a_damaged_version_is_refused_and_the_old_one_stays(
    client: TestClient, tastemap: Command, tmp_path: Path
) -> None:
    folder = tmp_path / "als"
    before = client.get("/v1/users/3/recommendations").json()
    (folder / "manifest.json").write_text('{"format": "nonsense"')
    answer = client.post("/v1/model/reload", json={})
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "artifact"
    assert client.get("/v1/users/3/recommendations").json() == before
    assert client.post("/v1/model/reload", json={"version": 99}).status_code == 409


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is followed or taken in before a test asks for it."""
    monkeypatch.setattr(application, "FOLLOWED_EVERY_S", 1e6)


def rated_by_six(client: TestClient, item: int) -> None:
    """Six users who like item 3 of the model rate a new one."""
    events = [
        {"user_id": user, "item_id": one, "rating": 5, "key": f"{user}-{one}"}
        for user in (1, 2, 3, 1001, 1002, 1003)
        for one in (3, item)
    ]
    assert client.post("/v1/events/batch", json={"events": events}).status_code == 201


@pytest.mark.usefixtures("by_hand")
def test_a_new_item_is_listed_once_enough_users_have_it(live: TestClient) -> None:
    service = live.app.state.service  # type: ignore[attr-defined]
    rated_by_six(live, 500)
    assert live.get("/v1/items/500").status_code == 404
    service.take_in_items(math.inf)
    assert live.get("/v1/items/500").json()["popularity"] == 3  # of users that the model knows
    found = live.post("/v1/recommendations", json={"history": [{"item_id": 3, "rating": 5}], "k": 40}).json()
    assert 500 in {row["item_id"] for row in found["items"]}
    rows = live.get("/v1/users/1/recommendations?reasons=40&exclude_seen=false&k=40").json()
    assert rows["basis"] == "history"
    for row in rows["items"]:
        assert row["remainder"] == pytest.approx(0.0, abs=1e-4)
    assert service.take_in_items(math.inf) is False


def test_new_items_come_in_by_themselves(serve_either: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "FOLLOWED_EVERY_S", 0.02)
    monkeypatch.setattr(taking_in, "TAKEN_IN_EVERY_S", 0.02)
    client = serve_either("als")
    rated_by_six(client, 500)
    deadline = time.monotonic() + 30
    while client.get("/v1/items/500").status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert client.get("/v1/items/500").json()["popularity"] == 3


@pytest.mark.usefixtures("by_hand")
def test_counts_of_a_new_item_are_not_counted_twice(serve: Serve) -> None:
    client = serve("ials")
    rated_by_six(client, 500)
    client.app.state.service.take_in_items(math.inf)  # type: ignore[attr-defined]
    rows = client.get("/v1/users/1/history?limit=500").json()["items"]
    assert next(row for row in rows if row["item_id"] == 500)["rating"] == 5.0


@pytest.mark.usefixtures("by_hand")
def test_a_model_that_cannot_take_in_items_says_so_and_goes_on(serve: Serve) -> None:
    client = serve("popularity")
    rated_by_six(client, 500)
    with pytest.raises(InvalidValueError):
        client.app.state.service.take_in_items(math.inf)  # type: ignore[attr-defined]
    assert client.app.state.service.take_in_items(math.inf) is False  # type: ignore[attr-defined]
    assert client.get("/v1/users/1/recommendations").status_code == 200


def test_going_back_to_a_version_of_a_refit_counts_its_events_once(
    serve_either: Serve, tastemap: Command, database_url: str, tmp_path: Path
) -> None:
    client = serve_either("ials")
    client.post("/v1/events", json={"user_id": 3, "item_id": 5, "rating": 2})
    tastemap("refit", tmp_path / "ials", "--database", database_url)
    client.post("/v1/events", json={"user_id": 3, "item_id": 6, "rating": 4})
    tastemap("refit", tmp_path / "ials", "--database", database_url)
    back = client.post("/v1/model/reload", json={"version": 2}).json()
    assert back["version"] == 2
    rows = {row["item_id"]: row for row in client.get("/v1/users/3/history?limit=500").json()["items"]}
    assert rows[5]["source"] == "training"
    assert rows[6]["source"] == "event"
