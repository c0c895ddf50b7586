"""The arithmetic of executors, without Spark: batches in, the alternations of a local fit out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tastemap.data import Dataset
from tastemap.engines.half_steps import SolveItems, SolveUsers, SumMoments, Weigh, blocks, matrix
from tastemap.linalg.gramian import moments
from tastemap.models.factor import FactorModel
from tastemap.models.user_loss import UserLoss
from tastemap.training import fit
from tests.toys import hand_dataset

CASES = [
    ("als", {"n_factors": 3, "frequency_power": 0.5}),
    ("ials", {"n_factors": 3}),
    ("ials", {"n_factors": 3, "alpha": 0.5, "recency": 2.0, "positive_min": 2.5, "solver": "cholesky"}),
    ("ials", {"n_factors": 2, "biases": True, "unobserved_weight": 0.5}),
]


def batches_of(data: Dataset, n_rows: int = 2) -> list[pa.RecordBatch]:
    """The pairs as Spark hands them over: few at a time."""
    rows = data.interactions
    columns = {"user": rows.user_index, "item": rows.item_index, "value": rows.values, "time": rows.timestamps}
    made: list[pa.RecordBatch] = pa.table(columns).to_batches(n_rows)
    return made


def alternated(data: Dataset, name: str, settings: dict[str, object], n_epochs: int) -> FactorModel:
    whole = {**settings, "n_epochs": n_epochs, "validation_fraction": 0.0}
    model = fit(data, name, settings=whole, rng=0).model
    assert isinstance(model, FactorModel)
    return model


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_an_exact_alternation_is_that_of_a_local_fit(name: str, settings: dict[str, object]) -> None:
    data = hand_dataset()
    rows = data.interactions
    before, after = (alternated(data, name, settings, n) for n in (2, 3))
    loss, d = before.user_side, before.n_factors
    assert isinstance(loss, UserLoss)
    weighted = pa.Table.from_batches(list(Weigh(loss, rows.n_items)(batches_of(data)))).sort_by("item")
    users = weighted["user"].to_numpy()
    cells = pa.array([row.tobytes() for row in before.user_factors[users]], pa.binary())
    joined = weighted.append_column("factors", cells).append_column("bias", pa.array(before.user_bias[users]))
    every = moments(before.user_factors, before.user_bias) if loss.unobserved_weight else None
    solve = SolveItems(loss, before.global_bias, rows.n_users, d, every)
    items = pa.Table.from_batches(list(solve(joined.to_batches(2))))
    place = items["item"].to_numpy()
    np.testing.assert_allclose(matrix(items, d), after.item_factors[place], atol=1e-5)
    np.testing.assert_allclose(items["bias"].to_numpy(), after.item_bias[place], atol=1e-5)
    for item in set(range(rows.n_items)) - set(place.tolist()):
        np.testing.assert_allclose(solve.of_nobody()[0][0], after.item_factors[item], atol=1e-5)

    solved = pa.Table.from_batches(list(SolveUsers(after, loss)(batches_of(data))))
    np.testing.assert_allclose(matrix(solved, d), after.user_factors, atol=1e-5)
    np.testing.assert_allclose(solved["bias"].to_numpy(), after.user_bias, atol=1e-5)


def test_blocks_never_cut_a_row() -> None:
    data = hand_dataset()
    found = list(blocks(batches_of(data, 2), "user", n_entries=3))
    assert np.concatenate([block.rows for block in found]).tolist() == list(range(6))
    assert sum(block.table.num_rows for block in found) == len(data.interactions)
    assert len(found) > 2


def test_moments_of_parts_add_up_to_those_of_all_users() -> None:
    model = alternated(hand_dataset(), "ials", {"n_factors": 3}, 2)
    loss = model.user_side
    assert isinstance(loss, UserLoss)
    users = list(SolveUsers(model, loss)(batches_of(hand_dataset())))
    (summed,) = SumMoments(3)(users)
    found = np.frombuffer(summed["moments"][0].as_py()).reshape(5, 5)
    np.testing.assert_allclose(found, moments(model.user_factors, model.user_bias), rtol=1e-5)
    assert summed["n_users"][0].as_py() == 6
