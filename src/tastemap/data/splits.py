"""Ways to hold interactions out for a test: disjoint, complete, seeded, and honest about time."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np

from tastemap.data.dataset import Dataset, check_dataset
from tastemap.data.interactions import Interactions
from tastemap.errors import DataError, InvalidValueError, check_type, unknown_name
from tastemap.linalg.csr import offsets
from tastemap.linalg.types import BoolArray, Int64Array, IntArray
from tastemap.rng import Rng, seed_of, stream

SPLIT_KINDS = ("random", "folds", "fold:K", "leave-last", "temporal", "users")
"""What `kind` may be; ``fold:K`` stands for ``fold:1``, ``fold:2`` …"""

N_FOLDS = 5
"""Random folds where a data set has no official ones."""


@dataclass(frozen=True, eq=False)
class Split:
    """One way to divide a data set; each part has only the ids that occur in it.

    Parameters
    ----------
    train, test : Dataset
        What a model may see, and what it is measured on. Neither is empty.
    name : str
        ``random``, ``fold:1``, ``leave-last``, ``temporal`` or ``users``.
    fold_in : Dataset or None
        Only for ``users``: the visible part of the histories of the held-out users, none of whom
        is in `train`; the test rows are the rest of these histories.
    n_users_without_test : int
        Users with a single interaction, which stays in `train` (``leave-last`` and ``users``).
    """

    train: Dataset
    test: Dataset
    name: str
    fold_in: Dataset | None = None
    n_users_without_test: int = 0


def make_splits(
    data: Dataset,
    kind: str = "random",
    *,
    rng: Rng = None,
    test_fraction: float = 0.2,
    n_folds: int = N_FOLDS,
) -> list[Split]:
    """Divide a data set for evaluation.

    Every row goes to exactly one of train, test (and fold-in, for ``users``).

    Parameters
    ----------
    data : Dataset
    kind : str
        ``random``
            A random `test_fraction` of the rows is the test.
        ``folds``
            The official folds of the data set where it defines them, else `n_folds` random folds
            of equal size; one split each, and every row is tested once.
        ``fold:K``
            The K-th of these (from 1) alone.
        ``leave-last``
            The last interaction of each user by time, a random one among equal times: ids often rise
            with popularity, and the order of a file must not matter, so neither may decide. Users
            with one interaction stay in train and are counted.
        ``temporal``
            The last `test_fraction` of all rows by time; rows of one time stay together, so every
            train row is earlier than every test row and the share is met only as nearly as times allow.
        ``users``
            A random `test_fraction` of the users is held out whole: a random 80 % of each history is
            visible (`Split.fold_in`), the rest is the test, at least one row. Users with one
            interaction stay in train and are counted.
    rng : int, Generator or None
        The seed; ``temporal`` and official folds draw nothing.
    test_fraction : float
        Between 0 and 1, both excluded.
    n_folds : int
        At least 2; unused where there are official folds.

    Returns
    -------
    list of Split
        One split, or one for each fold.

    Raises
    ------
    UnknownNameError
        If `kind` is none of these.
    DataError
        If `kind` needs times and the data has none.
    InvalidValueError
        If `test_fraction`, `n_folds` or K is out of range, or train or test would be empty.

    Notes
    -----
    O(n) time and memory per split (``temporal`` selects one order statistic). Interactions are
    sorted, so the same rows and seed give the same split whatever the order of the file was.
    """
    _check_arguments(data, kind, test_fraction, n_folds)
    rows, seed = data.interactions, seed_of(rng)
    if kind == "folds" or kind.startswith("fold:"):
        folds = _fold_of_row(rows, n_folds, stream(seed, "folds"))  # (n,)
        return [_two_parts(data, folds == k, f"fold:{k}") for k in _wanted_folds(kind, folds)]
    if kind == "random":
        chosen = stream(seed, "random split").permutation(len(rows)) < round(test_fraction * len(rows))
        return [_two_parts(data, chosen, kind)]
    if kind == "leave-last":
        is_last = _last_of_user(rows, _times(rows, kind), stream(seed, "equal times"))
        return [_two_parts(data, is_last, kind, n_users_without_test=_n_single(rows))]
    if kind == "temporal":
        return [_two_parts(data, _after_cut(_times(rows, kind), test_fraction), kind)]
    if kind == "users":
        return [_hold_out_users(data, test_fraction, stream(seed, "users split"))]
    raise unknown_name("split", kind, SPLIT_KINDS)


def parts_of(data: Dataset, kind: str) -> list[str]:
    """The kinds that give the splits of `kind` one at a time: ``fold:1``, ``fold:2`` … for ``folds``."""
    if kind != "folds":
        return [kind]
    official = _official_folds(data.interactions)
    numbers = range(1, N_FOLDS + 1) if official is None else _tested_folds(official)
    return [f"fold:{number}" for number in numbers]


def train_test_split(
    data: Dataset, kind: str = "random", *, rng: Rng = None, test_fraction: float = 0.2
) -> tuple[Dataset, Dataset]:
    """The train and the test part of a `kind` that makes exactly two; see :func:`make_splits`.

    Raises
    ------
    InvalidValueError
        If `kind` makes more parts (``folds``, ``users``), besides the errors of :func:`make_splits`.
    """
    if kind in ("folds", "users"):
        raise InvalidValueError(
            f"kind must make two parts: random, fold:K, leave-last or temporal. Got {kind!r}; use make_splits."
        )
    (split,) = make_splits(data, kind, rng=rng, test_fraction=test_fraction)
    return split.train, split.test


def _two_parts(data: Dataset, is_test: BoolArray, name: str, *, n_users_without_test: int = 0) -> Split:
    _check_parts(name, n_train=int((~is_test).sum()), n_test=int(is_test.sum()))
    train, test = data.select(~is_test), data.select(is_test)
    return Split(train, test, name, n_users_without_test=n_users_without_test)


def _fold_of_row(rows: Interactions, n_folds: int, random: np.random.Generator) -> IntArray:
    """The test fold (from 1) of each row, shape (n,); 0 where official folds never test a row."""
    official = _official_folds(rows)
    if official is not None:
        return official
    if n_folds > len(rows):
        raise InvalidValueError(f"n_folds must be at most the number of rows, {len(rows):,}. Got {n_folds!r}.")
    folds: Int64Array = random.permutation(len(rows)) % n_folds + 1
    return folds


def _official_folds(rows: Interactions) -> IntArray | None:
    return rows.folds if rows.folds is not None and rows.folds.any() else None


def _tested_folds(folds: IntArray) -> list[int]:
    return [int(number) for number in np.unique(folds) if number > 0]


def _wanted_folds(kind: str, folds: IntArray) -> list[int]:
    numbers = _tested_folds(folds)
    if kind == "folds":
        return numbers
    wanted = kind.removeprefix("fold:")
    if not wanted.isdecimal():
        raise unknown_name("split", kind, SPLIT_KINDS)
    if int(wanted) not in numbers:
        raise InvalidValueError(
            f"kind must name one of the {len(numbers)} folds, fold:{numbers[0]} to fold:{numbers[-1]}. "
            f"Got {kind!r}."
        )
    return [int(wanted)]


def _times(rows: Interactions, kind: str) -> Int64Array:
    if rows.timestamps is None:
        raise DataError(
            f"The split {kind!r} needs a time for each interaction, and this data has none; name its column "
            "with --time-col, or split by random, folds or users."
        )
    return rows.timestamps


def _last_of_user(rows: Interactions, times: Int64Array, random: np.random.Generator) -> BoolArray:
    """Whether each row is its user's last and not the only one; rows are sorted by user."""
    starts = rows.by_user.indptr[:-1]  # (U,); no user is empty
    latest = np.maximum.reduceat(times, starts)  # (U,)
    lot = random.permutation(len(rows))  # (n,)
    at_latest = np.where(times == latest[rows.user_index], lot, -1)  # (n,)
    drawn = np.maximum.reduceat(at_latest, starts)  # (U,)
    is_last: BoolArray = at_latest == drawn[rows.user_index]
    return is_last & (rows.by_user.row_lengths > 1)[rows.user_index]


