"""Clean rows of a table a block at a time, for tables that shall not be in memory as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import polars as pl

from tastemap.data.columns import Columns
from tastemap.data.rows import Rows, read_rows, unused_time
from tastemap.data.tables import Table
from tastemap.data.times import SAMPLE_ROWS, TimeForm


@dataclass(frozen=True, eq=False)
class RowBlocks:
    """A table that has been counted and is read in blocks, in the order of its rows.

    Parameters
    ----------
    table, columns
        What is read.
    n_rows : int
        Rows of the table.
    block : int
        Rows at a time.
    time_form : TimeForm or None
        How its times are written; None where there are none.
    notes : tuple of str
        What the whole column of times said.
    """

    table: Table
    columns: Columns
    n_rows: int
    block: int
    time_form: TimeForm | None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, table: Table, columns: Columns, block: int, *, has_given_time: bool) -> RowBlocks:
        """Look through the table once for what one block cannot tell: its length, and how times are written.

        The form of times is taken from at most some 200,000 of them, evenly spread; errors are those of
        :func:`read_rows`.
        """
        n_rows = int(table.collect(table.frame.select(pl.len())).item())
        made = cls(table, columns, n_rows, block, None)
        if columns.time is None:
            return made
        time = pl.col(columns.time)
        is_there = time.str.strip_chars() != "" if table.is_text else time.is_not_null()
        every = time.filter(is_there).gather_every(max(n_rows // SAMPLE_ROWS, 1))
        sample = table.collect(table.frame.select(every)).to_series()
        form = TimeForm.of(sample)
        if form.seconds(sample).null_count() == len(sample) and not (has_given_time and len(sample)):
            note = unused_time(columns.time, is_empty=not len(sample))
            return replace(made, columns=replace(columns, time=None), notes=(note,))
        return replace(made, time_form=form)

    def __iter__(self) -> Iterator[Rows]:
        table, columns = self.table, self.columns
        names = columns.names
        wanted = [*names, "surplus"] if table.has_surplus else names
        first, n_skipped = table.first, table.n_skipped
        for batch in table.batches(table.frame.select(wanted), self.block):
            part = replace(table, frame=batch.lazy(), names=tuple(names), first=first, n_skipped=n_skipped)
            yield read_rows(part, columns, time_form=self.time_form)
            first, n_skipped = first + len(batch), 0
