"""Filters over the catalog of a recommender: what is kept, and for how long."""

from __future__ import annotations

import gc
import weakref

import polars as pl
import pytest

import tastemap as tm
from tastemap.inference import Rules, filters, where
from tastemap.inference.filters import FILTERS_KEPT, Filters, filters_of
from tastemap.models.recommender import Recommender
from tests.toys import planted


@pytest.fixture
def recommender() -> Recommender:
    return tm.fit(planted(), model="popularity")


def test_the_texts_of_a_column_are_found_once_for_many_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []

    def noting(frame: pl.DataFrame, column: str) -> pl.Series:
        found.append(column)
        return where.texts_of(frame, column)

    monkeypatch.setattr(filters, "texts_of", noting)
    kept = Filters(pl.DataFrame({"title": ["Alien", "Brazil"], "kind": ["Horror", "Satire"]}))
    notes = [kept.matching(f"title = {text}")[1] for text in ("Alienn", "Brasil", "Alein")]
    assert notes[0] == ["No item has 'Alienn' in title. Did you mean Alien?"]
    assert found == ["title"]


def test_a_filter_asked_again_does_not_look_through_the_catalog_again(
    recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = Rules(where="item_id > 3", min_support=1)
    assert not rules.is_ready(recommender)
    first = rules.prepare(recommender)
    assert rules.is_ready(recommender)
    monkeypatch.delattr(filters, "matching")
    again = rules.prepare(recommender)
    assert again.allowed.tolist() == first.allowed.tolist()
    assert again.notes == first.notes
    assert Rules(exclude=[3]).is_ready(recommender)


def test_notes_on_pins_are_not_kept_with_the_filter(recommender: Recommender) -> None:
    assert len(Rules(where="item_id = 3", pins=[4]).prepare(recommender).notes) == 1
    assert Rules(where="item_id = 3").prepare(recommender).notes == ()


def test_only_the_latest_filters_are_kept(recommender: Recommender) -> None:
    kept = filters_of(recommender)
    kept.matching("item_id = 0")
    kept.matching("item_id = 1")
    for item in range(2, FILTERS_KEPT + 1):
        kept.matching("item_id = 0")
        kept.matching(f"item_id = {item}")
    assert kept.keeps("item_id = 0")
    assert not kept.keeps("item_id = 1")


def test_what_is_kept_goes_with_its_recommender() -> None:
    recommender = tm.fit(planted(), model="popularity")
    gone = weakref.ref(filters_of(recommender))
    del recommender
    gc.collect()
    assert gone() is None
