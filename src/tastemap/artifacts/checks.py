"""Whether arrays and tables fit each other and the manifest; the same checks before saving and after loading.

Kernels do not check bounds: what passes here can be scored without reading outside an array.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl

from tastemap.artifacts.arrays import ENTRIES_AT_A_TIME, check_array, check_names, length_of, require
from tastemap.artifacts.contents import Contents
from tastemap.artifacts.manifest import Manifest
from tastemap.artifacts.shapes import check_arrays
from tastemap.artifacts.tensors import Array
from tastemap.linalg.placement import spans

LARGEST_VALIDATION = 10_000
VALIDATION_COLUMNS = {"user_id", "item_id", "rating", "prediction"}


def check(manifest: Manifest, contents: Contents) -> None:
    """Hold `contents` against `manifest` and against themselves.

    Raises
    ------
    ArtifactError
        At the first array or table that is not what it must be.

    Notes
    -----
    Reads every array once: O(U d + I d + n), or O(I^2) for item weights.
    """
    _check_interactions(manifest, contents.tensors["interactions"])
    check_arrays(manifest, contents.tensors["arrays"])
    _check_ids(contents.tables["user_ids"], "user_id", manifest.n_users)
    _check_ids(contents.tables["item_ids"], "item_id", manifest.n_items)
    _check_features(contents.tables["catalog"], "catalog", "item_id")
    if "user_features" in contents.tables:
        _check_features(contents.tables["user_features"], "user features", "user_id")
    _check_training(contents)


def _check_interactions(manifest: Manifest, arrays: Mapping[str, Array]) -> None:
    n = manifest.data.n_interactions
    needed = {"user_index", "item_index", "values"} | ({"seen"} if manifest.data.origin is not None else set())
    check_names(arrays, needed, {"timestamps", "folds"}, "interactions")
    check_array(arrays, "user_index", np.int32, (n,))
    check_array(arrays, "item_index", np.int32, (n,))
    check_array(arrays, "values", np.float32, (n,))
    if "timestamps" in arrays:
        check_array(arrays, "timestamps", np.int64, (n,))
    if "folds" in arrays:
        check_array(arrays, "folds", np.int8, (n,))
    if "seen" in arrays:
        check_array(arrays, "seen", np.int64, (length_of(arrays, "seen"),))
    if not n:
        return
    user_index, item_index = arrays["user_index"], arrays["item_index"]
    for name, index, count in (
        ("user_index", user_index, manifest.n_users),
        ("item_index", item_index, manifest.n_items),
    ):
        low, high = int(index.min()), int(index.max())
        require(low >= 0 and high < count, f"{name} runs from {low} to {high} where 0 to {count - 1} are due")
    rising = all(_rises(user_index[run], item_index[run]) for run in _overlapping(n))
    require(rising, "the interactions are not sorted by user and item, or repeat a pair")


def _overlapping(n: int) -> Iterator[slice]:
    """Slices that cover `n` entries and share one each, so that each pair of neighbors is in one."""
    for span in spans(n, ENTRIES_AT_A_TIME):
        yield slice(max(span.start - 1, 0), span.stop)


def _rises(first: Array, second: Array) -> bool:
    """Whether each pair is above the one before."""
    above = (first[1:] > first[:-1]) | ((first[1:] == first[:-1]) & (second[1:] > second[:-1]))
    return bool(above.all())


def _check_ids(frame: pl.DataFrame, name: str, count: int) -> None:
    require(frame.columns == [name], f"the table of {name} has the columns {frame.columns}")
    ids = frame[name]
    require(ids.dtype in (pl.Int64, pl.String), f"{name} has type {ids.dtype} where Int64 or String is due")
    require(len(ids) == count, f"there are {len(ids):,} {name} where {count:,} are due")
    require(not ids.null_count(), f"{name} holds a null")
    rising = bool((ids[1:] > ids[:-1]).all()) if len(ids) > 1 else True
    require(rising, f"{name} is not sorted, or repeats an id")


def _check_features(frame: pl.DataFrame, what: str, key: str) -> None:
    require(key in frame.columns, f"the {what} table has no column {key}")
    ids = frame[key]
    require(ids.dtype.is_integer() or ids.dtype == pl.String, f"{key} of the {what} table has type {ids.dtype}")
    require(
        not ids.null_count() and ids.n_unique() == len(ids), f"{key} of the {what} table repeats or is null"
    )
    for column, dtype in (("title", pl.String), ("genres", pl.List(pl.String))):
        if column in frame.columns:
            found = frame[column].dtype
            require(found == dtype, f"{column} of the {what} table has type {found} where {dtype} is due")


def _check_training(contents: Contents) -> None:
    losses, validation = contents.tables["losses"], contents.tables.get("validation")
    require(
        not losses.width or {"phase", "epoch"} <= set(losses.columns),
        f"the table of losses has the columns {losses.columns}",
    )
    if validation is not None:
        require(
            set(validation.columns) == VALIDATION_COLUMNS,
            f"the validation table has the columns {validation.columns}",
        )
        require(
            len(validation) <= LARGEST_VALIDATION,
            f"the validation table has {len(validation):,} rows where {LARGEST_VALIDATION:,} are allowed",
        )
