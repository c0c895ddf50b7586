"""Write pages, and tables by the ending of their name; a file that is there is whole."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import polars as pl

from tastemap.errors import DataError, InvalidValueError, TastemapError

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


def ensure_page(path: str | os.PathLike[str], *, name: str = "path") -> None:
    """Refuse early what :func:`write_page` would refuse after long work; `name` is what a message calls `path`.

    Raises
    ------
    InvalidValueError
        If `path` is a folder.
    TastemapError
        If no file can be made there.
    """
    target = Path(path)
    if target.is_dir():
        raise InvalidValueError(f"{name} must name a file, not a folder. Got the folder {target}.")
    parent = next(one for one in target.absolute().parents if os.path.lexists(one))
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        what = "not writable" if parent.is_dir() else "no folder"
        raise TastemapError(f"{name} {target} cannot be written: {parent} is {what}. Choose another place.")


def write_page(text: str, path: str | os.PathLike[str], *, name: str = "path") -> Path:
    """Write a page whole or not at all; the folder is made where there is none.

    Raises
    ------
    InvalidValueError
        If `path` is a folder.
    TastemapError
        If it cannot be written.
    """
    target = Path(path)
    ensure_page(target, name=name)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        draft = Path(made)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            draft.chmod(0o666 & ~_umask())
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise TastemapError(
            f"{name} {target} cannot be written: {error.strerror}. Choose another place."
        ) from error
    return target


def _umask() -> int:
    # There is no way to read it but to set it.
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
