from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from tastemap.artifacts import save
from tastemap.errors import InvalidValueError
from tastemap.evaluation import evaluate
from tastemap.evaluation.records import EvaluationRecord
from tastemap.models.recommender import Recommender
from tastemap.service.answers.report import record_of, report
from tastemap.service.database.store import Store
from tastemap.service.database.urls import default_url
from tastemap.service.live.serving import Serving, load_serving
from tastemap.training import fit, with_evaluation
from tests.saved import factors_recommender
from tests.toys import planted

SETTINGS: dict[str, object] = {"n_factors": 2, "n_epochs": 2}


@pytest.fixture(scope="module")
def record() -> EvaluationRecord:
    return evaluate(planted(), ["als"], settings={"als": SETTINGS}, n_draws=10)


@pytest.fixture(scope="module")
def measured(record: EvaluationRecord) -> Recommender:
    return with_evaluation(fit(planted(), "als", settings=SETTINGS, rng=0), record.as_json())


def loaded(folder: Path) -> Serving:
    """The current version of an artifact."""
    store = Store.open(default_url(folder))
    try:
        return load_serving(folder, None, store)
    finally:
        store.close()


@pytest.fixture(scope="module")
def serving(measured: Recommender, tmp_path_factory: pytest.TempPathFactory) -> Serving:
    """Version 2, after a version 1 of another seed."""
    folder = tmp_path_factory.mktemp("report") / "model"
    save(replace(measured, evaluation=None, seed=1), folder)
    save(measured, folder)
    return loaded(folder)


def test_the_record_is_the_one_that_was_kept(serving: Serving, record: EvaluationRecord) -> None:
    found = report(serving, None)
    assert (found["version"], found["versions"], found["against"]) == (2, [1, 2], None)
    assert found["comparison"] is None
    told = found["evaluation"]
    for row, expected in zip(told["models"], record.models, strict=True):
        assert {name: one["value"] for name, one in row["metrics"].items()} == pytest.approx(
            {name: one.value for name, one in expected.metrics.items()}, nan_ok=True
        )
    assert told["counts"]["n_test"] == record.counts.n_test


def test_durations_that_an_artifact_leaves_out_are_not_a_number(serving: Serving) -> None:
    kept = record_of(serving.recommender)
    assert kept is not None
    assert all(math.isnan(row.fit_s) and math.isnan(row.predict_s) for row in kept.models)


def test_without_a_record_there_is_nothing_to_tell(measured: Recommender) -> None:
    assert record_of(replace(measured, evaluation=None)) is None


def test_a_record_of_another_form_is_none() -> None:
    assert record_of(factors_recommender()) is None


def test_an_earlier_version_is_compared_with_sentences(serving: Serving) -> None:
    found = report(serving, 1)
    assert found["against"] == 1
    assert found["comparison"]["sentences"]


@pytest.mark.parametrize("against", [2, 3])
def test_another_version_must_be_there_and_not_be_the_served_one(serving: Serving, against: int) -> None:
    with pytest.raises(InvalidValueError, match=rf"against must be another version, 1\. Got {against}\."):
        report(serving, against)


def test_without_figures_the_newest_earlier_version_with_some_is_named(
    measured: Recommender, record: EvaluationRecord, tmp_path: Path
) -> None:
    for seed in (0, 1):
        save(replace(measured, seed=seed), tmp_path / "model")
    for seed in (2, 3):
        save(replace(measured, evaluation=None, seed=seed), tmp_path / "model")
    found = report(loaded(tmp_path / "model"), None)
    assert found["evaluation"] is None
    assert found["earlier"]["version"] == 2
    assert found["earlier"]["metrics"]["rmse"] == pytest.approx(record.result("als").metrics["rmse"].value)


def test_a_version_with_figures_names_no_other_and_a_first_one_has_none(
    serving: Serving, measured: Recommender, tmp_path: Path
) -> None:
    assert report(serving, None)["earlier"] is None
    save(replace(measured, evaluation=None), tmp_path / "model")
    assert report(loaded(tmp_path / "model"), None)["earlier"] is None


def test_an_only_version_has_nothing_to_be_compared_with(measured: Recommender, tmp_path: Path) -> None:
    save(measured, tmp_path / "model")
    alone = loaded(tmp_path / "model")
    with pytest.raises(InvalidValueError, match="against must be left out: there is no other version"):
        report(alone, 1)
