from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tastemap.data import Dataset, make_interactions, make_splits, train_test_split
from tastemap.data.splits import parts_of
from tastemap.errors import DataError, InvalidValueError, UnknownNameError
from tests.strategies import dataset_of
from tests.toys import hand_dataset, planted


def with_folds(data: Dataset, folds: list[int]) -> Dataset:
    return replace(data, interactions=replace(data.interactions, folds=np.array(folds, np.int8)))


def without_times(data: Dataset) -> Dataset:
    return replace(data, interactions=replace(data.interactions, timestamps=None))


def test_random_takes_a_fifth_by_default() -> None:
    data = planted()
    (split,) = make_splits(data, "random", rng=0)
    assert split.name == "random"
    assert len(split.test.interactions) == round(0.2 * len(data.interactions))


def test_the_seed_decides_and_only_the_seed() -> None:
    data = planted()
    first, same, other = (make_splits(data, "random", rng=seed)[0].test.fingerprint for seed in (1, 1, 2))
    assert first == same != other


@pytest.mark.parametrize("data", [hand_dataset(), with_folds(hand_dataset(), [0, 2, 2, 7] * 3 + [0])])
def test_folds_one_at_a_time_are_the_folds_together(data: Dataset) -> None:
    together = make_splits(data, "folds", rng=3)
    assert parts_of(data, "folds") == [split.name for split in together]
    for split in together:
        (alone,) = make_splits(data, split.name, rng=3)
        assert (alone.train.fingerprint, alone.test.fingerprint) == (
            split.train.fingerprint,
            split.test.fingerprint,
        )
    assert parts_of(data, "temporal") == ["temporal"]


def test_parts_keep_name_catalog_and_scale() -> None:
    data = hand_dataset()
    train, test = train_test_split(data, rng=0)
    for part in (train, test):
        assert part.name == data.name
        assert part.catalog is data.catalog
        assert part.interactions.rating_scale == data.interactions.rating_scale


def test_official_folds_are_used_where_the_data_defines_them() -> None:
    data = with_folds(hand_dataset(), [1, 2] * 6 + [1])
    splits = make_splits(data, "folds", rng=0, n_folds=5)
    assert [split.name for split in splits] == ["fold:1", "fold:2"]
    assert [len(split.test.interactions) for split in splits] == [7, 6]
    assert data.interactions.folds is not None
    expected = data.interactions.select(data.interactions.folds == 2).frame()
    assert splits[1].test.interactions.frame().equals(expected)


def test_rows_of_official_fold_zero_are_always_trained_on() -> None:
    data = with_folds(hand_dataset(), [0] * 5 + [1] * 4 + [2] * 4)
    splits = make_splits(data, "folds")
    assert [len(split.train.interactions) for split in splits] == [9, 9]


def test_without_official_folds_there_are_as_many_as_asked_for() -> None:
    assert [split.name for split in make_splits(hand_dataset(), "folds", rng=0, n_folds=3)] == [
        "fold:1",
        "fold:2",
        "fold:3",
    ]


def test_leave_last_draws_among_equal_times() -> None:
    data = dataset_of([(0, 3, 1.0, 7), (0, 9, 1.0, 7), (0, 5, 1.0, 7), (0, 10, 1.0, 6), (1, 3, 2.0, 1)])
    splits = [make_splits(data, "leave-last", rng=seed)[0] for seed in range(40)]
    drawn = {split.test.interactions.items.to_id(0) for split in splits}
    assert drawn == {3, 5, 9}
    assert all(len(split.test.interactions) == 1 and split.n_users_without_test == 1 for split in splits)


def test_temporal_keeps_rows_of_one_time_together() -> None:
    data = dataset_of([(user, 1, 3.0, time) for user, time in enumerate([1, 2, 3, 4, 4, 4, 4, 4, 9, 9])])
    sizes = [
        len(make_splits(data, "temporal", test_fraction=fraction)[0].test.interactions)
        for fraction in (0.2, 0.4, 0.5)
    ]
    assert sizes == [2, 2, 7]


def test_held_out_users_keep_four_fifths_visible() -> None:
    rows = [(user, item, 3.0, 0) for user in range(10) for item in range(10)]
    (split,) = make_splits(dataset_of(rows), "users", rng=3)
    assert split.fold_in is not None
    sizes = [len(part.interactions) for part in (split.train, split.fold_in, split.test)]
    assert sizes == [80, 16, 4]


def test_implicit_data_splits_too() -> None:
    interactions, _ = make_interactions([1, 1, 2, 2], [1, 2, 1, 2], np.ones(4, np.float32))
    data = replace(hand_dataset(), interactions=interactions)
    train, test = train_test_split(data, rng=0, test_fraction=0.5)
    assert train.interactions.is_implicit
    assert len(test.interactions) == 2


@pytest.mark.parametrize("kind", ["leave-last", "temporal"])
def test_splits_by_time_need_times(kind: str) -> None:
    with pytest.raises(DataError, match="needs a time for each interaction"):
        make_splits(without_times(hand_dataset()), kind)


@pytest.mark.parametrize("kind", ["randon", "fold:", "fold:x", "fold:-1", "loo", ""])
def test_an_unknown_kind_is_named_with_what_is_known(kind: str) -> None:
    with pytest.raises(UnknownNameError, match="Unknown split"):
        make_splits(hand_dataset(), kind, rng=0)


@pytest.mark.parametrize("kind", ["fold:0", "fold:6"])
def test_a_fold_that_does_not_exist_is_refused(kind: str) -> None:
    with pytest.raises(InvalidValueError, match="must be fold:1 … fold:5"):
        make_splits(hand_dataset(), kind, rng=0)


@pytest.mark.parametrize("kind", ["random", "folds", "leave-last", "temporal", "users"])
def test_a_split_of_a_single_row_is_refused(kind: str) -> None:
    with pytest.raises(InvalidValueError):
        make_splits(dataset_of([(1, 1, 3.0, 0)]), kind, rng=0)


def test_temporal_refuses_rows_of_one_time() -> None:
    with pytest.raises(InvalidValueError, match="no interactions for test"):
        make_splits(dataset_of([(user, 1, 3.0, 5) for user in range(9)]), "temporal")


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, float("nan")])
def test_test_fraction_must_lie_between_zero_and_one(fraction: float) -> None:
    with pytest.raises(InvalidValueError, match="test_fraction"):
        make_splits(hand_dataset(), "random", test_fraction=fraction)


@pytest.mark.parametrize("n_folds", [1, 0, True, 2.0])
def test_n_folds_must_be_an_int_of_at_least_two(n_folds: int) -> None:
    with pytest.raises(InvalidValueError, match="n_folds"):
        make_splits(hand_dataset(), "folds", n_folds=n_folds)


def test_more_folds_than_rows_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="at most the number of rows, 13"):
        make_splits(hand_dataset(), "folds", n_folds=14)


@pytest.mark.parametrize("kind", ["folds", "users"])
def test_train_test_split_refuses_kinds_with_more_parts(kind: str) -> None:
    with pytest.raises(InvalidValueError, match="make_splits"):
        train_test_split(hand_dataset(), kind, rng=0)
