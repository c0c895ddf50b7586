"""Zips and folders as sources: which of their files is the table."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from tastemap.data.movielens import recognize
from tastemap.data.tables import TEXT_ENDINGS, TYPED_ENDINGS
from tastemap.errors import DataError, SourceNotFoundError, did_you_mean
from tastemap.progress import Progress

TABLE_ENDINGS = (*TEXT_ENDINGS, *TYPED_ENDINGS)
USUAL_STEMS = ("ratings", "interactions", "events", "train", "trainset")
"""The table that is meant where a folder holds several; earlier ones win."""


def unzip(path: Path, folder: Path, *, member: str | None = None) -> Path:
    """Extract the tables of a zip, or one member, into `folder`, and return what to read: a file or a folder.

    Raises
    ------
    DataError
        If it is no zip, cannot be unpacked, or holds no table.
    SourceNotFoundError
        If it has no such member.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if member is not None:
                chosen = _member(path.name, names, member)
                return _extract(archive, chosen, folder)
            top = _common_folder(names)
            for name in names:
                is_here = "/" not in name.removeprefix(top)
                if is_here and (
                    Path(name).suffix.lower() in TABLE_ENDINGS or Path(name).name in ("u.item", "u.user")
                ):
                    _extract(archive, name, folder)
    except zipfile.BadZipFile as error:
        raise DataError(f"{path.name} is not a zip file; check the download.", source=path.name) from error
    except (RuntimeError, EOFError, zlib.error) as error:  # a password, a compression of its own, damage
        raise DataError(
            f"{path.name} cannot be unpacked: {error}. Unpack it by other means and name the table.",
            source=path.name,
        ) from error
    return folder


def table_of_folder(folder: Path, *, label: str, progress: Progress) -> Path:
    """What to read in a folder: the folder itself if it is laid out as MovieLens is, else one table file.

    Raises
    ------
    DataError
        If there is no table, or several of which none has a usual name; lists them.
    """
    if recognize(folder) is not None:
        return folder
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in TABLE_ENDINGS and file.is_file())
    folders = [one for one in folder.iterdir() if one.is_dir() and not one.name.startswith((".", "__"))]
    if not files and len(folders) == 1:
        return table_of_folder(folders[0], label=label, progress=progress)
    # A readme beside one table is no second table.
    tables = [file for file in files if not file.stem.lower().startswith(("readme", "license"))] or files
    if len(tables) == 1:
        return tables[0]
    by_stem = {file.stem.lower(): file for file in tables}
    usual = next((by_stem[stem] for stem in USUAL_STEMS if stem in by_stem), None)
    if usual is not None:
        others = ", ".join(file.name for file in tables if file != usual)
        progress.note(
            f"{label}: reading {usual.name}, leaving aside {others} (in a zip, FILE.zip:TABLE names one)."
        )
        return usual
    if not tables:
        raise DataError(f"{label} holds no table ({', '.join(TABLE_ENDINGS)}); name a file.", source=label)
    raise DataError(
        f"{label} holds several tables: {', '.join(file.name for file in tables[:12])}. Name one of them, "
        "or in a zip FILE.zip:TABLE.",
        source=label,
    )


def _member(label: str, names: Sequence[str], member: str) -> str:
    found = [name for name in names if name == member or name.rpartition("/")[2] == member]
    if not found:
        short = [name.rpartition("/")[2] for name in names]
        raise SourceNotFoundError(
            f"{label} holds no {member!r}. It holds: {', '.join(short[:12])}.{did_you_mean(member, short)}",
            source=label,
        )
    return min(found, key=len)


def _common_folder(names: Sequence[str]) -> str:
    """``"ml-100k/"`` where all members lie in that one folder."""
    tops = {name.partition("/")[0] for name in names if not name.startswith("__MACOSX/")}
    return f"{tops.pop()}/" if len(tops) == 1 and all("/" in name for name in names) else ""


def _extract(archive: zipfile.ZipFile, name: str, folder: Path) -> Path:
    """Write one member under its bare name: a path inside a zip never decides where a file goes."""
    target = folder / Path(name).name
    with archive.open(name) as source, target.open("wb") as opened:
        shutil.copyfileobj(source, opened, 1 << 20)
    return target
