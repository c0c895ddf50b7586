"""One train-test pair in the indices of its training data: what every model of the fold is measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tastemap.data import UNKNOWN, Dataset, IdMap, Interactions
from tastemap.linalg.csr import CSR, empty_rows, from_pairs
from tastemap.linalg.types import BoolArray, Int32Array, Int64Array, IntArray

RELEVANT_SHARE = 0.75
"""Where on the rating scale relevance starts: 4 on a scale of 1 to 5."""


@dataclass(frozen=True, eq=False)
class Tested:
    """T test users with n test rows, sorted by user: what is kept of a fold when its models are measured.

    Parameters
    ----------
    rows : Interactions
        The test rows; its users are the test users 0 … T-1.
    population : array of shape (T,), int
        The place of each test user among the users that are bootstrapped.
    relevant : array of shape (n,), bool
    history_lengths : array of shape (T,), int64
        Interactions that are known of each test user.
    known_user : array of shape (T,), bool
        Which test users have a state of their own.
    item_popularity : array of shape (n,), int64
        Training interactions of the item of each test row; -1 for an item that training does not know.
    n_train, n_also_masked, n_masked_rows : int
        Training rows; pairs masked besides what is known of the users; test rows that are masked.
    n_users_without_test : int
        Users with a single interaction, which the split leaves in training.
    """

    rows: Interactions
    population: IntArray
    relevant: BoolArray
    history_lengths: Int64Array
    known_user: BoolArray
    item_popularity: Int64Array
    n_train: int
    n_also_masked: int
    n_masked_rows: int
    n_users_without_test: int = 0

    @property
    def n_users(self) -> int:
        """Test users T."""
        return self.rows.n_users

    @cached_property
    def n_relevant(self) -> Int64Array:
        """Relevant test rows of each user, shape (T,), int64; rows of unknown items count."""
        return np.bincount(self.rows.user_index[self.relevant], minlength=self.n_users).astype(np.int64)

    @cached_property
    def known_item(self) -> BoolArray:
        """Which test rows have an item that training knows, shape (n,), bool."""
        known: BoolArray = self.item_popularity >= 0
        return known

    @cached_property
    def known_row(self) -> BoolArray:
        """Which test rows have a known user and a known item, shape (n,), bool."""
        known: BoolArray = self.known_user[self.rows.user_index] & self.known_item
        return known


@dataclass(frozen=True, eq=False)
class Fold:
    """Test rows in the indices of the training data.

    Parameters
    ----------
    train : Dataset
    tested : Tested
        T test users with n test rows.
    user_index : array of shape (T,), int32
        In the training data; -1 for a user it does not know.
    item_index : array of shape (n,), int32
        Of each test row, in the training data; -1 for an item it does not know.
    history : CSR of shape (T, I)
        What is known of each test user: training rows, or the visible part of a held-out user.
    folds_in : bool
        Whether states come from folding in `history`.
    masked : CSR of shape (T, I)
        Items that must not be listed: `history`, and what else was asked for.
    """

    train: Dataset
    tested: Tested
    user_index: Int32Array
    item_index: Int32Array
    history: CSR
    folds_in: bool
    masked: CSR

    @property
    def n_items(self) -> int:
        """Items I of the training data."""
        return self.train.interactions.n_items


def relevance_bound(test: Interactions, train: Interactions, relevant_min: float | None) -> float | None:
    """The smallest relevant value: as given, else three quarters up the rating scale; None: every row.

    The scale of the training data counts where it has one: a small test file may not show both ends.
    """
    if relevant_min is not None or test.rating_scale is None:
        return relevant_min
    scale = train.rating_scale or test.rating_scale
    return scale.low + RELEVANT_SHARE * scale.width


def make_fold(
    train: Dataset,
    test: Dataset,
    population: IdMap,
    *,
    bound: float | None,
    fold_in: Dataset | None = None,
    also_mask: Dataset | None = None,
) -> Fold:
    """Encode the test rows by the ids of the training data, in O(n log n).

    Parameters
    ----------
    train, test : Dataset
    population : IdMap
        Holds at least the users of all folds' tests.
    bound : float or None
        Rows with at least this value are relevant; None: every row.
    fold_in : Dataset or None
        Visible interactions of test users that `train` does not know.
    also_mask : Dataset or None
        Interactions whose items are not to be listed for their users, besides those known.
    """
    known, rows = train.interactions, test.interactions
    user_index = known.users.indices(rows.users.ids)  # (T,)
    visible = fold_in.interactions if fold_in is not None else None
    history = known.by_user.take(user_index) if visible is None else _encode(visible, rows.users, known.items)
    masked = history
    if also_mask is not None:
        masked = _union(history, _encode(also_mask.interactions, rows.users, known.items))
    item_index = known.items.indices(rows.items.ids)[rows.item_index]  # (n,)
    tested = Tested(
        rows=rows,
        population=population.indices(rows.users.ids),
        relevant=np.ones(len(rows), np.bool_) if bound is None else rows.values >= bound,
        history_lengths=history.row_lengths,
        known_user=user_index != UNKNOWN if visible is None else history.row_lengths > 0,
        item_popularity=np.append(known.popularity, -1)[item_index],  # the last for unknown items
        n_train=len(known),
        n_also_masked=len(masked.indices) - len(history.indices),
        n_masked_rows=_n_common(rows.user_index, item_index, masked),
    )
    return Fold(train, tested, user_index, item_index, history, visible is not None, masked)


def renumbered(tested: Sequence[Tested]) -> list[Tested]:
    """The same with `population` counting tested users alone, so that no other user is drawn."""
    drawn = np.unique(np.concatenate([fold.population for fold in tested]))
    return [replace(fold, population=np.searchsorted(drawn, fold.population)) for fold in tested]


def _encode(rows: Interactions, users: IdMap, items: IdMap) -> CSR:
    """The rows whose user and item are known, as a matrix over `users` and `items`."""
    user_index = users.indices(rows.users.ids)[rows.user_index]
    item_index = items.indices(rows.items.ids)[rows.item_index]
    known = (user_index != UNKNOWN) & (item_index != UNKNOWN)
    shape = (len(users), len(items))
    if not known.any():
        return empty_rows(*shape)
    return from_pairs(user_index[known], item_index[known], rows.values[known], shape)


def _union(left: CSR, right: CSR) -> CSR:
    """The pairs of either, with value 1."""
    keys = np.union1d(_keys(left), _keys(right))
    rows, columns = np.divmod(keys, max(left.n_columns, 1))
    return from_pairs(rows, columns, np.ones(len(keys), np.float32), (left.n_rows, left.n_columns))


def _keys(matrix: CSR) -> Int64Array:
    """One number per entry, rising, shape (nnz,), int64."""
    rows = np.repeat(np.arange(matrix.n_rows, dtype=np.int64), matrix.row_lengths)
    keys: Int64Array = rows * matrix.n_columns + matrix.indices
    return keys


def _n_common(users: Int32Array, items: Int32Array, matrix: CSR) -> int:
    """How many of the pairs are entries of the matrix; item -1 never is."""
    known = items != UNKNOWN
    queried = users[known].astype(np.int64) * matrix.n_columns + items[known]
    return int(np.isin(queried, _keys(matrix)).sum())
