"""`tastemap evaluate --keep`: the figures of a saved model are saved with it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tastemap.artifacts import identify, load, save, versions
from tastemap.service.database.store import Store
from tastemap.service.database.urls import default_url
from tastemap.service.pages.evaluated import evaluated
from tests.surfaces.conftest import Command


@pytest.fixture
def folder(fitted: dict[str, Path], tmp_path: Path) -> Path:
    """A saved model that this test alone has."""
    return shutil.copytree(fitted["als"], tmp_path / "als")


@pytest.fixture
def unseen(table: Path, tmp_path: Path) -> Path:
    """Rated pairs that the models were not trained on."""
    trained = pl.read_csv(table).select("user_id", "item_id")
    pairs = pl.DataFrame({"user_id": range(60)}).join(pl.DataFrame({"item_id": range(40)}), how="cross")
    path = tmp_path / "unseen.csv"
    rows = pairs.join(trained, on=trained.columns, how="anti")
    rows.with_columns(rating=pl.col("item_id") % 5 + 1).write_csv(path)
    return path


def kept(folder: Path) -> dict[str, Any]:
    """The record that the saved model carries."""
    found = load(folder).evaluation
    assert found is not None
    return found


def test_kept_figures_are_those_that_were_told_with_the_baselines(
    tastemap: Command, folder: Path, unseen: Path
) -> None:
    told = tastemap("evaluate", folder, "--test", unseen, "--keep", "--json").json
    record = kept(folder)
    assert [row["model"] for row in record["models"]] == ["popularity", "bias", "als"]
    assert [row["metrics"] for row in record["models"]] == [row["metrics"] for row in told["models"]]
    assert record["protocol"]["split"] == "test"
    assert versions(folder) == [1, 2]


def test_keeping_changes_nothing_else_of_the_model(tastemap: Command, folder: Path, unseen: Path) -> None:
    before = load(folder)
    answer = tastemap("evaluate", folder, "--test", unseen, "--keep")
    assert f"version 2 of {folder}" in answer.err
    assert answer.err.endswith(f"Next: tastemap serve {folder}\n")
    after = load(folder)
    assert (after.train.fingerprint, after.seed) == (before.train.fingerprint, before.seed)
    assert (after.resolved, after.losses.equals(before.losses)) == (before.resolved, True)
    assert load(folder, version=1).evaluation is None


def test_the_same_figures_are_kept_once(tastemap: Command, folder: Path, unseen: Path) -> None:
    arguments = ("evaluate", folder, "--test", unseen, "--keep")
    tastemap(*arguments)
    first = identify(folder).digest
    assert "has these figures already" in tastemap(*arguments).err
    assert identify(folder).digest == first


def test_without_keep_the_model_stays_as_it_is(tastemap: Command, folder: Path, unseen: Path) -> None:
    before = identify(folder).digest
    assert tastemap("evaluate", folder, "--test", unseen).status == 0
    assert identify(folder).digest == before


def test_a_version_saved_meanwhile_is_not_replaced(
    tastemap: Command, fitted: dict[str, Path], folder: Path, unseen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tastemap import evaluation

    measure = evaluation.evaluate_recommender

    def slow(*given: Any, **more: Any) -> object:
        save(load(fitted["ials"]), folder)
        return measure(*given, **more)

    monkeypatch.setattr("tastemap.evaluation.evaluate_recommender", slow)
    answer = tastemap("evaluate", folder, "--test", unseen, "--keep")
    assert answer.status == 1
    assert "were not kept" in answer.err
    assert (load(folder).name, load(folder).evaluation) == ("ials", None)


def test_a_served_model_is_followed_and_keeps_its_place_among_the_events(
    tastemap: Command, folder: Path, unseen: Path
) -> None:
    store = Store.open(default_url(folder))
    try:
        before = identify(folder)
        store.record_fit(before.digest, 7, 0.0)
        store.serve(before.version, before.digest, 0.0)
        answer = tastemap("evaluate", folder, "--test", unseen, "--keep")
        assert "Running servers follow" in answer.err
        served = store.served()
    finally:
        store.close()
    assert served is not None
    assert (served.digest, served.version, served.events_through) == (identify(folder).digest, 2, 7)


def test_the_pages_show_kept_figures_and_what_flatters_them(
    tastemap: Command, folder: Path, table: Path
) -> None:
    tastemap("evaluate", folder, "--test", table, "--keep")
    found = evaluated(load(folder))
    assert found is not None
    assert [row["model"] for row in found["rows"]] == ["als", "popularity", "bias"]
    assert any("Careful" in sentence for sentence in found["notes"])
    assert "test rows" in found["measured"]
