"""Open a file as a lazy table: text tables as columns of text, typed formats with their types."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from tastemap.data.text_format import TextFormat, sniff, split_line
from tastemap.errors import DataError

TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".dat", ".data", ".inter", ".base", ".test")
TYPED_ENDINGS = (".jsonl", ".ndjson", ".parquet")
PACKED_ENDINGS = (".gz", ".bz2", ".xz", ".zst", ".tar", ".zip", ".7z")
NO_SEPARATOR = "\x1f"
"""A byte that no text table holds: read with it, a line is one field."""


@dataclass(frozen=True)
class Table:
    """A table that has been opened, not read.

    Parameters
    ----------
    label : str
        What the table is called in messages; no path.
    frame : LazyFrame
        All columns text if `is_text`.
    names : tuple of str
        The columns.
    is_text : bool
    unit : str
        ``"line"`` or ``"row"``: what :meth:`place` counts.
    first : int
        The number of the first row.
    n_skipped : int
        Empty lines that `frame` does not hold.
    has_surplus : bool
        Whether `frame` has a further column ``surplus``, null unless a line has too many fields.
    path, form : Path and TextFormat, or None
        The file and its layout, for messages about broken lines.
    fetch : callable or None
        Reads columns by their names, where `frame` holds none yet since it is not known which will be wanted.
    """

    label: str
    frame: pl.LazyFrame
    names: tuple[str, ...]
    is_text: bool
    unit: str = "row"
    first: int = 1
    n_skipped: int = 0
    has_surplus: bool = False
    path: Path | None = None
    form: TextFormat | None = None
    fetch: Callable[[Sequence[str]], pl.DataFrame] | None = None

    def place(self, row: int) -> str:
        """Where row number `row` (from 0) stands, for people: ``"line 7"``."""
        return f"{self.unit} {row + self.first}"

    def collect(self, frame: pl.LazyFrame) -> pl.DataFrame:
        """Read what `frame`, made from this table, asks for, in one streaming pass.

        Raises
        ------
        DataError
            If the file cannot be read as the table it looked like.
        """
        try:
            return frame.collect(engine="streaming")
        except pl.exceptions.PolarsError as error:
            raise self._explained(error) from error

    def batches(self, frame: pl.LazyFrame, n_rows: int) -> Iterator[pl.DataFrame]:
        """The same, `n_rows` at a time, in order; what has been read goes when the next batch is asked for."""
        try:
            yield from frame.collect_batches(chunk_size=n_rows, maintain_order=True, engine="streaming")
        except pl.exceptions.PolarsError as error:
            raise self._explained(error) from error

    def _explained(self, error: Exception) -> DataError:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if "more fields" in reason:
            return self.too_many_fields()
        if "utf-8" in reason.casefold():
            return DataError(
                f"{self.label} is not UTF-8 text throughout; convert it, for example with "
                "`iconv -f latin1 -t utf-8`.",
            )
        return DataError(f"{self.label} cannot be read as a table: {reason}; check the file.")

    def too_many_fields(self) -> DataError:
        """The error that names the first line with more fields than there are columns."""
        found = None if self.path is None or self.form is None else _first_long_line(self.path, self.form)
        place, width = ("a line", "more") if found is None else (f"line {found[0]}", str(found[1]))
        return DataError(
            f"{self.label}: {place} has {width} fields where {len(self.names)} are expected "
            f"({', '.join(self.names)}); quote fields that hold the separator, or mend the line.",
            line=None if found is None else found[0],
        )


def is_empty_row(is_text: bool) -> pl.Expr:
    """Whether no field of a row holds anything, blanks aside."""
    fields = pl.all()
    return pl.all_horizontal(
        fields.is_null() | (fields.str.strip_chars() == "") if is_text else fields.is_null()
    )


def open_table(path: Path, *, label: str, scratch: Path, named: Sequence[str] = ()) -> Table:
    """Open a table by its ending.

    Parameters
    ----------
    path : Path
    label : str
        What it is called in messages.
    scratch : Path
        A folder for a copy in UTF-8, should one be needed.
    named : sequence of str
        Columns that the caller names, to tell a header from data.

    Raises
    ------
    DataError
        If the ending is none that is read, or the file is no such table.
    """
    ending = path.suffix.lower()
    if ending in TYPED_ENDINGS:
        return _open_parquet(path, label) if ending == ".parquet" else _open_jsonl(path, label)
    if ending not in TEXT_ENDINGS:
        remedy = "unpack it first" if ending in PACKED_ENDINGS else "save it as one of these"
        raise DataError(
            f"{label} has the ending {ending or '(none)'!r}, which is not read as a table. Allowed: "
            f"{', '.join((*TEXT_ENDINGS, *TYPED_ENDINGS))}; {remedy}.",
            source=label,
        )
    form = sniff(path, label=label, named=named)
    if not form.is_utf8:
        path, form = _as_utf8(path, scratch), replace(form, is_utf8=True)
    return open_text(path, form, label=label)


def open_text(path: Path, form: TextFormat, *, label: str) -> Table:
    """Open a UTF-8 text table of a known layout."""
    if form.is_adjacency:
        return Table(label, _scan_adjacency(path, form), form.names, True, n_skipped=form.n_leading)
    is_split = form.separator in ("::", " ")
    frame = _scan_lines_split(path, form) if is_split else _scan_separated(path, form)
    first = 1 + form.n_leading + form.has_header
    return Table(label, frame, form.names, True, "line", first, form.n_leading, is_split, path, form)


def _scan_separated(path: Path, form: TextFormat) -> pl.LazyFrame:
    return pl.scan_csv(
        path,
        separator=form.separator,
        has_header=form.has_header,
        infer_schema=False,
        new_columns=list(form.names),  # distinct and bare, whatever the header holds
        quote_char='"' if form.has_quotes else None,
        skip_lines=form.n_leading,
        glob=False,
    )


def _scan_lines(path: Path, n_skip: int) -> pl.LazyFrame:
    """Whole lines as one column ``line``; null for an empty one."""
    return pl.scan_csv(
        path,
        separator=NO_SEPARATOR,
        has_header=False,
        schema={"line": pl.String},
        quote_char=None,
        skip_lines=n_skip,
        glob=False,
    )


def _scan_lines_split(path: Path, form: TextFormat) -> pl.LazyFrame:
    """For separators that a CSV reader does not take: ``::``, and runs of blanks."""
    line, separator = pl.col("line"), form.separator
    if separator == " ":
        line = line.str.strip_chars().str.replace_all(r"\s+", " ")
    # One part more than there are columns keeps a surplus field out of the last column.
    parts = line.str.split_exact(separator, len(form.names)).struct.rename_fields([*form.names, "surplus"])
    return _scan_lines(path, form.n_leading + form.has_header).select(parts.struct.unnest())


def _scan_adjacency(path: Path, form: TextFormat) -> pl.LazyFrame:
    fields = pl.col("line").str.strip_chars().str.replace_all(r"\s+", " ").str.split(" ")
    lines = _scan_lines(path, form.n_leading).select(fields.alias("fields"))
    # A line without items keeps its user beside a missing item, so that it is counted.
    nothing = pl.lit(pl.Series([[None]], dtype=pl.List(pl.String)))
    has_items = pl.col("fields").list.len() > 1
    pairs = lines.select(
        user_id=pl.col("fields").list.get(0, null_on_oob=True),
        item_id=pl.when(has_items).then(pl.col("fields").list.slice(1)).otherwise(nothing),
    )
    return pairs.explode("item_id")


def _as_utf8(path: Path, scratch: Path) -> Path:
    """A copy of a latin-1 file in UTF-8."""
    copy = scratch / f"utf8-{path.name}"
    with (
        path.open(encoding="latin-1", newline="") as source,
        copy.open("w", encoding="utf-8", newline="") as target,
    ):
        while block := source.read(1 << 20):
            target.write(block)
    return copy


def _first_long_line(path: Path, form: TextFormat) -> tuple[int, int] | None:
    """The first line with more fields than there are columns: (line number, fields)."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            width = len(split_line(line.rstrip("\r\n"), form.separator, form.has_quotes))
            if width > len(form.names):
                return number, width
    return None


