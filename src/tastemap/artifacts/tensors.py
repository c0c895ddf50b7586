"""Arrays in the safetensors layout: written canonically, read strictly, mapped and never copied.

Layout: 8 bytes little-endian header length N, N bytes JSON ``{name: {dtype, shape, data_offsets}}``
padded with spaces to a multiple of 8, then the arrays without a gap.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from tastemap.artifacts import strict_json
from tastemap.errors import ArtifactError

Array = NDArray[Any]
Buffer = bytes | memoryview

# In the order in which they are laid out: the widest first keeps every array aligned.
DTYPES: dict[str, np.dtype[Any]] = {
    "I64": np.dtype("<i8"),
    "F32": np.dtype("<f4"),
    "I32": np.dtype("<i4"),
    "F16": np.dtype("<f2"),
    "I8": np.dtype("i1"),
}
LARGEST_HEADER = 100_000
"""In bytes. The arrays of an artifact have a dozen names; a longer header is no header."""
LARGEST_RANK = 2
_KNOWN = ", ".join(str(dtype) for dtype in DTYPES.values())


def encode(arrays: Mapping[str, Array]) -> list[Buffer]:
    """The file as chunks, the arrays themselves uncopied.

    `arrays` are C-contiguous, of the types in :data:`DTYPES`. The order of the mapping does not matter.
    """
    names = {dtype: name for name, dtype in DTYPES.items()}
    kinds = list(DTYPES)
    for name, array in arrays.items():
        if array.dtype not in names:
            raise ArtifactError(f"Cannot save {name}: it has dtype {array.dtype}; the format has {_KNOWN}.")
    order = sorted(arrays, key=lambda name: (kinds.index(names[arrays[name].dtype]), name))
    header: dict[str, object] = {}
    end = 0
    for name in order:
        array, start = arrays[name], end
        end += array.nbytes
        header[name] = {"dtype": names[array.dtype], "shape": list(array.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    # A view as bytes; an empty array cannot be cast, and adds nothing.
    bodies = [arrays[name].data.cast("B") for name in order if arrays[name].nbytes]
    return [len(text).to_bytes(8, "little") + text, *bodies]


def decode(buffer: Buffer, what: str) -> dict[str, Array]:
    """The arrays in `buffer` (bytes or a memory map), as read-only views of it.

    Raises
    ------
    ArtifactError
        Unless every byte of the buffer is accounted for: a header of sane length, known dtypes, sizes
        that follow from the shapes, arrays aligned, without holes or overlaps, up to the last byte.
        `what` opens the sentence.
    """
    size = len(buffer)
    length = int.from_bytes(buffer[:8], "little")
    if size < 8 or length > min(size - 8, LARGEST_HEADER):
        _refuse(what, f"its header claims {length:,} bytes in a file of {size:,}")
    header = strict_json.decode(bytes(buffer[8 : 8 + length]), f"The header of {what}")
    data_start, end = 8 + length, 0
    views = {name: _Entry(name, entry, what) for name, entry in header.items()}
    for view in sorted(views.values(), key=lambda view: (view.start, view.stop)):
        if view.start != end:
            _refuse(what, f"{view.name} starts at byte {view.start:,} where {end:,} is due")
        if (data_start + view.start) % view.dtype.itemsize:
            _refuse(what, f"{view.name} is not aligned")
        end = view.stop
    if data_start + end != size:
        _refuse(what, f"its arrays take {data_start + end:,} bytes of {size:,}")
    return {name: view.array(buffer, data_start) for name, view in views.items()}


class _Entry:
    """One entry of the header, checked on its own."""

    def __init__(self, name: str, entry: object, what: str) -> None:
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            _refuse(what, f"the entry {name!r} must have dtype, shape and data_offsets, nothing else")
        shape, offsets = entry["shape"], entry["data_offsets"]
        if not isinstance(entry["dtype"], str) or entry["dtype"] not in DTYPES:
            _refuse(what, f"{name} has dtype {entry['dtype']!r}; readable are {', '.join(DTYPES)}")
        if not _are_counts(shape) or len(shape) > LARGEST_RANK:
            _refuse(what, f"{name} has the shape {shape!r}")
        if not _are_counts(offsets) or len(offsets) != 2:
            _refuse(what, f"{name} has the offsets {offsets!r}")
        self.name = name
        self.shape: tuple[int, ...] = tuple(shape)
        self.dtype: np.dtype[Any] = DTYPES[entry["dtype"]]
        self.start, self.stop = offsets
        # Python integers: a product of hostile sizes must not wrap around.
        if self.stop - self.start != math.prod(self.shape) * self.dtype.itemsize:
            _refuse(what, f"{name} has {self.stop - self.start:,} bytes for the shape {shape}")

    def array(self, buffer: Buffer, data_start: int) -> Array:
        count = math.prod(self.shape)
        flat: Array = np.zeros(0, self.dtype)
        if count:
            flat = np.frombuffer(buffer, self.dtype, count, data_start + self.start)
        flat.flags.writeable = False
        return flat.reshape(self.shape)


def _are_counts(found: object) -> bool:
    # bool is an int to isinstance, and true is no size.
    return isinstance(found, list) and all(type(number) is int and number >= 0 for number in found)


def _refuse(what: str, why: str) -> NoReturn:
    raise ArtifactError(f"{what} is damaged: {why}. Restore the folder from a copy or fit again.")
