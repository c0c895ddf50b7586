"""Each reason against a dense least-squares problem written from the loss: not only their sum is right."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from tastemap.data import Interactions
from tastemap.linalg.csr import CSR
from tastemap.linalg.types import Float64Array
from tastemap.models.factor import FactorModel
from tastemap.models.implicit_history import ImplicitHistory
from tastemap.models.item_weights import ItemWeights
from tastemap.models.recommender import Recommender
from tastemap.models.user_loss import PriorLoss, UserLoss
from tastemap.training import MODELS, fit
from tests.toys import planted

SETTINGS: dict[str, dict[str, object]] = {
    "als": {"n_factors": 4, "n_epochs": 4},
    "dot": {"n_factors": 4, "n_epochs": 10, "batch_size": 128, "learning_rate": 0.05},
    "gibbs": {"n_factors": 4, "n_epochs": 20, "burn_in": 10},
    "ials": {"n_factors": 4, "n_epochs": 4},
    "itemknn": {"n_neighbors": 10},
}
LEAVE_ONE_OUT = {"mlp", "softmax"}
"""Their reasons are differences that need not add up."""
ITEMS = (0, 7, 31)
USERS = (0, 3, 11)


@cache
def fitted(name: str) -> Recommender:
    return fit(planted(), name, settings=SETTINGS.get(name), rng=0)


def least_squares_reasons(model: FactorModel, history: CSR, item: int) -> Float64Array:
    """What entry j adds to the score: the solution of the user's problem with the target of j alone.

    One row per entry, one per item for the weight of unobserved pairs, one per coordinate for the penalties.
    """
    seen, values = history.row(0)
    Y = model.item_factors.astype(np.float64)
    loss, vectors = model.user_side, np.zeros((len(Y), Y.shape[1] + 1))
    if isinstance(loss, ImplicitHistory):  # what the presence of an item says of factors and bias
        assert loss.history_bias is not None
        vectors = np.hstack([loss.history_factors, loss.history_bias[:, None]]).astype(np.float64)
        loss = loss.loss
    assert isinstance(loss, UserLoss)
    present = vectors[seen] / np.sqrt(len(seen))  # (s, d + 1)
    offset = model.global_bias + model.item_bias[seen].astype(np.float64)
    confidence = 1.0 + loss.alpha * values.astype(np.float64) if loss.implicit else np.ones(len(seen))
    target = np.ones(len(seen)) if loss.implicit else values.astype(np.float64)
    has_bias = loss.bias_regularization is not None
    rows = np.hstack([Y[seen], np.ones((len(seen), int(has_bias)))])  # (s, d) or (s, d + 1)
    working = target - offset - np.hstack([Y[seen], np.ones((len(seen), 1))]) @ present.sum(axis=0)
    if model.link.kind == "sigmoid":  # the tangent at the folded-in user
        side = model.fold_in(history).score(seen[None, :])[0] - offset
        low, width = model.link.low, model.link.high - model.link.low
        share = 1.0 / (1.0 + np.exp(-(offset + side)))
        slope = width * share * (1.0 - share)
        confidence, working = confidence * slope**2, side + (target - low - width * share) / slope
    scale = (len(seen) + loss.unobserved_weight * len(Y)) ** loss.frequency_power
    penalties = np.append(
        np.full(Y.shape[1], loss.regularization * scale), [loss.bias_regularization] * has_bias
    )
    everything = np.hstack([Y, np.zeros((len(Y), int(has_bias)))])
    A = np.vstack(
        [
            np.sqrt(confidence)[:, None] * rows,
            np.sqrt(loss.unobserved_weight) * everything,
            np.diag(np.sqrt(penalties.astype(np.float64))),
        ]
    )
    if isinstance(loss, PriorLoss):
        A = np.vstack([A, np.linalg.cholesky(loss.penalty.astype(np.float64)).T])
    b = np.zeros((len(A), len(seen)))
    np.fill_diagonal(b, np.sqrt(confidence) * working)  # column j: entry j alone
    solutions = np.linalg.lstsq(A, b, rcond=None)[0]  # (d, s)
    by_rating = np.append(Y[item], [1.0] * has_bias) @ solutions
    reasons: Float64Array = by_rating + present @ np.append(Y[item], 1.0)
    return reasons


def ridge_reasons(train: Interactions, regularization: float, history: CSR, item: int) -> Float64Array:
    """EASE by its definition: the ridge regression of one column on all the others."""
    X = np.zeros((train.n_users, train.n_items))
    X[train.user_index, train.item_index] = 1.0
    others = np.arange(train.n_items) != item
    A = np.vstack([X[:, others], np.sqrt(regularization) * np.eye(train.n_items - 1)])
    b = np.append(X[:, item], np.zeros(train.n_items - 1))
    weights = np.zeros(train.n_items)
    weights[others] = np.linalg.lstsq(A, b, rcond=None)[0]
    reasons: Float64Array = weights[history.indices]
    return reasons


def neighbor_reasons(train: Interactions, settings: dict[str, Any], history: CSR, item: int) -> Float64Array:
    """Item neighbors by their definition: the shrunk cosine, if the item is among the greatest of the row."""
    X = np.zeros((train.n_users, train.n_items))
    X[train.user_index, train.item_index] = 1.0
    cosines = (X.T @ X) / (np.sqrt(np.outer(X.sum(axis=0), X.sum(axis=0))) + settings["shrinkage"])
    np.fill_diagonal(cosines, 0.0)
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, : settings["n_neighbors"]]
    is_near = np.array([item in nearest[seen] for seen in history.indices])
    return np.where(is_near, cosines[history.indices, item], 0.0)


def expected(recommender: Recommender, history: CSR, item: int) -> Float64Array:
    model = recommender.model
    if isinstance(model, ItemWeights):
        settings = recommender.resolved.model_dump()
        if recommender.name == "itemknn":
            return neighbor_reasons(recommender.train.interactions, settings, history, item)
        return ridge_reasons(recommender.train.interactions, settings["regularization"], history, item)
    assert isinstance(model, FactorModel)
    if model.user_side is None:  # nobody's history counts
        return np.zeros(len(history.indices))
    return least_squares_reasons(model, history, item)


@pytest.mark.parametrize("name", sorted(set(MODELS) - LEAVE_ONE_OUT))
def test_every_reason_is_that_of_an_independent_dense_solution(name: str) -> None:
    recommender = fitted(name)
    for user in USERS:
        history = recommender.train.interactions.by_user.take(np.array([user]))
        found = recommender.model.contributions(history, np.array(ITEMS, np.int32))
        assert found.additive
        for values, item in zip(found.values, ITEMS, strict=True):
            # A tangent at a float32 solution is a little off; a linear problem is not.
            tolerance = 2e-4 if recommender.model.link.kind == "sigmoid" else 1e-5
            reasons = expected(recommender, history, item)
            np.testing.assert_allclose(values, reasons, atol=tolerance, err_msg=f"{user}, {item}")
            if name != "popularity":
                assert np.abs(reasons).max() > 10 * tolerance  # there is something to get wrong
