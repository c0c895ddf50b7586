"""What every registered model must do, found by the registry so that a new model cannot dodge it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tastemap.artifacts import load, save
from tastemap.data import Dataset
from tastemap.errors import InvalidValueError, TastemapError, UnknownItemError, UnknownUserError
from tastemap.inference import Rules, explain, fold_in, predict, recommend, recommend_for_history, similar_items
from tastemap.inference.explain import explain_for_history
from tastemap.linalg.types import Float64Array
from tastemap.models.recommender import Recommender
from tastemap.training import MODELS, fit
from tests.toys import checkerboard, planted, with_features

EVERY_MODEL = pytest.mark.parametrize("name", sorted(MODELS))
EXACT = {"als", "bias", "ease", "ials", "itemknn", "popularity"}
LEAVE_ONE_OUT = {"mlp", "softmax"}
WITH_VECTORS = {"als", "dot", "ease", "gibbs", "ials", "itemknn", "mlp", "softmax"}

QUICK: dict[str, dict[str, object]] = {
    "als": {"n_factors": 4, "n_epochs": 4},
    "dot": {"n_factors": 4, "n_epochs": 10, "batch_size": 128, "learning_rate": 0.05},
    "gibbs": {"n_factors": 4, "n_epochs": 30, "burn_in": 20},
    "ials": {"n_factors": 4, "n_epochs": 4},
    "itemknn": {"n_neighbors": 6},
    "mlp": {
        "user_size": 4,
        "item_size": 4,
        "layers": [16],
        "n_epochs": 8,
        "batch_size": 128,
        "learning_rate": 0.03,
    },
    "softmax": {
        "n_factors": 8,
        "input_size": 8,
        "layers": [8],
        "n_epochs": 6,
        "batch_size": 16,
        "learning_rate": 0.02,
    },
}

# Every part of a network at once, where the order of sums and of random numbers could depend on threads.
WHOLE: dict[str, dict[str, object]] = {
    "gibbs": {"n_epochs": 40, "implicit_history": True},
    "mlp": {"layers": [16, 8], "batch_norm": True, "input_dropout": 0.1, "layer_dropout": [0.2]},
}

# Enough training to find the factors that were planted.
PATIENT: dict[str, dict[str, object]] = {
    "als": {"n_factors": 4, "n_epochs": 30},
    "dot": {"n_factors": 4, "n_epochs": 30},
    "gibbs": {"n_factors": 4, "n_epochs": 80, "burn_in": 40},
    "itemknn": {"n_neighbors": 20},
    "mlp": {
        "user_size": 8,
        "item_size": 8,
        "layers": [32],
        "n_epochs": 20,
        "batch_size": 128,
        "learning_rate": 0.03,
        "init_std": 0.1,
    },
    "softmax": {
        "n_factors": 8,
        "input_size": 8,
        "layers": [8],
        "n_epochs": 30,
        "batch_size": 8,
        "learning_rate": 0.03,
        "validation_fraction": 0.0,
    },
}

NEURAL = ("dot", "mlp", "softmax")
STEPS: dict[str, object] = {
    "schedule": "steps",
    "step_epochs": [1],
    "step_rates": [0.01],
    "validation_fraction": 0.0,
}

STOPPING = ("als", "dot", "ials", "mlp", "softmax")  # fitted in epochs, which a validation part may end

# Settings that act only beside another, and values that are allowed where a guessed one is not.
BESIDE: dict[tuple[str, str], dict[str, object]] = {
    **{(name, "n_epochs"): {"validation_fraction": 0.0} for name in STOPPING},
    ("als", "history_regularization"): {"implicit_history": True},
    ("ials", "log_values"): {"alpha": 0.5},
    ("ials", "recency_half_life"): {"recency": 1.0},
    ("ials", "bias_regularization"): {"biases": True},
    ("ials", "cg_steps"): {"solver": "cg"},
    ("gibbs", "patience"): {"validation_fraction": 0.2, "tolerance": 0.05},
    ("gibbs", "tolerance"): {"validation_fraction": 0.2, "patience": 6},
    ("gibbs", "validation_fraction"): {"patience": 3, "tolerance": 0.05},
    **{(name, "validation_fraction"): {"n_epochs": 12, "patience": 1, "tolerance": 0.01} for name in STOPPING},
    **{(name, "tolerance"): {"n_epochs": 12, "patience": 4} for name in STOPPING},
    **{(name, "patience"): {"n_epochs": 12, "tolerance": 0.02} for name in STOPPING},
    **{(name, "cycle_epochs"): {"schedule": "cosine-restarts"} for name in NEURAL},
    **{(name, "momentum"): {"schedule": "constant"} for name in NEURAL},
    **{(name, "step_epochs"): STEPS for name in NEURAL},
    **{(name, "step_rates"): STEPS for name in NEURAL},
    **{(name, "warm_up_epochs"): {"schedule": "constant"} for name in NEURAL},
    **{(name, "weight_decay"): {"optimizer": "adamw"} for name in NEURAL},
    ("mlp", "product"): {"user_size": 8, "item_size": 8},
    ("softmax", "optimizer"): {"weight_decay": 0.0},
    ("softmax", "regularization"): {"optimizer": "adam", "weight_decay": 0.0},
}
OTHER_VALUES: dict[tuple[str, str], object] = {
    ("ials", "solver"): "cg",
    ("ials", "init"): "leading",
    **{(name, "validation_fraction"): 0.0 for name in STOPPING},
    **{(name, "tolerance"): 0.1 for name in STOPPING},
    **{(name, "patience"): 1 for name in STOPPING},
    ("gibbs", "patience"): 3,
    ("gibbs", "tolerance"): 0.1,
    ("gibbs", "validation_fraction"): 0.2,
    **{(name, "cycle_epochs"): [2] for name in NEURAL},
    **{(name, "step_epochs"): [2] for name in NEURAL},
    **{(name, "step_rates"): [0.02] for name in NEURAL},
    **{(name, "range_high"): 6.0 for name in NEURAL},
    **{(name, "warm_up_epochs"): 1.5 for name in NEURAL},
    **{(name, "positive_min"): 3.0 for name, entry in MODELS.items() if entry.objective == "ranking"},
    ("gibbs", "implicit_history"): False,
    ("gibbs", "history_directions"): 4,
    ("gibbs", "user_features"): ["age"],
    ("gibbs", "item_features"): ["genres"],
    ("mlp", "layers"): [8],
    ("mlp", "layer_dropout"): [0.5],
    ("mlp", "user_features"): ["age"],
    ("mlp", "item_features"): ["genres"],
    ("softmax", "layers"): [12],
    ("softmax", "item_features"): ["year"],
}


@cache
def toy() -> Dataset:
    return with_features(planted())


@cache
def fitted(name: str) -> Recommender:
    return fit(toy(), name, settings=QUICK.get(name), rng=0)


def all_scores(recommender: Recommender) -> Float64Array:
    data = recommender.train.interactions
    states = recommender.model.users(np.arange(data.n_users))
    return states.score(np.tile(np.arange(data.n_items, dtype=np.int32), (data.n_users, 1)))


def digests(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.iterdir()):
        yield path.name, hashlib.sha256(path.read_bytes()).hexdigest()


@EVERY_MODEL
def test_shapes_and_dtypes_follow_the_data(name: str) -> None:
    recommender, data = fitted(name), toy().interactions
    assert (recommender.model.n_users, recommender.model.n_items) == (data.n_users, data.n_items)
    states = recommender.model.users(np.arange(7))
    assert states.score_range().shape == (7, data.n_items)
    assert states.score_range().dtype == np.float32
    parts = [states.score_range(start, start + 5) for start in range(0, data.n_items, 5)]
    np.testing.assert_allclose(np.hstack(parts), states.score_range(), rtol=1e-4, atol=1e-5)
    assert states.items_at_once >= 1
    assert states.score(np.zeros((7, 3), np.int32)).dtype == np.float64
    assert len(states) == 7


@EVERY_MODEL
def test_the_same_seed_gives_the_same_artifact_bytes(name: str, tmp_path: Path) -> None:
    first = fit(toy(), name, settings=QUICK.get(name), rng=3)
    second = fit(toy(), name, settings=QUICK.get(name), rng=3)
    save(first, tmp_path / "first")
    save(second, tmp_path / "second")
    assert dict(digests(tmp_path / "first")) == dict(digests(tmp_path / "second"))


@EVERY_MODEL
def test_one_and_two_threads_give_the_same_artifact_bytes(name: str, tmp_path: Path) -> None:
    source = tmp_path / "ratings.csv"
    # 1,200 users fill many blocks of rows, whatever the model; the small toy would be one block for one thread
    planted(n_users=1_200, n_items=200, density=0.05).interactions.frame().write_csv(source)
    folders = []
    for threads in ("1", "2"):
        folder = tmp_path / threads
        chosen = {**QUICK.get(name, {}), **WHOLE.get(name, {})}
        settings = [part for key, value in chosen.items() for part in ("--set", f"{key}={json.dumps(value)}")]
        run = subprocess.run(
            [
                sys.executable,
                "-m",
                "tastemap",
                "fit",
                str(source),
                "--model",
                name,
                "-o",
                str(folder),
                *settings,
            ],
            env={**os.environ, "TASTEMAP_THREADS": threads},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        folders.append(dict(digests(folder)))
    assert folders[0] == folders[1]


@EVERY_MODEL
def test_fitting_leaves_its_input_alone(name: str) -> None:
    data = planted(seed=5)
    rows = data.interactions
    before = [array.copy() for array in (rows.user_index, rows.item_index, rows.values)]
    fit(data, name, settings=QUICK.get(name), rng=0)
    for array, copy in zip((rows.user_index, rows.item_index, rows.values), before, strict=True):
        np.testing.assert_array_equal(array, copy)


@EVERY_MODEL
def test_a_saved_model_scores_and_lists_the_same(name: str, tmp_path: Path) -> None:
    save(fitted(name), tmp_path / "model")
    again = load(tmp_path / "model")
    np.testing.assert_array_equal(all_scores(fitted(name)), all_scores(again))
    assert recommend(again, k=5).frame.equals(recommend(fitted(name), k=5).frame)
    save(again, tmp_path / "copy")
    assert dict(digests(tmp_path / "model")) == dict(digests(tmp_path / "copy"))


@EVERY_MODEL
def test_a_batch_answers_as_single_users_do(name: str) -> None:
    users = toy().interactions.users.ids.to_list()[:9]
    batch = recommend(fitted(name), users, k=6).frame
    single = pl.concat([recommend(fitted(name), [user], k=6).frame for user in users])
    assert batch.equals(single)


@EVERY_MODEL
def test_lists_are_the_exact_best_unseen_items(name: str) -> None:
    recommender, data = fitted(name), toy().interactions
    scores = all_scores(recommender)
    scores[data.user_index, data.item_index] = -np.inf
    frame = recommend(recommender, k=5).frame
    for row, user in enumerate(data.users.ids.to_list()):
        order = np.lexsort((np.arange(data.n_items), -scores[row]))[:5]
        listed = frame.filter(pl.col("user_id") == user)
        assert listed["item_id"].to_list() == data.items.take(order).to_list()
        np.testing.assert_array_equal(listed["score"].to_numpy(), scores[row][order])
        assert listed["rank"].to_list() == [1, 2, 3, 4, 5]


@EVERY_MODEL
def test_seen_and_excluded_items_never_appear(name: str) -> None:
    recommender, data = fitted(name), toy().interactions
    excluded = data.items.ids.to_list()[:5]
    frame = recommend(recommender, k=data.n_items, rules=Rules(exclude=excluded)).frame
    assert not set(frame["item_id"]) & set(excluded)
    seen = set(zip(*(data.frame()[column].to_list() for column in ("user_id", "item_id")), strict=True))
    assert not seen & set(zip(frame["user_id"].to_list(), frame["item_id"].to_list(), strict=True))


@EVERY_MODEL
def test_a_list_longer_than_the_catalog_is_short_and_says_so(name: str) -> None:
    data = toy().interactions
    user = data.users.to_id(0)
    found = recommend(fitted(name), [user], k=1_000)
    assert len(found.frame) == data.n_items - data.by_user.row_lengths[0]
    assert "shorter than 1000" in found.notes[0]


@EVERY_MODEL
def test_only_allowed_items_appear(name: str) -> None:
    allowed = toy().interactions.items.ids.to_list()[10:14]
    frame = recommend(fitted(name), k=3, rules=Rules(only=allowed)).frame
    assert set(frame["item_id"]) <= set(allowed)


@EVERY_MODEL
def test_unknown_ids_are_named(name: str) -> None:
    with pytest.raises(UnknownUserError, match="999999"):
        recommend(fitted(name), [999_999])
    with pytest.raises(UnknownItemError, match="999999"):
        explain(fitted(name), toy().interactions.users.to_id(0), 999_999)
    with pytest.raises(InvalidValueError, match=">= 1"):
        recommend(fitted(name), k=0)


@EVERY_MODEL
def test_every_pair_is_predicted_and_marked(name: str) -> None:
    data = toy().interactions
    user, item = data.users.to_id(0), data.items.to_id(0)
    frame = predict(fitted(name), [user, user, -7, -7], [item, -9, item, -9])
    assert frame["known"].to_list() == ["both", "user", "item", "none"]
    assert np.isfinite(frame["score"].to_numpy()).all()
    assert (frame["prediction"].null_count() == 0) == (fitted(name).objective == "rating")


@EVERY_MODEL
def test_an_explanation_adds_up(name: str) -> None:
    recommender, data = fitted(name), toy().interactions
    for user in data.users.ids.to_list()[:10]:
        for item in data.items.ids.to_list()[:5]:
            found = explain(recommender, user, item)
            total = found.baseline + float(found.reasons["contribution"].to_numpy().sum()) + found.remainder
            assert total == pytest.approx(found.score, abs=1e-9)
            if name in EXACT:
                assert abs(found.remainder) <= 1e-4


@EVERY_MODEL
def test_a_folded_in_history_is_explained_without_remainder(name: str) -> None:
    data = toy().interactions
    items, values = data.by_user.row(3)
    ratings = dict(zip(data.items.take(items).to_list(), values.tolist(), strict=True))
    found = explain_for_history(fitted(name), ratings, data.items.to_id(2))
    assert found.additive == (name not in LEAVE_ONE_OUT)
    assert (abs(found.remainder) <= 1e-3) == found.additive


@EVERY_MODEL
def test_a_training_history_folds_in_near_its_fitted_user(name: str) -> None:
    recommender, data = fitted(name), toy().interactions
    fitted_scores = all_scores(recommender)
    folded = recommender.model.fold_in(data.by_user)
    items = np.tile(np.arange(data.n_items, dtype=np.int32), (data.n_users, 1))
    scores = folded.score(items)
    if name in EXACT:  # the last half step of fitting solved the users
        np.testing.assert_allclose(scores, fitted_scores, atol=1e-4)
    else:
        assert np.corrcoef(scores.ravel(), fitted_scores.ravel())[0, 1] > 0.8


@EVERY_MODEL
def test_a_history_folds_in_alone_as_in_a_batch(name: str) -> None:
    recommender, data = fitted(name), toy().interactions
    items = np.tile(np.arange(data.n_items, dtype=np.int32), (data.n_users, 1))
    batch = recommender.model.fold_in(data.by_user).score(items)
    for user in range(0, data.n_users, 7):
        alone = recommender.model.fold_in(data.by_user.take(np.array([user]))).score(items[:1])
        np.testing.assert_array_equal(alone[0], batch[user])


@EVERY_MODEL
def test_an_index_outside_the_catalog_is_refused(name: str) -> None:
    states = fitted(name).model.users(np.array([0]))
    for outside in (-2, toy().interactions.n_items):
        with pytest.raises(InvalidValueError, match="item_index must be from -1"):
            states.score(np.array([[0, outside]], np.int32))


@EVERY_MODEL
def test_a_new_history_gets_lists_like_a_user(name: str) -> None:
    data = toy().interactions
    ratings = {data.items.to_id(1): 5.0, data.items.to_id(4): 2.0}
    found = recommend_for_history(fitted(name), ratings, k=4)
    assert found.frame["rank"].to_list() == [1, 2, 3, 4]
    assert not set(found.frame["item_id"]) & set(ratings)
    state = fold_in(fitted(name), ratings)
    scores = state.score(data.items.indices(found.frame["item_id"])[None, :])[0]
    np.testing.assert_array_equal(scores, found.frame["score"].to_numpy())


@EVERY_MODEL
def test_similar_items_leave_out_the_item_itself(name: str) -> None:
    item = toy().interactions.items.to_id(0)
    if name not in WITH_VECTORS:
        with pytest.raises(InvalidValueError, match="no item vectors"):
            similar_items(fitted(name), item)
        return
    cosine = similar_items(fitted(name), item, measure="cosine", k=1_000, min_common_users=0).frame
    assert item not in cosine["item_id"].to_list()
    assert len(cosine) == toy().interactions.n_items - 1
    assert cosine["similarity"].is_sorted(descending=True)
    assert cosine["similarity"].is_between(-1.0001, 1.0001).all()


@EVERY_MODEL
def test_each_setting_alone_changes_the_artifact(name: str, tmp_path: Path) -> None:
    base = fitted(name)
    for field, info in type(base.config).model_fields.items():
        guess = _another_value(field, getattr(base.config, field), info.annotation)
        other = OTHER_VALUES.get((name, field), guess)
        beside = {**QUICK.get(name, {}), **BESIDE.get((name, field), {})}
        reference = fit(toy(), name, settings=beside, rng=0) if (name, field) in BESIDE else base
        try:
            changed = fit(toy(), name, settings={**beside, field: other}, rng=0)
        except TastemapError as error:
            pytest.fail(f"{name}: {field}={other!r}: {error}")
        if field in {"calibration_parts", "device"}:  # intervals alone; where it is trained, not what
            continue
        assert not np.array_equal(all_scores(changed), all_scores(reference)), f"{name}: {field} has no effect"


@pytest.mark.parametrize("name", sorted(name for name in MODELS if name != "popularity"))
def test_every_model_beats_its_baseline_on_planted_data(name: str) -> None:
    data = planted(n_users=150, n_items=80, density=0.3, seed=1)
    held = np.random.default_rng(0).random(len(data.interactions)) < 0.1
    train, test = data.select(~held), data.interactions.select(held)
    if MODELS[name].objective == "ranking":
        return _beats_popularity(name)
    recommender = fit(train, name, settings=PATIENT.get(name), rng=0)
    predicted = predict(recommender, test.users.take(test.user_index), test.items.take(test.item_index))
    error = float(np.sqrt(np.mean((predicted["prediction"].to_numpy() - test.values) ** 2)))
    assert error < {"bias": 1.05}.get(name, 0.9) * float(test.values.std())
    return None


def _beats_popularity(name: str) -> None:
    """On the checkerboard the first unseen item of user u is item u, whatever is popular."""
    data = checkerboard()
    frame = recommend(fit(data, name, settings=PATIENT.get(name, QUICK.get(name)), rng=0), k=1).frame
    assert (frame["user_id"] == frame["item_id"]).all()


def _another_value(field: str, value: object, annotation: object) -> object:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return 0.5 * value if value else 0.25
    choices = [choice for choice in getattr(annotation, "__args__", ()) if choice not in (value, type(None))]
    if choices and isinstance(choices[0], str):
        return choices[0]
    return 1
