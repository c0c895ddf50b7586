"""Gradients of the losses by every parameter of every module, under every option, are finite differences."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor, nn

from tastemap.linalg.csr import from_pairs
from tastemap.neural import losses
from tastemap.neural.dot import DotProduct
from tastemap.neural.history import HistoryPrior
from tastemap.neural.mlp import MLP
from tastemap.neural.side import Side
from tastemap.neural.softmax import SoftmaxNetwork

N_USERS, N_ITEMS, D = 4, 5, 3
USERS, ITEMS = torch.tensor([0, 0, 2, 2, 3]), torch.tensor([1, 4, 0, 4, 1])  # pairs in the order of users
RATINGS = torch.tensor([4.0, 1.0, 2.0, 5.0, 3.0], dtype=torch.float64)
BY_ITEM = torch.argsort(ITEMS, stable=True)
RANGE = (0.5, 5.5)


def doubles(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def check(module: nn.Module, loss: Callable[[], Tensor]) -> None:
    """Compare every entry of the gradient of every parameter with a central difference."""
    module.zero_grad()
    loss().backward()  # type: ignore[no-untyped-call]
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        expected = torch.zeros_like(parameter)
        with torch.no_grad():
            for place in np.ndindex(*parameter.shape):
                here = parameter[place].item()
                sides = []
                for move in (1e-6, -1e-6):
                    parameter[place] = here + move
                    sides.append(loss().item())
                parameter[place] = here
                expected[place] = (sides[0] - sides[1]) / 2e-6
        assert expected.abs().max() > 1e-6, f"{name} has no part in the loss"
        if ".tables." in name:
            expected[-1] = 0.0  # stands for no value, and stays zero
        assert torch.allclose(parameter.grad, expected, rtol=1e-5, atol=1e-7), name


def dot(
    *, prior: bool = False, biases: bool = True, rating_range: tuple[float, float] | None = RANGE
) -> DotProduct:
    history = from_pairs(
        USERS.numpy(), ITEMS.numpy().astype(np.int32), np.ones(5, np.float32), (N_USERS, N_ITEMS)
    )
    return DotProduct(
        doubles(N_USERS, D, seed=1),
        doubles(N_ITEMS, D, seed=2),
        prior=HistoryPrior(history, doubles(N_ITEMS, D, seed=3)) if prior else None,
        user_bias=doubles(N_USERS, 1, seed=4) if biases else None,
        item_bias=doubles(N_ITEMS, 1, seed=5) if biases else None,
        global_bias=0.3,
        rating_range=rating_range,
    )


DOTS: dict[str, Callable[[], DotProduct]] = {
    "sigmoid": dot,
    "no sigmoid": lambda: dot(rating_range=None),
    "no biases": lambda: dot(biases=False),
    "implicit history": lambda: dot(prior=True),
}


@pytest.mark.parametrize("by_item", [None, BY_ITEM], ids=["gathered rows", "fixed pairs"])
@pytest.mark.parametrize("part", DOTS)
def test_gradients_of_the_dot_product(part: str, by_item: Tensor | None) -> None:
    module = DOTS[part]()

    def loss() -> Tensor:
        X, Y = module.user_factors, module.item_factors
        squares = losses.mean_squared_error(module(USERS, ITEMS, by_item), RATINGS)
        return (
            squares
            + 0.3 * losses.gravity(X, Y)
            + 0.2 * (losses.mean_squared_norm(X) + losses.mean_squared_norm(Y))
        )

    check(module, loss)


def mlp(**change: object) -> MLP:
    settings: dict[str, object] = {
        "batch_norm": False,
        "product": False,
        "input_relu": False,
        "input_dropout": 0.0,
        "layer_dropout": (0.0, 0.0),
        "rating_range": RANGE,
    }
    features = bool(change.pop("features", False))
    values = torch.tensor([[0, 2], [2, 2], [1, 2], [0, 1], [2, 2]])  # 2 is no value
    tables = [(values, torch.cat([doubles(2, 2, seed=8), torch.zeros(1, 2)]))] if features else []
    user_side, item_side = Side(doubles(N_USERS, D, seed=6)), Side(doubles(N_ITEMS, D, seed=7), tables)
    widths = (user_side.n_inputs + item_side.n_inputs, 6, 4, 1)
    linears = [(doubles(b, a, seed=a), doubles(b, seed=b + 10)) for a, b in pairwise(widths)]
    masks = torch.Generator()
    return MLP(user_side, item_side, linears, masks=masks, **{**settings, **change}).double()  # type: ignore[arg-type]


MLPS: dict[str, dict[str, object]] = {
    "plain": {},
    "no sigmoid": {"rating_range": None},
    "product": {"product": True},
    "input_relu": {"input_relu": True},
    "dropout": {"input_dropout": 0.3, "layer_dropout": (0.2, 0.2)},
    "batch_norm": {"batch_norm": True},
    "features": {"features": True},
    "all": {"batch_norm": True, "product": True, "input_relu": True, "input_dropout": 0.1, "features": True},
}


@pytest.mark.parametrize("part", MLPS)
def test_gradients_of_the_network_in_training(part: str) -> None:
    module = mlp(**MLPS[part])
    module.train()

    def loss() -> Tensor:
        module.masks.manual_seed(3)  # the same values are left out each time
        return losses.mean_squared_error(module(USERS, ITEMS), RATINGS)

    check(module, loss)


@pytest.mark.parametrize("layers", [(), (6,), (6, 4)])
def test_gradients_of_the_softmax_network(layers: tuple[int, ...]) -> None:
    linears = [(doubles(b, a, seed=a), doubles(b, seed=b + 10)) for a, b in pairwise((4, *layers, D))]
    module = SoftmaxNetwork(
        Side(doubles(N_ITEMS, 4, seed=1)), linears, doubles(N_ITEMS, D, seed=2), doubles(N_ITEMS, seed=3)
    )
    bags, seen = doubles(N_USERS, N_ITEMS, seed=4).abs(), (doubles(N_USERS, N_ITEMS, seed=5) > 0.0).double()
    check(module, lambda: losses.multinomial(module(bags), seen))
