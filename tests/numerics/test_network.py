"""``mlp``: the network that NumPy runs against the module that PyTorch trained, and how its users fold in."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from tastemap.data import Dataset
from tastemap.errors import ColumnError, DivergedError
from tastemap.linalg.csr import CSR, empty_rows
from tastemap.linalg.types import Float64Array
from tastemap.models.layers import Layer
from tastemap.models.mlp import MLPConfig, embedding_size
from tastemap.models.network import REFINED, Network, NetworkUsers
from tastemap.models.network_history import HistoryProblem
from tastemap.models.network_without import without_each
from tastemap.neural import fit_mlp
from tastemap.neural.fit_mlp import epochs, fit
from tastemap.neural.losses import mean_squared_error
from tastemap.neural.mlp import MLP
from tastemap.neural.train import array_of
from tests.toys import planted, with_features

SMALL: dict[str, object] = {
    "user_size": 3,
    "item_size": 4,
    "layers": [8],
    "n_epochs": 6,
    "batch_size": 64,
    "learning_rate": 0.03,
    "init_std": 0.3,
}

PARTS: dict[str, dict[str, object]] = {
    "plain": {},
    "layers": {"layers": [16, 12, 8], "learning_rate": 0.01},
    "batch_norm": {"layers": [8, 6], "batch_norm": True},
    "input_relu": {"input_relu": True},
    "dropout": {"layers": [8, 6], "input_dropout": 0.2, "layer_dropout": [0.3, 0.1]},
    "product": {"item_size": 3, "product": True},
    "features": {"user_features": ["age"], "item_features": ["genres", "year"]},
    "no sigmoid": {"sigmoid": False},
    "all": {
        "layers": [8, 6],
        "item_size": 3,
        "product": True,
        "batch_norm": True,
        "input_relu": True,
        "input_dropout": 0.1,
        "layer_dropout": [0.2],
        "user_features": ["age"],
        "item_features": ["genres"],
    },
}
EVERY_PART = pytest.mark.parametrize("part", PARTS)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@cache
def data() -> Dataset:
    return with_features(planted(60, 40, density=0.4))


def config(part: str) -> MLPConfig:
    return MLPConfig.model_validate({**SMALL, **PARTS[part]})


@cache
def fitted(part: str) -> Network:
    return fit(data(), config(part), rng=rng())


def all_items(n_rows: int, n_items: int) -> np.ndarray:
    return np.tile(np.arange(n_items, dtype=np.int32), (n_rows, 1))


def trained(part: str, monkeypatch: pytest.MonkeyPatch) -> tuple[MLP, Network]:
    """A module after training, and the network that was made of it."""
    modules: list[MLP] = []
    export = fit_mlp._export

    def keep(module: MLP, *arguments: object) -> Network:
        modules.append(module)
        return export(module, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(fit_mlp, "_export", keep)
    network = fit(data(), config(part), rng=rng())
    return modules[-1], network


@EVERY_PART
def test_numpy_runs_the_network_that_torch_trained(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, network = trained(part, monkeypatch)
    module.eval()
    users, items = np.divmod(np.arange(network.n_users * network.n_items), network.n_items)
    with torch.no_grad():
        expected = module(torch.from_numpy(users), torch.from_numpy(items)).numpy()
    score = network.users(users).score(items.astype(np.int32)[:, None])[:, 0]
    # the link of a model without sigmoid cuts at the rating scale, which training does not
    predicted = network.link.apply(score) if network.link.kind == "sigmoid" else score
    assert predicted.std() > 0.1
    np.testing.assert_allclose(predicted, expected, atol=2e-5)


@EVERY_PART
def test_quick_scores_of_all_items_are_the_exact_ones_to_float32(part: str) -> None:
    network = fitted(part)
    states = network.users(np.array([3, -1, 7]))
    exact = states.score(all_items(3, network.n_items))
    np.testing.assert_allclose(states.score_range(), exact, rtol=1e-5, atol=1e-5)


def test_blocks_do_not_change_the_scores_of_all_items(monkeypatch: pytest.MonkeyPatch) -> None:
    states = fitted("plain").users(np.arange(9))
    whole = states.score_range()
    monkeypatch.setattr("tastemap.models.network.BLOCK_BYTES", 1)
    np.testing.assert_allclose(states.score_range(), whole, rtol=1e-6)


def half_loss(network: Network, history: CSR, row: int, inputs: Float64Array) -> float:
    """Half the loss of fold-in, written down again from the scores of a network."""
    items, values = history.row(row)
    x = network.gated(inputs)
    h = x @ network.user_weights.T + network.item_part[items]  # (s, h)
    for weights, offsets in network.later_layers:
        h = np.maximum(h, 0.0) @ weights.T + offsets
    m = network.n_products
    score = h[:, 0] + network.item_inputs[items, :m].astype(np.float64) @ inputs[:m]
    squares = ((network.link.apply(score) - values) ** 2).sum()
    weight = network.user_loss.regularization * len(items) ** network.user_loss.frequency_power
    return float(0.5 * squares + 0.5 * weight * ((inputs - network.mean_user) ** 2).sum())


@EVERY_PART
def test_the_gradient_of_a_history_is_its_finite_difference(part: str) -> None:
    network, history = fitted(part), data().interactions.by_user
    items, values = history.row(5)
    problem = HistoryProblem(network, items, values.astype(np.float64))
    at = network.user_inputs[5].astype(np.float64)
    loss, gradient, _ = problem.expansion(at)
    assert loss == pytest.approx(half_loss(network, history, 5, at))
    np.testing.assert_allclose(gradient, slope(network, history, 5, at), rtol=1e-4, atol=1e-5)


def slope(network: Network, history: CSR, row: int, at: Float64Array) -> Float64Array:
    """Central differences of the loss of fold-in."""
    step = 1e-6 * np.eye(len(at))
    return np.array(
        [
            (half_loss(network, history, row, at + move) - half_loss(network, history, row, at - move)) / 2e-6
            for move in step
        ]
    )


@pytest.mark.parametrize("part", ["plain", "layers", "batch_norm", "features", "no sigmoid"])
def test_fold_in_lowers_the_loss_to_where_it_no_longer_falls(part: str) -> None:
    network, history = fitted(part), data().interactions.by_user
    folded = network.fold_in(history)
    gained = left = 0.0
    for row in range(history.n_rows):
        start = network.mean_user.astype(np.float64)
        found = folded.inputs[row].astype(np.float64)
        before, after = (half_loss(network, history, row, inputs) for inputs in (start, found))
        assert after <= before
        gained += before - after
        # what a further step down the gradient could gain: max(0, h) has kinks, where it is not 0
        downhill = slope(network, history, row, found)
        left += max(after - half_loss(network, history, row, found - s * downhill) for s in (1e-3, 1e-2))
    assert left < 0.02 * gained


def test_a_smooth_network_folds_in_where_the_gradient_is_zero() -> None:
    network, history = smooth(), data().interactions.by_user
    folded = network.fold_in(history.take(np.arange(8)))
    for row in range(8):
        found = folded.inputs[row].astype(np.float64)
        at_start = slope(network, history, row, network.mean_user.astype(np.float64))
        assert np.abs(slope(network, history, row, found)).max() < 2e-3 * np.abs(at_start).max()


def smooth() -> Network:
    """A network whose hidden values are all positive, so that it has no kink where users are."""
    network = fitted("plain")
    first, last = network.layers
    raised = Layer(first.weights, first.offsets + np.float32(20.0))
    lowered = Layer(last.weights, last.offsets - np.float32(20.0) * last.weights.sum(axis=1))
    return replace(network, layers=[raised, lowered])


def test_folded_in_training_users_predict_about_as_well_as_the_fitted_ones() -> None:
    dataset = planted(150, 100, density=0.3)
    rows = dataset.interactions
    settings = {**SMALL, "layers": [32], "n_epochs": 12, "batch_size": 128, "user_size": 6, "item_size": 6}
    network = fit(dataset, MLPConfig.model_validate(settings), rng=rng())
    of_rows = rows.item_index[:, None]

    def error(states: object) -> float:
        score = states.take(rows.user_index).score(of_rows)[:, 0]  # type: ignore[attr-defined]
        return float(np.sqrt(np.mean((network.link.apply(score) - rows.values) ** 2)))

    fitted_error = error(network.users(np.arange(rows.n_users)))
    assert fitted_error < 0.5 * float(rows.values.std())
    assert error(network.fold_in(rows.by_user)) < 1.15 * fitted_error


def changes_without_each(network: Network) -> tuple[Float64Array, Float64Array]:
    """What the score of each item of 12 users loses without its entry: by one step, and by solving again."""
    history, quick, exact = data().interactions.by_user, [], []
    for row in range(12):
        items, values = history.row(row)
        problem = HistoryProblem(network, items, values.astype(np.float64))
        whole = problem.solve()
        others = problem.without_each(whole)
        for entry, item in enumerate(items.tolist()):
            kept = np.arange(len(items)) != entry
            again = HistoryProblem(network, items[kept], values[kept].astype(np.float64)).solve(whole)
            score, near, far = network_scores(network, np.vstack([whole, others[entry], again]), item)
            quick.append(score - near)
            exact.append(score - far)
    return np.array(quick), np.array(exact)


def test_a_user_without_an_entry_is_one_step_away_where_the_network_is_smooth() -> None:
    quick, exact = changes_without_each(smooth())
    # what is left: the sigmoid, and a penalty that falls with the root of the length, which the step keeps
    assert rms(quick - exact) < 0.05 * rms(exact)


@pytest.mark.parametrize("part", ["plain", "batch_norm"])
def test_kinks_leave_most_of_a_change_without_an_entry_to_one_step(part: str) -> None:
    quick, exact = changes_without_each(fitted(part))
    assert np.corrcoef(quick, exact)[0, 1] > 0.7


def rms(values: Float64Array) -> float:
    return float(np.sqrt(np.mean(values**2)))


def network_scores(network: Network, inputs: Float64Array, item: int) -> Float64Array:
    states = NetworkUsers(network, inputs.astype(np.float32))
    return states.score(np.full((len(inputs), 1), item, np.int32))[:, 0]


def test_reasons_are_differences_to_the_user_without_each_item() -> None:
    network, history = fitted("plain"), data().interactions.by_user.take(np.array([4]))
    found = network.contributions(history, np.array([3], np.int32))
    assert not found.additive
    items, values = history.row(0)
    assert len(items) <= REFINED
    problem = HistoryProblem(network, items, values.astype(np.float64))
    whole = problem.solve()
    others = without_each(problem, whole, np.arange(len(items)))
    scores = network_scores(network, np.vstack([network.mean_user, whole, others]), 3)
    assert found.baseline[0] == scores[0]
    np.testing.assert_allclose(found.values[0], scores[1] - scores[2:], rtol=1e-6, atol=1e-6)


def test_nobody_is_the_mean_user_and_an_unknown_item_the_mean_item() -> None:
    network = fitted("plain")
    np.testing.assert_allclose(network.mean_user, network.user_inputs.mean(axis=0), atol=1e-6)
    everything = all_items(1, network.n_items)
    nobody = network.users(np.array([-1])).score(everything)
    np.testing.assert_array_equal(network.fold_in(empty_rows(1, network.n_items)).score(everything), nobody)
    inputs = np.hstack([network.user_inputs[2], network.item_inputs.mean(axis=0)]).astype(np.float64)
    hidden = np.maximum(network.layers[0].weights @ inputs + network.layers[0].offsets, 0.0)
    expected = network.layers[1].weights @ hidden + network.layers[1].offsets
    found = network.users(np.array([2])).score(np.array([[-1]], np.int32))
    assert found[0, 0] == pytest.approx(float(expected[0]), abs=1e-5)
    nothing = network.contributions(empty_rows(1, network.n_items), np.array([0], np.int32))
    assert nothing.values.shape == (1, 0)


def test_the_gradients_of_the_module_are_finite_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    module, _ = trained("features", monkeypatch)
    module.double()
    users, items = torch.tensor([0, 2, 2, 3]), torch.tensor([4, 0, 4, 1])
    ratings = torch.tensor([4.0, 2.0, 5.0, 3.0], dtype=torch.float64)
    mean_squared_error(module(users, items), ratings).backward()  # type: ignore[no-untyped-call]
    for name, parameter in module.named_parameters():
        gradient = parameter.grad
        assert gradient is not None
        place = divmod(int(gradient.abs().argmax()), gradient.shape[-1])[-gradient.ndim :]
        losses = []
        with torch.no_grad():
            for move in (1e-6, -2e-6):
                parameter[place] += move
                losses.append(float(mean_squared_error(module(users, items), ratings)))
            parameter[place] += 1e-6
        difference = (losses[0] - losses[1]) / 2e-6
        assert difference == pytest.approx(float(gradient[place]), rel=1e-4), name


def test_a_product_adds_the_dot_product_of_the_embeddings_to_what_the_layers_give() -> None:
    network, m = fitted("all"), 3
    layers_alone = replace(network, n_products=0)
    everyone, everything = np.arange(network.n_users), all_items(network.n_users, network.n_items)
    with_unknown = np.hstack([everything, np.full((network.n_users, 1), -1, np.int32)])
    embeddings = np.vstack([network.item_inputs, network.item_inputs.mean(axis=0)])[:, :m].astype(np.float64)
    added = network.users(everyone).score(with_unknown) - layers_alone.users(everyone).score(with_unknown)
    expected = network.user_inputs[:, :m].astype(np.float64) @ embeddings.T
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(added, expected, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 7])
def test_a_batch_of_a_single_row_is_normalized_too(batch_size: int) -> None:
    dataset = data()
    rows = np.zeros(len(dataset.interactions), np.bool_)
    rows[: 7 * 5 + 1] = True
    settings = {**SMALL, "batch_norm": True, "batch_size": batch_size, "n_epochs": 2}
    network = fit(dataset.select(rows), MLPConfig.model_validate(settings), rng=rng())
    assert np.isfinite(network.users(np.array([0])).score_range()).all()


def test_dropout_leaves_out_its_share_in_training_and_nothing_after(monkeypatch: pytest.MonkeyPatch) -> None:
    module, _ = trained("plain", monkeypatch)
    ones = torch.ones(200, 100)
    module.train()
    dropped = module._drop(ones, 0.3)
    np.testing.assert_allclose(np.unique(dropped.numpy()), [0.0, 1 / 0.7], rtol=1e-6)
    assert float((dropped == 0.0).float().mean()) == pytest.approx(0.3, abs=0.01)
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.02)
    module.eval()
    assert module._drop(ones, 0.3) is ones


def test_sizes_that_are_not_given_follow_the_rule() -> None:
    assert [embedding_size(n) for n in (944, 1665, 10_000_000)] == [74, 102, 600]
    unset = MLPConfig.model_validate({**SMALL, "user_size": None, "item_size": None, "n_epochs": 1})
    network = fit(data(), unset, rng=rng())
    assert network.user_inputs.shape == (60, embedding_size(60))
    assert network.item_inputs.shape == (40, embedding_size(40))


def test_features_stand_beside_the_embeddings() -> None:
    network = fitted("features")
    n_years = 10  # groups of equal size
    assert network.user_inputs.shape[1] == 3 + embedding_size(10)
    assert network.item_inputs.shape[1] == 4 + embedding_size(3) + embedding_size(n_years)
    # items 0, 4, 8 … have no genre, and those by 7 no year: their features are zero
    assert not network.item_inputs[0, 4:].any()
    assert network.item_inputs[1, 4:].all()


def test_a_feature_that_the_data_lacks_is_named() -> None:
    settings = {**SMALL, "item_features": ["genre"]}
    with pytest.raises(ColumnError, match=r"catalog has no column 'genre'. Did you mean genres"):
        fit(data(), MLPConfig.model_validate(settings), rng=rng())
    settings = {**SMALL, "user_features": ["age"]}
    with pytest.raises(ColumnError, match=r"table of users has no column 'age'. Columns found: none"):
        fit(planted(), MLPConfig.model_validate(settings), rng=rng())


def test_the_same_seed_gives_the_same_network_and_another_seed_another() -> None:
    first, again = fitted("all"), fit(data(), config("all"), rng=rng())
    np.testing.assert_array_equal(
        first.users(np.arange(9)).score_range(), again.users(np.arange(9)).score_range()
    )
    other = fit(data(), config("all"), rng=rng(1))
    assert not np.array_equal(first.user_inputs, other.user_inputs)


def test_a_stopped_run_is_repeated_by_its_resolved_settings() -> None:
    networks = [epoch.model for epoch in epochs(data(), config("all"), rng=rng())]
    repeated = [epoch.model for epoch in epochs(data(), config("all").resolved(3), rng=rng())]
    assert (len(networks), len(repeated)) == (6, 3)
    np.testing.assert_array_equal(networks[2].user_inputs, repeated[2].user_inputs)
    assert networks[2].user_loss == repeated[2].user_loss


def test_parameters_that_are_no_longer_finite_stop_with_advice() -> None:
    np.testing.assert_array_equal(array_of(torch.tensor([1.0, 2.0])), [1.0, 2.0])
    for spoiled in (torch.inf, torch.nan):
        with pytest.raises(DivergedError, match=r"parameters to stay finite.*a tenth"):
            array_of(torch.tensor([1.0, spoiled]))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"layers": [0]}, "layers must be widths from 1 to 16,384"),
        ({"layers": [100_000_000]}, "layers must be widths from 1"),
        ({"layers": []}, "at least 1 item"),
        ({"layers": [4], "layer_dropout": [0.1, 0.1]}, "at most 1 shares"),
        ({"layers": [4], "layer_dropout": [1.0]}, "from 0 to below 1"),
        ({"input_dropout": 1.0}, "less than 1"),
        ({"product": True}, "product needs user_size and item_size, equal"),
        ({"product": True, "user_size": 4, "item_size": 5}, "Got 4 and 5"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MLPConfig.model_validate(settings)