def _open_parquet(path: Path, label: str) -> Table:
    frame = pl.scan_parquet(path, glob=False)
    try:
        names = tuple(frame.collect_schema().names())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{label} is not a readable Parquet file; write it again.") from error
    return Table(label, frame, names, is_text=False)


def _open_jsonl(path: Path, label: str) -> Table:
    n_lines, n_empty = _count_lines(path)
    if n_lines == n_empty:
        raise DataError(f"{label} is empty; give a table with one interaction per line.", source=label)
    frame = pl.scan_ndjson(path, infer_schema_length=None)
    try:
        names = tuple(frame.collect_schema().names())
        frame = frame.collect().lazy()  # its reader finds a broken line only now
    except pl.exceptions.PolarsError as error:
        raise _broken_json(path, label) from error
    if not n_empty:
        return Table(label, frame, names, is_text=False, unit="line")
    return Table(label, frame, names, is_text=False, n_skipped=n_empty)


def _count_lines(path: Path) -> tuple[int, int]:
    n_lines = n_empty = 0
    with path.open("rb") as file:
        for line in file:
            n_lines += 1
            n_empty += not line.strip()
    return n_lines, n_empty


def _broken_json(path: Path, label: str) -> DataError:
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            try:
                is_object = not line.strip() or isinstance(json.loads(line), dict)
            except ValueError:
                is_object = False
            if not is_object:
                return DataError(
                    f"{label} line {number} is not a JSON object; write one object per line, such as "
                    '{"user_id": 1, "item_id": 2, "rating": 4}.',
                    line=number,
                )
    return DataError(
        f"{label} holds objects whose fields do not agree in type; write every column in one type."
    )
