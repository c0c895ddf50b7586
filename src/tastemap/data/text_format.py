"""How a text table is laid out: its separator, its header, its encoding, seen from its first lines."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tastemap.data.columns import is_usual_name
from tastemap.errors import DataError

SAMPLE_BYTES = 1 << 18
SAMPLE_LINES = 500
WHOLE_CHECK_BYTES = 1 << 26
"""Files up to this size are checked for UTF-8 to the last byte, larger ones by their sample."""

# In this order where several fit: a semicolon table may hold decimal commas, a tab table anything.
SEPARATORS = {"\t": "tab", "::": "::", ";": "semicolon", ",": "comma", "|": "pipe", " ": "space"}
OPENING = re.compile(r'(^|[\t:;,| ])"')
CLOSING = re.compile(r'"($|[\t:;,| ])')
HEADERLESS_NAMES = ("user_id", "item_id", "rating", "timestamp")
EARLIEST_TIME = 1e8
"""In a third column without a name, numbers from here on (1973, in seconds) are times, not ratings."""


class OneColumnError(DataError):
    """A text table has one column: no separator that is known splits its lines."""


@dataclass(frozen=True)
class TextFormat:
    """The layout of a text table.

    Parameters
    ----------
    separator : str
        One of :data:`SEPARATORS`; a space stands for any run of blanks.
    names : tuple of str
        Columns, distinct.
    has_header : bool
        Whether the first line holds the names.
    n_leading : int
        Empty lines before the first line with text.
    has_quotes : bool
        Whether fields may stand in double quotes.
    is_utf8 : bool
        False means latin-1.
    is_adjacency : bool
        Whether each line is a user followed by that user's items.
    """

    separator: str
    names: tuple[str, ...]
    has_header: bool
    n_leading: int = 0
    has_quotes: bool = True
    is_utf8: bool = True
    is_adjacency: bool = False


def sniff(path: Path, *, label: str, named: Sequence[str] = ()) -> TextFormat:
    """The layout of a text table, from its first 500 lines.

    Parameters
    ----------
    path : Path
    label : str
        What the table is called in messages.
    named : sequence of str
        Columns that the caller names; a first line that holds one of them is a header.

    Raises
    ------
    DataError
        If the file is empty, is no text, or has one column only.
    """
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
        is_whole = len(file.read(1)) == 0
    lines, is_utf8 = _decode(sample, path, is_whole=is_whole, label=label)
    n_leading = next((n for n, line in enumerate(lines) if line.strip()), len(lines))
    filled = [line for line in lines if line.strip()]
    if not filled:
        raise DataError(f"{label} is empty; give a table with one interaction per line.", source=label)
    if _is_adjacency(path, filled):
        return TextFormat(" ", ("user_id", "item_id"), False, n_leading, False, is_utf8, True)
    has_quotes = _has_quotes(filled, is_cut=not is_whole or len(lines) == SAMPLE_LINES)
    separator, fields = _split_best(filled, has_quotes, label)
    has_header = _has_header(fields, named)
    names = _distinct(fields[0]) if has_header else _headerless(fields, label)
    return TextFormat(separator, names, has_header, n_leading, has_quotes, is_utf8)


def split_line(line: str, separator: str, has_quotes: bool) -> list[str]:
    """The fields of one line."""
    if separator == " ":
        return line.split()
    if len(separator) > 1 or not has_quotes:
        return line.split(separator)
    return next(csv.reader([line.replace("\r", " ")], delimiter=separator), [])


def _decode(sample: bytes, path: Path, *, is_whole: bool, label: str) -> tuple[list[str], bool]:
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\x00" in sample:
        raise DataError(
            f"{label} is not a text table in UTF-8: it holds zero bytes. Save it as UTF-8 text, or give it "
            "the ending of its real format (.parquet, .zip); unpack a compressed file first.",
            source=label,
        )
    is_utf8 = _is_utf8(path)
    text = sample.decode("utf-8-sig" if is_utf8 else "latin-1", errors="ignore")  # ignore: a cut last letter
    if "\n" not in text and "\r" in text:
        raise DataError(
            f"{label} ends its lines with CR alone; save it with ordinary line ends (LF).", source=label
        )
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines and (not is_whole or not lines[-1]) and len(lines) > 1:
        lines.pop()  # cut off, or what follows the last line end
    return lines[:SAMPLE_LINES], is_utf8


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    budget = WHOLE_CHECK_BYTES if path.stat().st_size <= WHOLE_CHECK_BYTES else SAMPLE_BYTES
    try:
        with path.open("rb") as file:
            while budget > 0 and (block := file.read(SAMPLE_BYTES)):
                decoder.decode(block)
                budget -= len(block)
    except UnicodeDecodeError:
        return False
    return True


def _has_quotes(lines: list[str], *, is_cut: bool) -> bool:
    """Whether quotes enclose fields: they open at the start of one and close at its end, maybe lines later."""
    is_open = False
    for line in lines:
        if line.count('"') % 2 == 0:
            continue
        if not (CLOSING if is_open else OPENING).search(line):
            return False
        is_open = not is_open
    return is_cut or not is_open


def _is_adjacency(path: Path, lines: list[str]) -> bool:
    """Whether lines hold a varying number of integers: ``user item item item …``."""
    if path.suffix.lower() != ".txt" or len(lines) < 2:
        return False
    rows = [line.split() for line in lines]
    return len({len(row) for row in rows}) > 1 and all(field.isdecimal() for row in rows for field in row)


def _split_best(lines: list[str], has_quotes: bool, label: str) -> tuple[str, list[list[str]]]:
    """The separator under which most lines have as many fields as the first one, and those fields."""
    best, best_share = None, 0.0
    for separator in SEPARATORS:
        rows = [split_line(line, separator, has_quotes) for line in lines]
        share = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
        if len(rows[0]) > 1 and share > best_share:
            best, best_share = (separator, rows), share
    if best is None:
        raise OneColumnError(
            f"{label} has one column only: its first line is {lines[0][:80]!r}. Put a comma, tab, semicolon, "
            "pipe, :: or space between the user, the item and what follows.",
            source=label,
        )
    return best


def _has_header(rows: list[list[str]], named: Sequence[str]) -> bool:
    first, later = [field.strip() for field in rows[0]], rows[1:]
    if any(is_usual_name(field) or field in named for field in first):
        return True
    if any(_is_number(field) for field in first):
        return False
    columns = [[row[n] for row in later if n < len(row)] for n in range(len(first))]
    return any(column and all(_is_number(field) for field in column) for column in columns)


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _distinct(fields: list[str]) -> tuple[str, ...]:
    names: list[str] = []
    for place, field in enumerate(fields, 1):
        name = field.strip() or f"column {place}"
        names.append(name if name not in names else f"{name} ({place})")
    return tuple(names)


def _headerless(rows: list[list[str]], label: str) -> tuple[str, ...]:
    width = len(rows[0])
    if width > len(HEADERLESS_NAMES):
        raise DataError(
            f"{label} has {width} columns and no header; a table without header may hold user, item, rating "
            "and timestamp only. Add a first line with the names of the columns.",
            source=label,
        )
    thirds = [row[2] for row in rows if len(row) > 2]
    if width == 3 and all(_is_number(field) and float(field) >= EARLIEST_TIME for field in thirds):
        return ("user_id", "item_id", "timestamp")
    return HEADERLESS_NAMES[:width]
