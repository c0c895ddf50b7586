from __future__ import annotations

from pathlib import Path

import numpy as np
import safetensors.numpy

from tastemap.artifacts import tensors
from tastemap.artifacts.tensors import Array

ARRAYS: dict[str, Array] = {
    "wide": np.arange(3, dtype=np.int64),
    "b": np.arange(6, dtype=np.float32).reshape(3, 2),
    "a": np.arange(5, dtype=np.int32),
    "none": np.zeros((4, 0), np.float32),
    "narrow": np.arange(3, dtype=np.int8),
}


def test_the_bytes_are_those_of_the_safetensors_library() -> None:
    assert b"".join(tensors.encode(ARRAYS)) == safetensors.numpy.save(ARRAYS)


def test_the_safetensors_library_reads_the_file(tmp_path: Path) -> None:
    (tmp_path / "arrays.safetensors").write_bytes(b"".join(tensors.encode(ARRAYS)))
    found = safetensors.numpy.load_file(tmp_path / "arrays.safetensors")
    assert set(found) == set(ARRAYS)
    for name, array in found.items():
        np.testing.assert_array_equal(array, ARRAYS[name], strict=True)


def test_the_order_of_names_does_not_matter() -> None:
    backwards = dict(reversed(ARRAYS.items()))
    assert b"".join(tensors.encode(ARRAYS)) == b"".join(tensors.encode(backwards))


def test_arrays_are_views_of_the_bytes_and_aligned() -> None:
    found = tensors.decode(b"".join(tensors.encode(ARRAYS)), "a file")
    for name, array in found.items():
        np.testing.assert_array_equal(array, ARRAYS[name], strict=True)
        assert array.flags.aligned
        assert not array.flags.writeable
    assert not found["b"].flags.owndata


def test_encoding_does_not_copy_the_arrays() -> None:
    array = np.arange(6, dtype=np.float32)
    _, chunk = tensors.encode({"a": array})
    assert np.shares_memory(np.frombuffer(chunk, np.float32), array)
