"""What a network sees of a user or an item: embeddings, and the means of those of its features."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from tastemap.data.feature_columns import FeatureColumn
from tastemap.linalg.csr import from_pairs
from tastemap.models.mlp import embedding_size
from tastemap.neural.optimizers import SGD, Adam, Optimizer
from tastemap.neural.side import Side, feature_tables

# Row 0 has the values 0 and 2, row 1 none, row 2 the value 1.
COLUMN = FeatureColumn(
    "genres", from_pairs(np.array([0, 0, 2]), np.array([2, 0, 1]), np.ones(3, np.float32), (3, 3))
)


def side() -> Side:
    rng = np.random.default_rng(0)
    return Side(
        torch.from_numpy(rng.normal(size=(3, 2)).astype(np.float32)), feature_tables([COLUMN], 0.5, rng)
    )


def test_several_values_count_by_their_mean_and_none_by_zero() -> None:
    module = side()
    table, embedding = module.tables[0].detach(), module.embedding.detach()
    size = embedding_size(3)
    assert table.shape == (4, size)
    assert module.n_inputs == 2 + size
    inputs = module.all_inputs().detach()
    torch.testing.assert_close(inputs[:, :2], embedding)
    torch.testing.assert_close(inputs[0, 2:], (table[0] + table[2]) / 2.0)
    torch.testing.assert_close(inputs[1, 2:], torch.zeros(size))
    torch.testing.assert_close(inputs[2, 2:], table[1])
    torch.testing.assert_close(module(torch.tensor([2, 0, 2])), inputs[[2, 0, 2]])


@pytest.mark.parametrize("kind", ["sgd", "adam", "adamw"])
def test_no_optimizer_moves_the_row_that_stands_for_no_value(kind: str) -> None:
    module = side()
    parameters: list[tuple[nn.Parameter, float]] = [(p, 0.1) for p in module.parameters()]
    optimizer: Optimizer = (
        SGD(parameters)
        if kind == "sgd"
        else Adam(parameters, beta2=0.99, epsilon=1e-8, decoupled=kind == "adamw")
    )
    before = module.tables[0].detach().clone()
    for _ in range(5):
        module.all_inputs().square().sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step(0.05, 0.9)
    after = module.tables[0].detach()
    assert not after[-1].any()
    assert not torch.isclose(after[:-1], before[:-1]).any()
