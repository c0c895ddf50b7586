"""Losses, gradients and optimizers of the models trained by PyTorch, against independent calculations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor, nn

from tastemap.neural import losses
from tastemap.neural.device import own_threads, pick_device
from tastemap.neural.dot import DotProduct
from tastemap.neural.optimizers import SGD, Adam


def numeric_gradient(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    """Central differences, entry by entry."""
    gradient, step = torch.zeros_like(at), 1e-6
    for place in np.ndindex(*at.shape):
        there = at.clone()
        there[place] += step
        back = at.clone()
        back[place] -= step
        gradient[place] = (function(there) - function(back)) / (2.0 * step)
    return gradient


def doubles(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


ITEMS = doubles(5, 3, seed=1)
USERS_OF_BATCH, ITEMS_OF_BATCH = torch.tensor([0, 2, 2, 3]), torch.tensor([4, 0, 4, 1])
RATINGS = torch.tensor([4.0, 2.0, 5.0, 3.0], dtype=torch.float64)


def dot_product(user_factors: Tensor, rating_range: tuple[float, float] | None) -> DotProduct:
    return DotProduct(
        user_factors.clone(),
        ITEMS.clone(),
        user_bias=doubles(4, 1, seed=3),
        item_bias=doubles(5, 1, seed=4),
        global_bias=0.3,
        rating_range=rating_range,
    )


def batch_loss(user_factors: Tensor, rating_range: tuple[float, float] | None) -> Tensor:
    module = dot_product(user_factors, rating_range)
    return losses.mean_squared_error(module(USERS_OF_BATCH, ITEMS_OF_BATCH), RATINGS)


DIFFERENTIABLE: dict[str, Callable[[Tensor], Tensor]] = {
    "mean_squared_error": lambda x: losses.mean_squared_error(x[:, 0], RATINGS),
    "mean_squared_norm": losses.mean_squared_norm,
    "gravity": lambda x: losses.gravity(x, ITEMS),
}


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_the_gradient_of_a_loss_is_its_finite_difference(name: str) -> None:
    at = doubles(4, 3).requires_grad_()
    DIFFERENTIABLE[name](at).backward()  # type: ignore[no-untyped-call]
    assert at.grad is not None
    expected = numeric_gradient(DIFFERENTIABLE[name], at.detach())
    torch.testing.assert_close(at.grad, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("rating_range", [None, (0.5, 5.5)])
def test_the_gradient_of_the_module_is_its_finite_difference(rating_range: tuple[float, float] | None) -> None:
    users = doubles(4, 3, seed=2)
    module = dot_product(users, rating_range)
    losses.mean_squared_error(module(USERS_OF_BATCH, ITEMS_OF_BATCH), RATINGS).backward()  # type: ignore[no-untyped-call]
    assert module.user_factors.grad is not None
    expected = numeric_gradient(lambda x: batch_loss(x, rating_range), users)
    torch.testing.assert_close(module.user_factors.grad, expected, rtol=1e-6, atol=1e-8)


def test_gravity_by_gramians_is_the_dense_mean_over_all_pairs() -> None:
    users = doubles(7, 3)
    torch.testing.assert_close(losses.gravity(users, ITEMS), (users @ ITEMS.T).square().mean())


def test_long_sums_are_taken_in_chunks_without_losing_a_row() -> None:
    users, items = doubles(2 * losses.CHUNK + 5, 2), doubles(losses.CHUNK + 1, 2, seed=1)
    gramians = (users.T @ users) * (items.T @ items)
    torch.testing.assert_close(losses.gravity(users, items), gramians.sum() / (len(users) * len(items)))
    torch.testing.assert_close(losses.mean_squared_norm(users), users.square().sum() / len(users))
    zeros = torch.zeros(len(users), dtype=torch.float64)
    torch.testing.assert_close(losses.mean_squared_error(users[:, 0], zeros), users[:, 0].square().mean())


@pytest.mark.parametrize(("kind", "momentum"), [("sgd", 0.9), ("sgd", 0.0), ("adam", 0.9), ("adamw", 0.8)])
def test_an_optimizer_takes_the_same_steps_as_its_namesake_in_torch(kind: str, momentum: float) -> None:
    ours, theirs = (nn.Parameter(doubles(4, 3)) for _ in range(2))
    if kind == "sgd":
        mine: SGD | Adam = SGD([(ours, 0.1)])
        reference: torch.optim.Optimizer = torch.optim.SGD(
            [theirs], lr=0.01, momentum=momentum, weight_decay=0.1
        )
    else:
        mine = Adam([(ours, 0.1)], beta2=0.99, epsilon=1e-5, decoupled=kind == "adamw")
        optimizer = torch.optim.AdamW if kind == "adamw" else torch.optim.Adam
        reference = optimizer([theirs], lr=0.01, betas=(momentum, 0.99), eps=1e-5, weight_decay=0.1)
    for _ in range(20):
        for parameter in (ours, theirs):
            parameter.grad = None
            losses.gravity(parameter, ITEMS).backward()  # type: ignore[no-untyped-call]
        mine.step(0.01, momentum)
        reference.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


def test_the_device_falls_back_to_the_processor_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == (torch.device("cpu"), None)
    assert pick_device("cpu") == (torch.device("cpu"), None)
    device, note = pick_device("cuda")
    assert device == torch.device("cpu")
    assert note is not None
    assert "no CUDA device" in note


def test_the_number_of_torch_threads_is_restored() -> None:
    before = torch.get_num_threads()
    with own_threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
