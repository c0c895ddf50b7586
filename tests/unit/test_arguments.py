"""A value of the wrong type is refused by the function it is given to, in one sentence that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import tastemap as tm
from tastemap.errors import DataError, InvalidValueError
from tests.toys import checkerboard, hand_dataset

DATA = hand_dataset()
MODEL = tm.fit(DATA, "bias", rng=0)
ANY: Any = tm  # calls below are wrong on purpose

TAKES_A_DATASET: dict[str, Callable[[Any], object]] = {
    "fit: train": lambda wrong: tm.fit(wrong, "bias"),
    "evaluate: data": lambda wrong: tm.evaluate(wrong, ["bias"]),
    "evaluate: also_mask": lambda wrong: tm.evaluate(DATA, ["bias"], also_mask=wrong),
    "evaluate_recommender: test": lambda wrong: tm.evaluate_recommender(MODEL, wrong),
    "compare: test": lambda wrong: tm.compare(MODEL, MODEL, test=wrong),
    "train_test_split: data": tm.train_test_split,
    "make_splits: data": tm.make_splits,
}
TAKES_A_RECOMMENDER: dict[str, Callable[[Any], object]] = {
    "evaluate_recommender": lambda wrong: tm.evaluate_recommender(wrong, DATA),
    "recommend": lambda wrong: tm.recommend(wrong, "u1"),
    "recommend_for_history": lambda wrong: tm.recommend_for_history(wrong, {1: 5.0}),
    "predict": lambda wrong: tm.predict(wrong, ["u1"], [1]),
    "similar_items": lambda wrong: tm.similar_items(wrong, 1),
    "find_item": lambda wrong: tm.find_item(wrong, 1),
    "explain": lambda wrong: tm.explain(wrong, "u1", 1),
    "explain_for_history": lambda wrong: tm.explain_for_history(wrong, {1: 5.0}, 2),
    "fold_in": lambda wrong: tm.fold_in(wrong, {1: 5.0}),
    "save": lambda wrong: tm.save(wrong, "nowhere"),
}


@pytest.mark.parametrize("call", TAKES_A_DATASET)
def test_the_name_of_a_data_set_is_no_data_set_and_the_error_loads_it(call: str) -> None:
    argument = call.split(": ")[1]
    expected = (
        rf"^{argument} must be a Dataset\. Got 'ml-100k'; load it first: tastemap\.load_data\('ml-100k'\)\.$"
    )
    with pytest.raises(InvalidValueError, match=expected):
        TAKES_A_DATASET[call]("ml-100k")
    with pytest.raises(InvalidValueError, match="Got Interactions: 13 ratings"):
        TAKES_A_DATASET[call](DATA.interactions)


@pytest.mark.parametrize("call", TAKES_A_RECOMMENDER)
def test_the_folder_of_a_model_is_no_model_and_the_error_loads_it(call: str) -> None:
    expected = r"^recommender must be a Recommender\. Got .*'m'.*; load it first: tastemap\.load\('m'\)\.$"
    for folder in ("m", Path("m")):
        with pytest.raises(InvalidValueError, match=expected):
            TAKES_A_RECOMMENDER[call](folder)
    with pytest.raises(InvalidValueError, match=r"Got Dataset hand: .*; tastemap\.fit makes one"):
        TAKES_A_RECOMMENDER[call](DATA)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: ANY.compare(MODEL, "m"), "b must be a Recommender"),
        (lambda: ANY.fit(DATA, ["als"]), "model must be the name of a model. Got ['als']"),
        (lambda: ANY.fit(DATA, "als", settings="n_factors=3"), "settings must be a mapping"),
        (lambda: ANY.evaluate(DATA, "als"), "models must be a list of names. Got 'als'; write ['als']"),
        (lambda: ANY.evaluate(DATA, 3), "models must be a list of names. Got 3"),
        (lambda: ANY.evaluate(DATA, ["bias"], settings=["als"]), "settings must be a mapping"),
        (lambda: ANY.evaluate(DATA, ["bias"], relevant_min="4"), "relevant_min must be a number. Got '4'"),
        (lambda: ANY.train_test_split(DATA, 0.2), "kind must be the name of a split. Got 0.2"),
        (lambda: ANY.train_test_split(DATA, test_fraction="0.2"), "test_fraction must be a number"),
        (lambda: ANY.recommend(MODEL, "u1", rules="year > 2000"), "rules must be Rules"),
        (lambda: ANY.recommend(MODEL, "u1", rules=tm.Rules(exclude=50)), "Got 50; write [50]"),  # type: ignore[arg-type]
        (lambda: ANY.recommend_for_history(MODEL, [1, 2]), "ratings must be a mapping"),
        (lambda: ANY.recommend_for_history(MODEL, {1: "5"}), "The rating of item 1 must be a number"),
        (lambda: ANY.evaluate_recommender(MODEL, None), "test must be a Dataset. Got None"),
        (lambda: ANY.save(MODEL, None), "folder must be a path. Got None"),
        (lambda: ANY.load(MODEL), "folder must be a path. Got"),
        (
            lambda: ANY.load_data(None),
            "source must be the name of a data set, a path, a Polars DataFrame or a DatabaseQuery",
        ),
        (lambda: ANY.check(DATA), "source must be the name of a data set"),
        (lambda: ANY.load_data(pl.DataFrame(), rating_scale=5), "rating_scale must be two finite numbers"),
        (lambda: ANY.load_data(pl.DataFrame(), rating_scale=("1", "5")), "rating_scale must be two finite"),
    ],
)
def test_other_wrong_types_are_named_with_the_remedy(call: Callable[[], object], said: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        call()
    assert said in str(caught.value)


def test_a_report_needs_a_record(tmp_path: Path) -> None:
    pytest.importorskip("altair")
    with pytest.raises(InvalidValueError, match=r"record must be an EvaluationRecord.*evaluate makes one"):
        ANY.write_report(MODEL, tmp_path / "report.html")


@pytest.mark.parametrize("one", ["u1", np.int64(3)])
def test_one_id_alone_is_a_list_of_one(one: Any) -> None:
    model = MODEL if isinstance(one, str) else tm.fit(checkerboard(), "popularity")
    assert tm.predict(model, one, 1).equals(tm.predict(model, [one], [1]))
    assert tm.recommend(model, one, k=2).frame.equals(tm.recommend(model, [one], k=2).frame)


def test_an_id_of_another_type_is_no_id() -> None:
    with pytest.raises(DataError, match=r"user ids must be integers or text\. Got Float64"):
        ANY.recommend(MODEL, 1.5)
    with pytest.raises(DataError, match=r"item ids must be integers or text\. Got Float64"):
        ANY.predict(MODEL, "u1", 1.5)


def test_what_the_library_returns_is_shown_in_one_line() -> None:
    size = "13 ratings (1–5) of 6 users and 5 items"
    record = tm.evaluate(DATA, ["bias"], rng=0)
    shown = {
        repr(DATA): f"Dataset hand: {size}",
        repr(DATA.interactions): f"Interactions: {size}",
        repr(checkerboard(4)): "Dataset checkerboard: 4 interactions of 4 users and 4 items",
        repr(MODEL): f"Recommender bias (rating), fitted to hand: {size}",
        repr(record): "EvaluationRecord of popularity, bias on hand, split random",
        repr(tm.recommend(MODEL, "u1", k=2)): "Recommendations: 1 list of up to 2 items, 2 rows",
    }
    assert list(shown) == list(shown.values())
    assert repr(tm.explain(MODEL, "u6", 1)).startswith("Explanation of Alpha (1977) (1): score ")
    estimate = record.result("bias").metrics["rmse"]
    assert repr(estimate).startswith(f"Estimate {estimate.value:.4g} (")
