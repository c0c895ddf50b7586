from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tastemap.data import Dataset, Id, Split, make_splits
from tastemap.errors import InvalidValueError
from tests.strategies import SEEDS, Row, dataset_of, datasets, interaction_rows

KINDS = ["random", "folds", "fold:1", "leave-last", "temporal", "users"]
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def rows_of(data: Dataset | None) -> list[tuple[object, ...]]:
    return [] if data is None else data.interactions.frame().rows()


def split_or_skip(data: Dataset, kind: str, seed: int, *, test_fraction: float = 0.2) -> list[Split]:
    """The splits; cases too small to divide are not what is tested here."""
    try:
        return make_splits(data, kind, rng=seed, test_fraction=test_fraction, n_folds=3)
    except InvalidValueError:
        assume(False)
        raise


def histories(data: Dataset) -> dict[Id, list[tuple[int, Id]]]:
    """(time, item id) of each user."""
    found: dict[Id, list[tuple[int, Id]]] = defaultdict(list)
    for row in rows_of(data):
        found[row[0]].append((row[3], row[1]))  # type: ignore[index, arg-type]
    return found


@EVERY_KIND
@given(data=datasets(min_rows=4), seed=SEEDS, fraction=st.floats(0.05, 0.95))
def test_parts_are_disjoint_and_together_the_whole(
    kind: str, data: Dataset, seed: int, fraction: float
) -> None:
    for split in split_or_skip(data, kind, seed, test_fraction=fraction):
        parts = rows_of(split.train) + rows_of(split.test) + rows_of(split.fold_in)
        assert sorted(parts) == sorted(rows_of(data))


@EVERY_KIND
@given(data=datasets(min_rows=4), seed=SEEDS)
def test_each_part_has_only_ids_that_occur_in_it(kind: str, data: Dataset, seed: int) -> None:
    for split in split_or_skip(data, kind, seed):
        for part in (split.train, split.test, split.fold_in):
            if part is not None:
                rows = part.interactions
                assert np.bincount(rows.user_index, minlength=rows.n_users).all()
                assert np.bincount(rows.item_index, minlength=rows.n_items).all()


@EVERY_KIND
@given(rows=interaction_rows(min_rows=4), seed=SEEDS, shuffle=st.randoms(use_true_random=False))
def test_the_order_of_the_file_does_not_matter(kind: str, rows: list[Row], seed: int, shuffle: object) -> None:
    shuffled = list(rows)
    shuffle.shuffle(shuffled)  # type: ignore[attr-defined]
    splits = split_or_skip(dataset_of(rows), kind, seed)
    again = split_or_skip(dataset_of(shuffled), kind, seed)
    assert [split.train.fingerprint for split in splits] == [split.train.fingerprint for split in again]
    assert [split.test.fingerprint for split in splits] == [split.test.fingerprint for split in again]


@given(data=datasets(min_rows=4), seed=SEEDS)
def test_folds_test_every_row_once_and_differ_by_at_most_one_row(data: Dataset, seed: int) -> None:
    splits = split_or_skip(data, "folds", seed)
    tested = Counter(row for split in splits for row in rows_of(split.test))
    assert tested == Counter(rows_of(data))
    sizes = [len(split.test.interactions) for split in splits]
    assert max(sizes) - min(sizes) <= 1


@given(data=datasets(min_rows=4), seed=SEEDS)
def test_one_fold_alone_is_the_same_as_among_all(data: Dataset, seed: int) -> None:
    splits = split_or_skip(data, "folds", seed)
    for number, split in enumerate(splits, start=1):
        (alone,) = split_or_skip(data, f"fold:{number}", seed)
        assert alone.name == split.name == f"fold:{number}"
        assert alone.test.fingerprint == split.test.fingerprint


@given(data=datasets(min_rows=2), fraction=st.floats(0.05, 0.95))
def test_temporal_train_rows_are_earlier_than_every_test_row(data: Dataset, fraction: float) -> None:
    (split,) = split_or_skip(data, "temporal", 0, test_fraction=fraction)
    train, test = split.train.interactions.timestamps, split.test.interactions.timestamps
    assert train is not None
    assert test is not None
    assert train.max() < test.min()


@given(data=datasets(min_rows=2), fraction=st.floats(0.05, 0.95))
def test_no_other_temporal_cut_is_nearer_to_the_share(data: Dataset, fraction: float) -> None:
    (split,) = split_or_skip(data, "temporal", 0, test_fraction=fraction)
    times = data.interactions.timestamps
    assert times is not None
    possible = [int((times >= cut).sum()) for cut in np.unique(times)[1:]]
    wanted = len(times) - round((1.0 - fraction) * len(times))
    wanted = min(max(wanted, 1), len(times) - 1)
    assert abs(len(split.test.interactions) - wanted) == min(abs(size - wanted) for size in possible)


@given(data=datasets(min_rows=2))
def test_leave_last_tests_the_last_row_of_each_user_with_two_or_more(data: Dataset) -> None:
    (split,) = split_or_skip(data, "leave-last", 0)
    whole, train, test = histories(data), histories(split.train), histories(split.test)
    singles = {user for user, history in whole.items() if len(history) == 1}
    assert split.n_users_without_test == len(singles)
    assert set(train) == set(whole)
    assert set(test) == set(whole) - singles
    for user, tested in test.items():
        assert len(tested) == 1
        assert tested[0] in whole[user]
        assert tested[0][0] == max(whole[user])[0]  # the time; items of one time are drawn


@given(data=datasets(min_rows=4), seed=SEEDS, fraction=st.floats(0.05, 0.95))
def test_held_out_users_are_whole_and_unseen_in_training(data: Dataset, seed: int, fraction: float) -> None:
    (split,) = split_or_skip(data, "users", seed, test_fraction=fraction)
    assert split.fold_in is not None
    whole, train = histories(data), histories(split.train)
    visible, tested = histories(split.fold_in), histories(split.test)
    assert set(visible) == set(tested)
    assert not set(tested) & set(train)
    assert split.n_users_without_test == sum(len(history) == 1 for history in whole.values())
    for user, history in tested.items():
        assert len(history) == max(1, (len(whole[user]) + 2) // 5)


@given(data=datasets(min_rows=20), seed=SEEDS)
def test_random_tests_the_share_asked_for(data: Dataset, seed: int) -> None:
    (split,) = split_or_skip(data, "random", seed, test_fraction=0.25)
    assert len(split.test.interactions) == round(0.25 * len(data.interactions))
