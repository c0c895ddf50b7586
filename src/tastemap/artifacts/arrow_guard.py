"""What an Arrow file promises, looked at before Polars reads it: sizes within the file, nothing compressed.

A size beyond the file would make the reader reserve that much memory, and end the process; a few
compressed bytes can unpack to any amount. The file ends with a footer (a FlatBuffers table) that lists
its blocks; each block is a message (its kind, numbers of rows, places of buffers) and a body.
"""

from __future__ import annotations

import struct
from typing import NoReturn

from tastemap.artifacts.tensors import Buffer
from tastemap.errors import ArtifactError

MAGIC = b"ARROW1"
RECORD_BATCH = 3
"""The number of this kind in the union of message headers."""
# Numbers of fields in their tables, as the Arrow schemas declare them.
DICTIONARIES, BLOCKS = 2, 3  # of the footer
KIND, HEADER = 1, 2  # of a message
ROWS, NODES, BUFFERS, COMPRESSION, VARIADIC_COUNTS = 0, 1, 2, 3, 4  # of a record batch


def check(buffer: Buffer, what: str) -> None:
    """Refuse an Arrow file with sizes beyond its own, compressed blocks or dictionaries.

    Raises
    ------
    ArtifactError
        If it has one, or its footer does not lead to its blocks. `what` opens the sentence.
    """
    try:
        _check_blocks(buffer, what)
    except (struct.error, IndexError) as error:
        _refuse(what, "is damaged: it is not an Arrow table", error)


def _check_blocks(buffer: Buffer, what: str) -> None:
    if bytes(buffer[-6:]) != MAGIC:
        _refuse(what, "is damaged: it is not an Arrow table")
    footer_end = len(buffer) - 10
    footer = footer_end - _read("<i", buffer, footer_end)
    root = _follow(buffer, footer)
    if _entries(buffer, root, DICTIONARIES, size=24):
        _refuse(what, "is not understood: it has columns in dictionaries")
    end = 0
    for block in _entries(buffer, root, BLOCKS, size=24):
        start, head, body = struct.unpack_from("<qi4xq", buffer, block)
        if start < end or head < 0 or body < 0 or start + head + body > footer:
            _refuse(what, "is damaged: its blocks overlap or leave the file")
        end = start + head + body
        # Each message starts with a marker and its length, four bytes each.
        message = _follow(buffer, start + 8)
        kind = _field(buffer, message, KIND)
        if kind is None or _read("<B", buffer, kind) != RECORD_BATCH:
            _refuse(what, "is damaged: it has a block that holds no rows")
        header = _field(buffer, message, HEADER)
        if header is None or not head:
            _refuse(what, "is damaged: it has a block without a message")
        _check_batch(buffer, _follow(buffer, header), body, what)


def _check_batch(buffer: Buffer, batch: int, body: int, what: str) -> None:
    """Rows, nodes, buffers and counts of one record batch against the size of its body, in bytes."""
    if _field(buffer, batch, COMPRESSION) is not None:
        _refuse(what, "is not understood: it is compressed")
    rows = _field(buffer, batch, ROWS)
    lengths = [0 if rows is None else _read("<q", buffer, rows)]
    for node in _entries(buffer, batch, NODES, size=16):
        length, n_nulls = struct.unpack_from("<qq", buffer, node)
        lengths += [length, n_nulls]
    # A value takes a bit or more.
    if not all(0 <= length <= 8 * body for length in lengths):
        _refuse(what, "is damaged: it claims more rows than it has")
    end, n_buffers = 0, 0
    for entry in _entries(buffer, batch, BUFFERS, size=16):
        start, length = struct.unpack_from("<qq", buffer, entry)
        if start < end or length < 0 or start + length > body:
            _refuse(what, "is damaged: its buffers overlap or leave their block")
        end, n_buffers = start + length, n_buffers + 1
    counts = [_read("<q", buffer, entry) for entry in _entries(buffer, batch, VARIADIC_COUNTS, size=8)]
    if not all(0 <= count <= n_buffers for count in counts):
        _refuse(what, "is damaged: it claims more buffers than it has")


def _entries(buffer: Buffer, table: int, slot: int, *, size: int) -> range:
    """Where each entry of a vector starts; `size` is that of an entry, in bytes."""
    field = _field(buffer, table, slot)
    if field is None:
        return range(0)
    vector = _follow(buffer, field)
    first = vector + 4
    return range(first, first + size * _read("<I", buffer, vector), size)


def _field(buffer: Buffer, table: int, slot: int) -> int | None:
    """Where a field of a FlatBuffers table is; None where the table lacks it."""
    names = table - _read("<i", buffer, table)
    if 4 + 2 * slot + 2 > _read("<H", buffer, names):
        return None
    offset = _read("<H", buffer, names + 4 + 2 * slot)
    return table + offset if offset else None


def _follow(buffer: Buffer, place: int) -> int:
    return place + _read("<I", buffer, place)


def _read(kind: str, buffer: Buffer, place: int) -> int:
    if place < 0:  # struct would count from the end
        raise IndexError(place)
    found: int = struct.unpack_from(kind, buffer, place)[0]
    return found


def _refuse(what: str, why: str, cause: Exception | None = None) -> NoReturn:
    raise ArtifactError(f"{what} {why}. Restore the folder from a copy or fit again.") from cause
