"""Loading what shall not be in memory as a whole."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

from tastemap.data.catalog import Catalog
from tastemap.data.columns import Columns
from tastemap.data.dataset import Dataset, LoadReport
from tastemap.data.encode_blocks import Spool
from tastemap.data.interactions import RatingScale
from tastemap.data.rating_scale import check_within, scale_between
from tastemap.data.row_blocks import RowBlocks
from tastemap.data.tables import Table
from tastemap.errors import DataError
from tastemap.linalg.placement import OnDisk
from tastemap.progress import Progress

BYTES_PER_ROW = 80
"""What reading and fitting need at once where all is in memory, by rows; measured with 25 million."""
BYTES_PER_ROW_OF_BLOCK = 1024
"""What is allowed for a row of a block: a quarter is used where ids are numbers, more where they are text."""
LARGEST_BLOCK = 1 << 22
SMALLEST_BLOCK = 1 << 12


def block_of(max_memory: int) -> int:
    """Rows at a time where so many bytes are allowed."""
    return max(min(max_memory // BYTES_PER_ROW_OF_BLOCK, LARGEST_BLOCK), SMALLEST_BLOCK)


def _folder() -> Path:
    """The folder of temporary files.

    Where nothing can be written to the one that TMPDIR names, Python would take another one without a word.
    """
    return Path(os.environ.get("TMPDIR") or tempfile.gettempdir())


def load_blocks(
    name: str,
    table: Table,
    columns: Columns,
    scale: RatingScale | None,
    max_memory: int,
    *,
    has_given_time: bool,
    progress: Progress,
) -> Dataset | None:
    """The interactions of a table, in arrays on disk; None if it is small enough for memory.

    The files lie in the folder of temporary files and have no name, so that nothing is left of them.

    Raises
    ------
    DataError
        As :func:`tastemap.data.rows.read_rows` does, for the first block with a value that cannot be read.
    StorageError
        If the disk has no room, or TMPDIR names a folder that cannot be written to.
    """
    blocks = RowBlocks.of(table, columns, block_of(max_memory), has_given_time=has_given_time)
    if blocks.n_rows * BYTES_PER_ROW <= max_memory:
        return None
    placement = OnDisk(_folder(), block_of(max_memory))
    progress.note(
        f"The {blocks.n_rows:,} rows of {name} do not fit the memory that is allowed: they stay on disk, in "
        f"{placement.folder}, until the end."
    )
    spool = Spool(blocks.n_rows, placement, has_times=blocks.time_form is not None)
    report, low, high = LoadReport(0, 0, notes=columns.notes + blocks.notes), float("inf"), float("-inf")
    n_blocks = -(-blocks.n_rows // blocks.block)
    for number, rows in enumerate(blocks):
        progress.step(f"read {name}", number, n_blocks, {})
        report = report.plus(rows.n_rows, rows.dropped, rows.notes)
        if not len(rows.values):
            continue
        if scale is not None and not columns.is_implicit:
            check_within(rows.values, scale)
        low, high = min(low, float(rows.values.min())), max(high, float(rows.values.max()))
        spool.append(rows.users, rows.items, rows.values, rows.timestamps)
    if not spool.filled:
        raise DataError("There are no interactions left; check the source with `tastemap data check`.")
    if scale is None and not columns.is_implicit:
        scale, said = scale_between(low, high, spool.filled)
        report = report.plus(0, {}, (said,))
    progress.step(f"sort {name}", n_blocks, n_blocks + 1, {})
    interactions, n_merged = spool.interactions(None if columns.is_implicit else scale)
    report = replace(report, n_kept=len(interactions), n_merged=n_merged)
    return Dataset(name, interactions, Catalog.empty(), None, report)
