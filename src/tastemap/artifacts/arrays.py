"""What is asked of every array of an artifact: its name, type and shape, and finite numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tastemap.artifacts.tensors import Array
from tastemap.errors import ArtifactError
from tastemap.linalg.placement import spans

ENTRIES_AT_A_TIME = 1 << 22
"""Entries that are looked at at a time: arrays are mapped, and may be larger than the memory."""


def check_names(arrays: Mapping[str, Array], needed: set[str], optional: set[str], role: str) -> None:
    """Raise unless the arrays are the `needed` ones, and maybe some of the `optional` ones."""
    names = set(arrays)
    require(
        needed <= names <= needed | optional,
        f"the {role} are {', '.join(sorted(names)) or 'none'} where {', '.join(sorted(needed))} are due",
    )


def check_array(
    arrays: Mapping[str, Array], name: str, dtype: type[np.generic], shape: tuple[int, ...]
) -> None:
    """Raise unless the array has this type and shape, and holds numbers."""
    array = arrays[name]
    require(array.dtype == dtype, f"{name} has dtype {array.dtype} where {np.dtype(dtype)} is due")
    require(array.shape == shape, f"{name} has shape {array.shape} where {shape} is due")
    if np.issubdtype(dtype, np.floating):
        flat = array.reshape(-1)
        finite = all(bool(np.isfinite(flat[span]).all()) for span in spans(len(flat), ENTRIES_AT_A_TIME))
        require(finite, f"{name} holds a value that is not a finite number")


def require(holds: bool, sentence: str) -> None:
    """Raise an ArtifactError with the sentence unless it holds."""
    if not holds:
        raise ArtifactError(
            f"This is no valid artifact: {sentence}. Restore the folder from a copy or fit again."
        )


def length_of(arrays: Mapping[str, Array], name: str) -> int:
    """The length of an array that must have one dimension."""
    found = arrays[name]
    require(found.ndim == 1, f"{name} has {found.ndim} dimensions where 1 is due")
    return len(found)


def width_of(arrays: Mapping[str, Array], name: str) -> int:
    """The columns of an array that must have two dimensions."""
    found = arrays[name]
    require(found.ndim == 2, f"{name} has {found.ndim} dimensions where 2 are due")
    return int(found.shape[1])
