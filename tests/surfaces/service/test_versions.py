"""Refits, erasures and reloads that meet each other, or are cut off half way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

import tastemap as tm
from tastemap.artifacts import identify, versions
from tastemap.data import make_interactions
from tastemap.errors import ArtifactError, InvalidValueError
from tastemap.service import refit as refitting
from tastemap.service.database import DatabaseError, NewEvent
from tastemap.service.database.store import Store
from tastemap.service.database.urls import default_url
from tastemap.service.live.service import Service
from tastemap.service.refit import refit
from tastemap.training import fit
from tests.surfaces.service.conftest import Serve
from tests.toys import as_dataset


@contextmanager
def opened(url: str) -> Iterator[Store]:
    store = Store.open(url)
    try:
        yield store
    finally:
        store.close()


ROWS, _ = make_interactions(
    ["a", "a", "b", "c", "c"],
    [1, 2, 1, 1, 2],
    np.array([2.0, 1.0, 3.0, 1.0, 1.0], np.float32),
    timestamps=[50, 60, 70, 80, 90],
)


@pytest.fixture
def counted(tmp_path: Path) -> Path:
    """A model of counts: what is counted twice shows."""
    return tm.save(tm.fit(as_dataset(ROWS), "popularity", rng=0), tmp_path / "counted")


def count_of(folder: Path, user: str, item: int) -> float:
    rows = tm.load(folder).train.interactions.frame()
    [found] = rows.filter((rows["user_id"] == user) & (rows["item_id"] == item))["count"].to_list()
    return float(found)


def service_of(client: TestClient) -> Service:
    found: Service = client.app.state.service  # type: ignore[attr-defined]
    return found


def test_a_running_worker_lets_go_of_who_was_erased(
    live: TestClient, database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "als"
    live.post("/v1/events", json={"user_id": 1, "item_id": 5, "rating": 4})
    with opened(database_url) as store:
        refit(folder, store)
        live.delete("/v1/users/3")
        done = refit(folder, store)
    while service_of(live).follow():
        pass
    assert live.get("/v1/model").json()["version"] == done.version == 3
    assert service_of(live).serving.recommender.users.find(3) == -1
    assert versions(folder) == [3]
    assert {int(path.name.split("-")[1][:4]) for path in folder.glob("manifest-*.json")} == {3}
    assert service_of(live).serving.erased == frozenset()


def test_a_refit_cut_off_before_it_is_named_counts_nothing_twice(
    counted: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(database_url) as store:
        store.append([NewEvent("a", "2", 5.0)])
        with monkeypatch.context() as patch:
            patch.setattr(refitting, "_published", cut_off)
            with pytest.raises(DatabaseError):
                refit(counted, store)
        assert count_of(counted, "a", 2) == 6.0
        refit(counted, store)
    assert count_of(counted, "a", 2) == 6.0


def cut_off(*_: object, **limits: int) -> None:
    raise DatabaseError("The database is gone.")


def test_a_reload_between_the_save_and_its_name_counts_nothing_twice(
    counted: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(database_url) as store:
        service = Service(counted, store)
        store.append([NewEvent("a", "2", 5.0)])
        with monkeypatch.context() as patch:
            patch.setattr(refitting, "_published", cut_off)
            with pytest.raises(DatabaseError):
                refit(counted, store)
        assert service.reload(None).events_through == 1
        assert service.follow() is False


def test_versions_that_were_not_forgotten_are_forgotten_by_the_next_refit(
    counted: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(database_url) as store:
        store.erase("b", 0.0)
        with monkeypatch.context() as patch:
            patch.setattr(refitting, "_published", cut_off)
            with pytest.raises(DatabaseError):
                refit(counted, store)
        assert versions(counted) == [1, 2]
        store.append([NewEvent("a", "2", 5.0)])
        refit(counted, store)
        assert len(versions(counted)) == 1
        assert [line.action for line in store.audit_lines()].count("forget") == 1
        store.append([NewEvent("a", "2", 5.0)])
        refit(counted, store)
        assert len(versions(counted)) == 2  # nothing more is to be forgotten


def test_two_refits_at_once_are_one_too_many(counted: Path) -> None:
    with opened(default_url(counted)) as store, refitting._alone(counted):
        with pytest.raises(ArtifactError, match="already"):
            refit(counted, store)


def test_a_refit_does_not_bury_what_another_fit_saved_meanwhile(
    counted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(*arguments: object, **settings: object) -> tm.Recommender:
        other = fit(as_dataset(ROWS), "itemknn", rng=0)
        tm.save(other, counted)
        return other

    monkeypatch.setattr(refitting, "fit", slowly)
    with opened(default_url(counted)) as store:
        store.append([NewEvent("a", "2", 5.0)])
        with pytest.raises(ArtifactError, match="by another fit meanwhile"):
            refit(counted, store)
        assert store.served() is None


def test_an_event_during_a_refit_counts_once_afterwards(
    counted: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(database_url) as store:
        store.append([NewEvent("a", "2", 5.0)])

        def meanwhile(*arguments: object, **settings: object) -> tm.Recommender:
            store.append([NewEvent("a", "2", 7.0)])
            return fit(*arguments, **settings)  # type: ignore[arg-type]

        monkeypatch.setattr(refitting, "fit", meanwhile)
        assert refit(counted, store).events_through == 1
        monkeypatch.setattr(refitting, "fit", fit)
        assert count_of(counted, "a", 2) == 6.0
        refit(counted, store)
    assert count_of(counted, "a", 2) == 13.0


def test_who_is_erased_during_a_refit_is_gone_with_the_next(
    counted: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(database_url) as store:
        store.append([NewEvent("a", "2", 5.0)])

        def meanwhile(*arguments: object, **settings: object) -> tm.Recommender:
            store.erase("b", 0.0)
            return fit(*arguments, **settings)  # type: ignore[arg-type]

        monkeypatch.setattr(refitting, "fit", meanwhile)
        refit(counted, store)
        monkeypatch.setattr(refitting, "fit", fit)
        assert Service(counted, store).serving.erased == {"b"}
        assert refit(counted, store).n_erased == 1
    assert tm.load(counted).users.find("b") == -1


def test_a_database_is_that_of_one_artifact(counted: Path, database_url: str) -> None:
    with opened(database_url) as store:
        store.claim("counted")
        store.claim("counted")
        with pytest.raises(InvalidValueError, match="belongs to the artifact 'counted'"):
            store.claim("other")


def test_an_outage_brings_no_erased_user_back(live: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    live.delete("/v1/users/3")
    monkeypatch.setattr(Store, "events_of", cut_off)
    assert live.get("/v1/users/3/recommendations").json()["basis"] == "popularity"
    assert live.get("/user.json?id=3").status_code == 404
    assert live.get("/v1/users/4/recommendations").json()["basis"] == "user"


def test_everything_stored_is_exported_and_can_be_erased(
    live: TestClient, database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "als"
    live.post("/v1/events", json={"user_id": 900, "item_id": 5, "rating": 4})
    live.post("/v1/events", json={"user_id": 900, "item_id": 5, "withdrawn": True})
    assert len(live.get("/v1/users/900/export").json()["events"]) == 2
    with opened(database_url) as store:
        refit(folder, store)
    service_of(live).follow()
    assert len(live.get("/v1/users/900/export").json()["events"]) == 2
    assert live.delete("/v1/users/900").status_code == 200
    assert live.get("/v1/users/900/export").status_code == 404


def test_who_comes_back_after_an_erasure_brings_no_old_features(serve: Serve) -> None:
    client = serve("als")
    client.delete("/v1/users/3")
    client.post("/v1/events", json={"user_id": 3, "item_id": 5, "rating": 4})
    found = client.get("/v1/users/3").json()
    assert (found["known"], found["features"], found["n_ratings"]) == (False, {}, 1)


@pytest.mark.parametrize("value", [3e38, 1e300])
def test_no_event_can_stop_a_refit(counted: Path, database_url: str, value: float) -> None:
    with opened(database_url) as store:
        store.append([NewEvent("a", "2", value), NewEvent("a", "2", value), NewEvent("a", "1", -3.0)])
        done = refit(counted, store)
    assert count_of(counted, "a", 2) == 1e6
    assert done.n_unfit == 1


def test_a_count_too_small_for_a_fit_cannot_stop_a_refit_either(counted: Path, database_url: str) -> None:
    with opened(database_url) as store:
        store.append([NewEvent("b", "2", 5e-324), NewEvent("b", "1", 2.0)])
        done = refit(counted, store)
    assert (done.n_events, done.n_unfit) == (2, 1)


def test_ratings_kept_under_another_scale_are_left_out_and_counted(
    live: TestClient, database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "als"
    with opened(database_url) as store:
        store.append([NewEvent("3", "5", 7.0), NewEvent("3", "6", 2.0)])
        assert {row["item_id"] for row in live.get("/v1/users/3/history?limit=500").json()["items"]} >= {6}
        done = refit(folder, store)
    assert (done.n_events, done.n_unfit) == (2, 1)


def test_earlier_versions_keep_the_time_at_which_they_were_saved(counted: Path) -> None:
    before = identify(counted).saved
    with opened(default_url(counted)) as store:
        store.append([NewEvent("a", "2", 5.0)])
        refit(counted, store)
    assert identify(counted, 1).saved == before
