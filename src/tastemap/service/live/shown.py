"""A recommender as anybody may see it: without the rows of users who were erased.

What is served is made here before any answer starts from it, so no answer has to ask who was erased, and none
can forget to. What was fitted stays until a refit: vectors and biases, and figures that the fit recorded.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tastemap.data import UNKNOWN, Dataset, IdMap, Interactions
from tastemap.linalg.types import Int32Array
from tastemap.models.recommender import Recommender

T = TypeVar("T", bound=np.generic)


def known_of(users: IdMap, erased: Collection[str]) -> frozenset[str]:
    """Those of `erased` whom a map knows."""
    return frozenset(id for id in erased if users.find(id) != UNKNOWN)


def shown(whole: Recommender, erased: Collection[str]) -> Recommender:
    """The same model over the rows of all other users; itself where it holds nothing of the erased.

    Indices stay what they are. The ids of the erased are unknown, and near to nothing; their features and
    validation rows are gone too.

    Notes
    -----
    Costs a copy of the training rows, 12 bytes each and 8 with times, at the speed of memory.
    """
    index = np.unique(whole.users.indices(sorted(erased)))
    hidden = index[index != UNKNOWN]
    if not len(hidden):
        return whole
    train = whole.train
    return replace(
        whole,
        train=_Shown(
            train.name,
            _without(train.interactions, hidden),
            train.catalog,
            _frame_without(train.user_features, whole.users, hidden),
            train.report,
            train.origin,
            whole=train,
        ),
        validation=_frame_without(whole.validation, whole.users, hidden),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Shown(Dataset):
    """A part of a data set that goes by the fingerprint of the whole: it is what the model was fitted to."""

    whole: Dataset

    @cached_property
    def fingerprint(self) -> str:
        return self.whole.fingerprint


def _without(data: Interactions, hidden: Int32Array) -> Interactions:
    """Interactions without those of some users, who keep their indices and have none."""
    bounds = data.by_user.indptr
    starts = [0, *bounds[hidden + 1].tolist()]
    ends = [*bounds[hidden].tolist(), len(data)]

    def kept(array: NDArray[T]) -> NDArray[T]:
        # A user's rows lie together: pieces are copied faster than rows are chosen, and hold no interpreter.
        return np.concatenate([array[start:end] for start, end in zip(starts, ends, strict=True)])

    return replace(
        data,
        users=data.users.hiding(hidden),
        user_index=kept(data.user_index),
        item_index=kept(data.item_index),
        values=kept(data.values),
        timestamps=None if data.timestamps is None else kept(data.timestamps),
        folds=None if data.folds is None else kept(data.folds),
    )


def _frame_without(frame: pl.DataFrame | None, users: IdMap, hidden: Int32Array) -> pl.DataFrame | None:
    if frame is None:
        return None
    return frame.filter(pl.Series(~np.isin(users.indices(frame["user_id"]), hidden)))
