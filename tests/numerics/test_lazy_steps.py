"""Steps that move only the rows of a batch, against steps that go over all rows."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor, nn

from tastemap.models.dot import DotConfig
from tastemap.neural.dot import DotProduct
from tastemap.neural.fit_dot import fit
from tastemap.neural.lazy import LazyAdam, predict_pairs, sorting_order
from tastemap.neural.optimizers import Adam
from tests.toys import planted

USERS, ITEMS = torch.tensor([3, 0, 3, 2, 3]), torch.tensor([1, 4, 0, 1, 1])
RATINGS = torch.tensor([4.0, 2.0, 5.0, 3.0, 1.0])


def normal(*shape: int, seed: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def module() -> DotProduct:
    return DotProduct(
        normal(5, 3, seed=1),
        normal(6, 3, seed=2),
        user_bias=normal(5, 1, seed=3),
        item_bias=normal(6, 1, seed=4),
        global_bias=0.3,
        rating_range=(0.5, 5.5),
    )


def lazy(parameters: list[tuple[nn.Parameter, float]]) -> LazyAdam:
    return LazyAdam(parameters, beta2=0.99, epsilon=1e-5)


def test_the_sorting_order_is_stable() -> None:
    index = torch.tensor([7, 2, 7, 0, 2, 2])
    assert sorting_order(index).tolist() == [3, 1, 4, 5, 0, 2]
    assert sorting_order(torch.tensor([5])).tolist() == [0]


def test_rows_taken_give_the_predictions_and_gradients_of_the_whole_tables() -> None:
    whole, part = module(), module()
    optimizer = lazy([(p, 0.0) for p in part.parameters()])
    predicted, ratings = predict_pairs(part, optimizer, USERS, ITEMS, RATINGS)
    order = sorting_order(USERS)
    expected = whole(USERS, ITEMS)
    torch.testing.assert_close(ratings, RATINGS[order])
    torch.testing.assert_close(predicted, expected[order])
    (predicted * ratings).sum().backward()  # type: ignore[no-untyped-call]
    (expected * RATINGS).sum().backward()
    for parameter, of_whole in zip(part.parameters(), whole.parameters(), strict=True):
        taken = optimizer._taken[parameter]
        assert of_whole.grad is not None
        torch.testing.assert_close(taken.values.grad, of_whole.grad[taken.rows])
        met = torch.zeros(len(parameter), dtype=torch.bool)
        met[taken.rows] = True
        assert not of_whole.grad[~met].any()


def test_where_every_step_meets_all_rows_it_is_adam() -> None:
    start = normal(4, 2, seed=5)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    optimizer = lazy([(ours, 0.1)])
    adam = Adam([(theirs, 0.1)], beta2=0.99, epsilon=1e-5, decoupled=False)
    for step in range(4):
        target = normal(4, 2, seed=6 + step)
        (optimizer.take(ours, torch.arange(4)) - target).square().sum().backward()  # type: ignore[no-untyped-call]
        (theirs - target).square().sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step(0.05, 0.9)
        adam.step(0.05, 0.9)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_penalty_that_was_missed_joins_the_gradient_when_the_row_is_met() -> None:
    table = nn.Parameter(torch.tensor([[2.0], [3.0]]))
    optimizer = lazy([(table, 0.01)])
    for row in (1, 1, 1, 0):
        before = table[0].item()
        optimizer.take(table, torch.tensor([row])).mul(0.5).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step(1e-9, 0.0)
        assert row == 0 or table[0].item() == before, "a row that is not met stays"
    (remembered,) = optimizer._tables.values()
    assert remembered.means[0].item() == pytest.approx(0.5 + 4 * 0.01 * 2.0)
    assert remembered.means[1].item() == pytest.approx(0.5 + 0.01 * 3.0)


def test_a_fit_by_lazy_steps_predicts_as_well_as_one_by_whole_steps() -> None:
    data = planted(150, 100, 3, density=0.3, noise=0.1, seed=3)
    held = np.random.default_rng(1).random(len(data.interactions)) < 0.1
    train, test = data.select(~held), data.interactions.select(held)
    settings = {"n_factors": 3, "batch_size": 256, "learning_rate": 0.02, "n_epochs": 30}

    def error(**change: object) -> float:
        config = DotConfig.model_validate({**settings, **change})
        model = fit(train, config, rng=np.random.default_rng(0))
        users = train.interactions.users.indices(test.users.take(test.user_index))
        items = train.interactions.items.indices(test.items.take(test.item_index))
        score = model.users(users).score(items[:, None])[:, 0]
        return float(np.sqrt(np.mean((model.link.apply(score) - test.values) ** 2)))

    whole = error()
    assert whole < 0.7 * float(test.values.std())
    assert error(lazy_steps=True) == pytest.approx(whole, rel=0.05)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"optimizer": "sgd"}, "optimizer=sgd"),
        ({"optimizer": "adamw", "weight_decay": 0.1}, "optimizer=adamw"),
        ({"implicit_history": True}, "implicit_history=True"),
        ({"gravity": 0.5}, "gravity=0.5"),
        ({"factor_regularization": 0.1}, "factor_regularization=0.1"),
    ],
)
def test_what_moves_all_rows_is_refused_beside_lazy_steps(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=f"lazy_steps must be false.*{said}"):
        DotConfig.model_validate({"lazy_steps": True, **settings})


DIGEST = """
import hashlib, numpy as np
from tastemap.models.dot import DotConfig
from tastemap.neural import device, fit_dot
from tests.toys import planted
device.WORTH_SHARING = 1
data = planted(9_000, 4_000, density=0.002)
config = DotConfig(n_factors=9, batch_size=40_000, n_epochs=2, lazy_steps=True)
model = fit_dot.fit(data, config, rng=np.random.default_rng(0))
arrays = (model.user_factors, model.item_factors, model.user_bias, model.item_bias)
print(len(data.interactions), hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest())
"""


def test_large_lazy_batches_give_the_same_bytes_at_one_and_two_threads() -> None:
    printed = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, "TASTEMAP_THREADS": threads},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for threads in ("1", "2")
    }
    assert len(printed) == 1
    assert int(printed.pop().split()[0]) > 60_000
