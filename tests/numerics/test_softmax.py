"""``softmax``: the encoder that NumPy runs against the module that PyTorch trained, and what it learns."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from tastemap.data import Catalog, Dataset, LoadReport, make_interactions
from tastemap.inference import recommend
from tastemap.linalg.csr import CSR, empty_rows
from tastemap.linalg.types import Float64Array
from tastemap.models.encoder import HistoryEncoder
from tastemap.models.factor import FactorModel
from tastemap.models.softmax import SoftmaxConfig
from tastemap.neural import fit_softmax, losses
from tastemap.neural.fit_softmax import epochs, fit
from tastemap.neural.softmax import SoftmaxNetwork
from tastemap.training import fit as fit_recommender
from tests.toys import planted, with_features

SMALL: dict[str, object] = {
    "n_factors": 4,
    "input_size": 6,
    "layers": [8, 5],
    "n_epochs": 5,
    "batch_size": 16,
    "learning_rate": 0.02,
    "item_features": ["genres"],
}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@cache
def data() -> Dataset:
    return with_features(planted(50, 30))


def config(**change: object) -> SoftmaxConfig:
    return SoftmaxConfig.model_validate({**SMALL, **change})


@cache
def fitted(lowest: float | None = None) -> FactorModel:
    train = replace(data(), interactions=data().interactions.at_least(lowest))
    return fit(train, config(positive_min=lowest), rng=rng())


def encoder_of(model: FactorModel) -> HistoryEncoder:
    assert isinstance(model.user_side, HistoryEncoder)
    return model.user_side


def dense(history: CSR) -> Float64Array:
    seen = np.zeros((history.n_rows, history.n_columns))
    for row in range(history.n_rows):
        seen[row, history.row(row)[0]] = 1.0
    return seen


def by_hand(model: FactorModel, seen: Float64Array) -> Float64Array:
    """Scores of all items, written down again: bags over roots of lengths, layers, dot products, biases."""
    encoder = encoder_of(model)
    hidden = seen @ encoder.item_inputs / np.sqrt(np.maximum(seen.sum(axis=1), 1.0))[:, None]
    for number, layer in enumerate(encoder.layers):
        hidden = (np.maximum(hidden, 0.0) if number else hidden) @ layer.weights.T + layer.offsets
    scores: Float64Array = hidden @ model.item_factors.T + model.item_bias
    return scores


def all_items(n_rows: int) -> np.ndarray:
    return np.tile(np.arange(data().interactions.n_items, dtype=np.int32), (n_rows, 1))


def test_numpy_runs_the_encoder_that_torch_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    modules: list[SoftmaxNetwork] = []
    export = fit_softmax._export

    def keep(module: SoftmaxNetwork, *arguments: object) -> FactorModel:
        modules.append(module)
        return export(module, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(fit_softmax, "_export", keep)
    model = fit(data(), config(), rng=rng())
    history = data().interactions.by_user
    seen = dense(history)
    bags = torch.from_numpy(seen / np.sqrt(seen.sum(axis=1, keepdims=True))).float()
    with torch.no_grad():
        expected = modules[-1](bags).numpy()
    found = model.fold_in(history).score(all_items(len(seen)))
    assert found.std() > 0.1
    np.testing.assert_allclose(found, expected, atol=2e-5)
    np.testing.assert_array_equal(found, model.users(np.arange(len(seen))).score(all_items(len(seen))))


def test_scores_follow_the_formula() -> None:
    history = data().interactions.by_user
    found = fitted().fold_in(history).score(all_items(history.n_rows))
    np.testing.assert_allclose(found, by_hand(fitted(), dense(history)), atol=1e-5)


def test_reasons_are_true_leave_one_out_differences() -> None:
    model, row = fitted(), data().interactions.by_user.take(np.array([7]))
    found = model.contributions(row, np.array([2], np.int32))
    assert not found.additive
    seen = dense(row)
    without = np.repeat(seen, len(row.indices), axis=0)
    without[np.arange(len(row.indices)), row.indices] = 0.0
    expected = by_hand(model, seen)[0, 2] - by_hand(model, without)[:, 2]
    np.testing.assert_allclose(found.values[0], expected, atol=1e-5)
    assert found.baseline[0] == pytest.approx(by_hand(model, np.zeros_like(seen))[0, 2], abs=1e-5)


def test_the_only_item_of_a_history_makes_all_the_difference() -> None:
    items, values = np.array([4], np.int32), np.array([5.0], np.float32)
    row = CSR(np.array([0, 1]), items, values, data().interactions.n_items)
    found = fitted().contributions(row, np.array([2], np.int32))
    score = fitted().fold_in(row).score(np.array([[2]], np.int32))[0, 0]
    assert found.baseline[0] + found.values[0, 0] == pytest.approx(score, abs=1e-5)


def test_low_ratings_are_not_in_the_bag() -> None:
    model, history = fitted(3.0), data().interactions.by_user
    assert encoder_of(model).positive_min == 3.0
    kept = history.at_least(3.0)
    assert len(kept.indices) < len(history.indices)
    whole, part = (model.fold_in(rows).score(all_items(rows.n_rows)) for rows in (history, kept))
    np.testing.assert_array_equal(whole, part)
    row = history.take(np.array([3]))
    low = row.values < 3.0
    assert low.any()
    values = model.contributions(row, np.array([2], np.int32)).values[0]
    assert not values[low].any()
    assert values[~low].all()


def test_nobody_is_an_empty_history() -> None:
    model = fitted()
    nobody = model.users(np.array([0, -1])).score(all_items(2))
    np.testing.assert_array_equal(nobody[1], model.fold_in(empty_rows(1, model.n_items)).score(all_items(1))[0])
    np.testing.assert_allclose(nobody[1:], by_hand(model, np.zeros((1, model.n_items))), atol=1e-5)
    np.testing.assert_array_equal(nobody[0], model.users(np.array([0])).score(all_items(1))[0])
    nothing = model.contributions(empty_rows(1, model.n_items), np.array([0], np.int32))
    assert nothing.values.shape == (1, 0)


def test_the_loss_is_the_mean_log_probability_of_every_pair_that_was_seen() -> None:
    logits, seen = rng().normal(size=(3, 5)), np.array([[1, 0, 0, 1, 0], [0, 1, 0, 0, 0], [1, 1, 1, 1, 1.0]])
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = losses.multinomial(torch.from_numpy(logits), torch.from_numpy(seen))
    assert float(found) == pytest.approx(-np.log(probabilities[seen > 0]).mean())


def test_the_gradient_of_the_loss_is_its_finite_difference() -> None:
    seen = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]], dtype=torch.float64)
    at = torch.from_numpy(rng().normal(size=(2, 3))).requires_grad_()
    losses.multinomial(at, seen).backward()  # type: ignore[no-untyped-call]
    assert at.grad is not None
    for place in np.ndindex(2, 3):
        move = torch.zeros(2, 3, dtype=torch.float64)
        move[place] = 1e-6
        above, below = (losses.multinomial(at.detach() + sign * move, seen) for sign in (1.0, -1.0))
        assert float(above - below) / 2e-6 == pytest.approx(float(at.grad[place]), abs=1e-8)


def test_training_lowers_the_loss_from_that_of_popularity() -> None:
    # Without anything learned, log-popularity is the softmax: its loss can be written down.
    train, settings = data().interactions, config(n_epochs=30, init_std=1e-6)
    share = (1.0 + train.popularity) / (1.0 + train.popularity).sum()
    seen = dense(train.by_user)
    popularity = -(seen * np.log(share)).sum() / seen.sum()
    reported = [epoch.losses["loss"] for epoch in epochs(data(), settings, rng=rng())]
    assert reported[0] == pytest.approx(popularity, rel=0.02)
    assert reported[-1] < 0.99 * popularity


def test_what_people_hide_is_guessed_anew_in_each_epoch() -> None:
    first, again, other = (fit(data(), config(history_dropout=share), rng=rng()) for share in (0.5, 0.5, 0.2))
    np.testing.assert_array_equal(first.item_factors, again.item_factors)
    assert not np.array_equal(first.item_factors, other.item_factors)


def test_users_find_their_community_where_popularity_cannot_see_it() -> None:
    # Two communities of 30 people and 15 items; everybody has 8 of them. The second one is less popular.
    generator = rng(5)
    pairs, hidden = [], {}
    for user in range(60):
        block = 15 * (user >= 36)
        chosen = block + generator.permutation(15)[:9]
        hidden[user] = set(range(block, block + 15)) - set(chosen.tolist())
        pairs += [(user, int(item)) for item in chosen]
    users, items = (list(side) for side in zip(*pairs, strict=True))
    made, _ = make_interactions(users, items, np.ones(len(pairs), np.float32))
    dataset = Dataset("blocks", made, Catalog.empty(), None, LoadReport(len(pairs), len(pairs)))

    def hits(name: str, settings: dict[str, object]) -> float:
        frame = recommend(fit_recommender(dataset, name, settings=settings, rng=0), k=6).frame
        rows = frame.select("user_id", "item_id").rows()
        return sum(item in hidden[user] for user, item in rows) / len(rows)

    settings: dict[str, object] = {"n_factors": 8, "input_size": 16, "layers": [16], "n_epochs": 30}
    assert hits("popularity", {}) < 0.7
    assert hits("softmax", {**settings, "batch_size": 16, "validation_fraction": 0.0}) > 0.9


def test_places_follow_the_times_and_equal_times_are_drawn() -> None:
    users, items = [1, 1, 1, 1, 2, 2], [10, 20, 30, 40, 10, 40]
    times = np.array([400, 100, 300, 200, 7, 7])
    timed, _ = make_interactions(users, items, np.ones(6, np.float32), timestamps=times)
    places = fit_softmax._in_order_of_time(timed, rng())
    np.testing.assert_allclose(places.row(0)[1], [0.75, 0.0, 0.5, 0.25])
    assert set(places.row(1)[1]) == {0.0, 0.5}
    drawn = {tuple(fit_softmax._in_order_of_time(timed, rng(seed)).row(1)[1]) for seed in range(20)}
    assert drawn == {(0.0, 0.5), (0.5, 0.0)}


@pytest.mark.parametrize("future_share", [0.0, 0.5, 1.0])
def test_a_share_of_the_users_is_shown_up_to_a_point_in_time_and_the_others_at_random(
    future_share: float,
) -> None:
    place = torch.arange(400.0).expand(300, 400) / 400.0
    masks = torch.Generator().manual_seed(0)
    shown = fit_softmax._shown(place, config(future_share=future_share, history_dropout=0.3), masks).numpy()
    is_start = (np.diff(shown.astype(np.int8), axis=1) <= 0).all(axis=1)  # nothing is shown after a gap
    assert is_start.mean() == pytest.approx(future_share, abs=0.1)
    assert shown.mean() == pytest.approx(0.5 * future_share + 0.7 * (1.0 - future_share), abs=0.06)
    assert shown[~is_start].sum() == pytest.approx(0.7 * shown[~is_start].size, rel=0.02)


@pytest.mark.parametrize("batch_size", [1, 7, 16, 1000])
def test_the_loss_is_a_mean_over_interactions_whatever_the_batches(batch_size: int) -> None:
    still = config(
        batch_size=batch_size, learning_rate=1e-12, history_dropout=0.0, future_share=0.0, n_epochs=1
    )
    epoch = next(epochs(data(), still, rng=rng()))
    history = data().interactions.by_user
    states = epoch.model.users(np.arange(history.n_rows))
    scores = states.score(np.tile(np.arange(history.n_columns, dtype=np.int32), (history.n_rows, 1)))
    chances = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    expected = -np.mean(
        [chances[user, item] for user in range(history.n_rows) for item in history.row(user)[0]]
    )
    assert len(set(history.row_lengths)) > 1
    assert epoch.losses["loss"] == pytest.approx(expected, rel=1e-5)
