"""Write a table by the ending of its name; a file that is there is whole."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tastemap.errors import DataError, InvalidValueError

OUT_ENDINGS = (".csv", ".tsv", ".parquet", ".jsonl")


def check_ending(out: Path) -> None:
    """Raise if `out` does not end in one of :data:`OUT_ENDINGS`."""
    if out.suffix.lower() not in OUT_ENDINGS:
        raise InvalidValueError(f"out must end in {', '.join(OUT_ENDINGS)}. Got {out.name!r}.")


def write_table(frame: pl.DataFrame, out: Path, *, line_end: str = "\n") -> None:
    """Write beside the place and move there, so that a broken run leaves no half file.

    Raises
    ------
    InvalidValueError
        If `out` has another ending.
    DataError
        If the format cannot hold a column (lists in CSV).
    """
    check_ending(out)
    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        _write_as(frame, unfinished, out.suffix.lower(), line_end)
        unfinished.replace(out)
    except OSError as error:
        reason = (
            "the folder does not exist"
            if not out.parent.is_dir()
            else str(error.strerror or error).split(" (os")[0]
        )
        raise DataError(
            f"Could not write {out}: {reason}. Nothing was left there; name another place."
        ) from error
    except pl.exceptions.PolarsError as error:
        nested = ", ".join(name for name, dtype in frame.schema.items() if dtype.is_nested())
        raise DataError(f"{out.name} cannot hold the columns {nested}; write .parquet or .jsonl.") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _write_as(frame: pl.DataFrame, path: Path, ending: str, line_end: str) -> None:
    if ending == ".parquet":
        frame.write_parquet(path)
    elif ending == ".jsonl":
        frame.write_ndjson(path)
    else:
        frame.write_csv(path, separator="\t" if ending == ".tsv" else ",", line_terminator=line_end)
