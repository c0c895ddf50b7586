from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastemap.artifacts import tensors
from tastemap.errors import ArtifactError

GOOD = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}


def file_of(header: object, body: bytes = b"\0" * 8) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + body


def entry(**changes: object) -> dict[str, object]:
    return {"a": GOOD["a"] | changes}


def test_the_file_that_the_others_are_variants_of_is_read() -> None:
    np.testing.assert_array_equal(tensors.decode(file_of(GOOD), "x")["a"], np.zeros(2, np.float32))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "header claims 0 bytes in a file of 0", id="empty"),
        pytest.param(b"\x08\0\0", "header claims", id="shorter than the length"),
        pytest.param((2**63).to_bytes(8, "little") + b"{}", "header claims 9,223", id="gigantic header length"),
        pytest.param(b"\xff" * 8 + b"{}", "header claims", id="all ones header length"),
        pytest.param(file_of(b"{" + b" " * 200_000 + b"}"), "header claims 200,0", id="oversized header"),
        pytest.param(file_of(b"[]"), "must be a JSON object; got list", id="header is a list"),
        pytest.param(file_of(b"\xff\xfe{}"), "is not JSON", id="header is not UTF-8"),
        pytest.param(file_of(b"[" * 90_000), "nests too deeply", id="nesting bomb"),
        pytest.param(file_of(b'{"a": {}, "a": {}}'), "a key is repeated", id="repeated name"),
        pytest.param(file_of({"a": 3}), "must have dtype, shape and data_offsets", id="entry is a number"),
        pytest.param(file_of(GOOD | {"__metadata__": {"x": "y"}}), "'__metadata__' must have", id="metadata"),
        pytest.param(file_of(entry(extra=1)), "nothing else", id="unknown field"),
        pytest.param(file_of(entry(dtype="F64", shape=[1])), "dtype 'F64'; readable are", id="other dtype"),
        pytest.param(file_of(entry(dtype=["F32"])), "dtype", id="dtype is a list"),
        pytest.param(file_of(entry(shape=[-2])), r"has the shape \[-2\]", id="negative size"),
        pytest.param(file_of(entry(shape=[True, 2])), "has the shape", id="size is a bool"),
        pytest.param(file_of(entry(shape=[2.0])), "has the shape", id="size is a float"),
        pytest.param(file_of(entry(shape=[1] * 60 + [2])), "has the shape", id="too many dimensions"),
        pytest.param(file_of(entry(shape=[2**62, 4])), "has 8 bytes for the shape", id="product wraps around"),
        pytest.param(file_of(entry(data_offsets=[-8, 0])), "has the offsets", id="negative offsets"),
        pytest.param(file_of(entry(data_offsets=[8, 0])), "has -8 bytes", id="offsets backwards"),
        pytest.param(file_of(entry(data_offsets=[0, 8, 8])), "has the offsets", id="three offsets"),
        pytest.param(file_of(entry(data_offsets=[4, 12]), b"\0" * 12), "starts at byte 4 where 0", id="hole"),
        pytest.param(file_of(GOOD, b"\0" * 7), "take 80 bytes of 79", id="truncated"),
        pytest.param(file_of(GOOD, b"\0" * 9), "take 80 bytes of 81", id="bytes behind the last array"),
        pytest.param(file_of(GOOD | {"b": GOOD["a"]}), "starts at byte 0 where 8", id="overlap"),
        pytest.param(
            file_of(
                {
                    "a": {"dtype": "I8", "shape": [1], "data_offsets": [0, 1]},
                    "b": {"dtype": "F32", "shape": [1], "data_offsets": [1, 5]},
                },
                b"\0" * 5,
            ),
            "b is not aligned",
            id="not aligned",
        ),
    ],
)
def test_a_file_that_is_not_exactly_right_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(ArtifactError, match=said):
        tensors.decode(content, "arrays.safetensors")


@given(
    at=st.integers(0, 79),
    value=st.integers(0, 255),
    cut=st.integers(0, 80),
)
def test_changed_or_cut_bytes_are_refused_or_read_within_the_file(at: int, value: int, cut: int) -> None:
    content = bytearray(file_of(GOOD))
    content[at] = value
    content = content[:cut]
    try:
        found = tensors.decode(bytes(content), "arrays.safetensors")
    except ArtifactError:
        return
    assert sum(array.nbytes for array in found.values()) <= len(content)
