"""Reasons of ``mlp``: what a score loses without an entry, against users that are solved again without it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

pytest.importorskip("torch")

from tastemap.data import Dataset
from tastemap.linalg.csr import CSR
from tastemap.linalg.types import Float64Array
from tastemap.models import network_history
from tastemap.models.mlp import MLPConfig
from tastemap.models.network import REFINED, Network, NetworkUsers
from tastemap.models.network_history import HistoryProblem
from tastemap.models.network_without import _LeftOut, without_each
from tastemap.neural.fit_mlp import fit
from tests.toys import planted

PARTS: dict[str, dict[str, object]] = {
    "plain": {},
    "layers": {"layers": [16, 12], "learning_rate": 0.01},
    "product": {"product": True},
    "input_relu": {"input_relu": True},
    "no sigmoid": {"sigmoid": False},
    "batch_norm": {"batch_norm": True},
}
EVERY_PART = pytest.mark.parametrize("part", PARTS)
USERS = range(10)


@cache
def data() -> Dataset:
    return planted(60, 80, density=0.4)


@cache
def fitted(part: str) -> Network:
    settings = {"user_size": 4, "item_size": 4, "layers": [24], "n_epochs": 8, "batch_size": 64}
    more = {"learning_rate": 0.03, "init_std": 0.3}
    config = MLPConfig.model_validate({**settings, **more, **PARTS[part]})
    return fit(data(), config, rng=np.random.default_rng(0))


def problem_of(network: Network, user: int, without: int | None = None) -> HistoryProblem:
    items, values = data().interactions.by_user.row(user)
    kept = np.arange(len(items)) != (-1 if without is None else without)
    return HistoryProblem(network, items[kept], values[kept].astype(np.float64))


def history_of(user: int) -> CSR:
    return data().interactions.by_user.take(np.array([user]))


def scores(network: Network, inputs: Float64Array, item: int) -> Float64Array:
    states = NetworkUsers(network, np.atleast_2d(inputs).astype(np.float32))
    return states.score(np.full((len(states), 1), item, np.int32))[:, 0]


def minimum(problem: HistoryProblem, start: Float64Array, patch: pytest.MonkeyPatch) -> Float64Array:
    """The minimum to the end, where fold-in is content with less."""
    with patch.context() as exact:
        exact.setattr(network_history, "CONVERGED", 1e-9)
        exact.setattr(network_history, "MOST_STEPS", 60)
        return problem.solve(start)


@EVERY_PART
def test_the_strongest_reasons_are_those_of_users_solved_again(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = fitted(part)
    found, one_step, expected = [], [], []
    for user in range(10):
        item = 7 * user
        values = network.contributions(history_of(user), np.array([item], np.int32)).values[0]
        strongest = np.argsort(-np.abs(values))[:5]
        whole = problem_of(network, user).solve()
        again = [minimum(problem_of(network, user, entry), whole, monkeypatch) for entry in strongest.tolist()]
        score = scores(network, whole, item)
        near = problem_of(network, user).without_each(whole)[strongest]
        expected.append(score - scores(network, np.array(again), item))
        one_step.append(score - scores(network, near, item))
        found.append(values[strongest])
    exact = np.concatenate(expected)
    off, roughly_off = (rms(np.concatenate(values) - exact) for values in (found, one_step))
    assert off < 0.4 * rms(exact)
    assert off < 0.75 * roughly_off  # a single step would be as far off as itself


@EVERY_PART
def test_the_loss_without_an_entry_is_that_of_the_shorter_history_and_so_is_its_gradient(part: str) -> None:
    network, entries = fitted(part), np.array([3, 0, 11])
    whole = network.user_inputs[5].astype(np.float64)
    left_out = _LeftOut(problem_of(network, 5), whole)
    inputs = whole + 0.1 * np.random.default_rng(2).normal(size=(3, len(whole)))
    at_whole = np.tile(whole, (3, 1))
    for at, (losses, gradients) in (
        (inputs, left_out.expansion(inputs, entries)),
        (at_whole, left_out.expansion(at_whole, entries)),
        (at_whole, left_out.start(entries)),
    ):
        for row, entry in enumerate(entries.tolist()):
            loss, gradient, _ = problem_of(network, 5, entry).expansion(at[row])
            assert losses[row] == pytest.approx(loss, rel=1e-12)
            np.testing.assert_allclose(gradients[row], gradient, rtol=1e-9, atol=1e-10)


def test_the_shared_matrix_without_an_entry_is_that_of_the_shorter_history() -> None:
    network = fitted("plain")
    whole = network.user_inputs[5].astype(np.float64)
    entries, gradients = np.array([3, 0]), np.random.default_rng(2).normal(size=(2, len(whole)))
    steps = _LeftOut(problem_of(network, 5), whole).newton_step(gradients, entries)
    for step, gradient, entry in zip(steps, gradients, entries.tolist(), strict=True):
        hessian = problem_of(network, 5, entry).expansion(whole)[2]
        np.testing.assert_allclose(step, -np.linalg.solve(hessian, gradient), rtol=1e-8)


def test_no_step_raises_the_loss_and_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network, entries = fitted("layers"), np.arange(12)
    problem = problem_of(network, 5)
    whole = problem.solve()
    found = without_each(problem, whole, entries)
    for entry in entries.tolist():
        shorter = problem_of(network, 5, entry)
        assert shorter.expansion(found[entry])[0] < shorter.expansion(whole)[0]
    monkeypatch.setattr("tastemap.models.network_without.BLOCK_VALUES", 1)
    np.testing.assert_allclose(without_each(problem, whole, entries), found, rtol=1e-9)


def test_weak_reasons_stay_one_step_away(monkeypatch: pytest.MonkeyPatch) -> None:
    network, item = fitted("plain"), 3
    n_strong = 4
    assert n_strong < REFINED
    monkeypatch.setattr("tastemap.models.network.REFINED", n_strong)
    values = network.contributions(history_of(5), np.array([item], np.int32)).values[0]
    problem = problem_of(network, 5)
    whole = problem.solve()
    one_step = scores(network, whole, item) - scores(network, problem.without_each(whole), item)
    order = np.argsort(-np.abs(one_step))
    np.testing.assert_allclose(values[order[n_strong:]], one_step[order[n_strong:]], rtol=1e-6, atol=1e-9)
    assert (values[order[:n_strong]] != one_step[order[:n_strong]]).all()


def test_the_only_entry_is_the_difference_to_the_mean_user() -> None:
    network = fitted("plain")
    items, values = data().interactions.by_user.row(5)
    alone = CSR(np.array([0, 1]), items[:1], values[:1], network.n_items)
    found = network.contributions(alone, np.array([3], np.int32))
    score = network.fold_in(alone).score(np.array([[3]], np.int32))[0, 0]
    assert found.values[0].tolist() == [score - found.baseline[0]]


def rms(values: Float64Array) -> float:
    return float(np.sqrt(np.mean(values**2)))