def _n_single(rows: Interactions) -> int:
    return int((rows.by_user.row_lengths == 1).sum())


def _after_cut(times: Int64Array, test_fraction: float) -> BoolArray:
    """The rows from a point in time on, as near to `test_fraction` of all as equal times allow."""
    n_train = min(max(round((1.0 - test_fraction) * len(times)), 1), len(times) - 1)
    cut = np.partition(times, n_train)[n_train]
    with_cut: BoolArray = times >= cut
    without_cut: BoolArray = times > cut
    n_with, n_without = int(with_cut.sum()), int(without_cut.sum())
    n_test = len(times) - n_train
    if n_with == len(times) or (0 < n_without and n_test - n_without < n_with - n_test):
        return without_cut
    return with_cut


def _hold_out_users(data: Dataset, test_fraction: float, random: np.random.Generator) -> Split:
    rows = data.interactions
    lengths = rows.by_user.row_lengths  # (U,)
    eligible = np.flatnonzero(lengths > 1)
    n_held = min(round(test_fraction * rows.n_users), len(eligible))
    held = np.zeros(rows.n_users, bool)
    held[random.permutation(eligible)[:n_held]] = True
    is_held = held[rows.user_index]  # (n,)
    is_test = np.zeros(len(rows), bool)
    is_test[np.flatnonzero(is_held)[_a_fifth_of_each(rows.user_index[is_held], rows.n_users, random)]] = True
    _check_parts("users", n_train=int((~is_held).sum()), n_test=int(is_test.sum()))
    return Split(
        train=data.select(~is_held),
        test=data.select(is_test),
        name="users",
        fold_in=data.select(is_held & ~is_test),
        n_users_without_test=_n_single(rows),
    )


def _a_fifth_of_each(group: IntArray, n_groups: int, random: np.random.Generator) -> BoolArray:
    """A random fifth of the entries of each group (rounded, at least one); entries are sorted by group."""
    starts = offsets(group, n_groups)
    lengths = np.diff(starts)
    shuffled = np.lexsort((random.random(len(group)), group))
    place = np.empty(len(group), np.int64)
    place[shuffled] = np.arange(len(group)) - starts[group]  # sorting by group moves no entry out of its group
    chosen: BoolArray = place < np.maximum(1, (lengths + 2) // 5)[group]
    return chosen


def _check_arguments(data: Dataset, kind: str, test_fraction: float, n_folds: int) -> None:
    check_dataset("data", data)
    check_type("kind", kind, str, "the name of a split", "name one, and give a share as test_fraction")
    check_type("test_fraction", test_fraction, Real, "a number", "give for example 0.2")
    if not 0.0 < test_fraction < 1.0:
        raise InvalidValueError(f"test_fraction must be between 0 and 1, both excluded. Got {test_fraction!r}.")
    if isinstance(n_folds, bool) or not isinstance(n_folds, (int, np.integer)) or n_folds < 2:
        raise InvalidValueError(f"n_folds must be an int >= 2. Got {n_folds!r}.")


def _check_parts(name: str, *, n_train: int, n_test: int) -> None:
    if n_train and n_test:
        return
    empty = "test" if n_train else "train"
    raise InvalidValueError(
        f"The split {name!r} leaves no interactions for {empty} ({n_train + n_test:,} rows to divide); "
        "use more data, another test_fraction or another kind of split.",
        split=name,
    )
