"""Files of an artifact: written once by content, committed by one rename, never followed out of the folder."""

from __future__ import annotations

import hashlib
import mmap
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from io import BufferedReader
from pathlib import Path
from typing import NoReturn

from tastemap.artifacts import manifest as manifests
from tastemap.artifacts.manifest import FileFacts
from tastemap.artifacts.tensors import Buffer
from tastemap.errors import ArtifactError

MANIFEST = "manifest.json"
LOCK = ".lock"
VERSIONS_KEPT = 5
"""Earlier manifests, besides the current one."""

_VERSION = re.compile(r"manifest-(\d{4,})\.json")
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True, eq=False)
class Blob:
    """A data file to be: its role and its bytes in chunks."""

    role: str
    chunks: Sequence[Buffer]

    @cached_property
    def facts(self) -> FileFacts:
        """Its name, digest and size; reads the bytes once."""
        digest, size = hashlib.sha256(), 0
        for chunk in self.chunks:
            digest.update(chunk)
            size += len(chunk)
        sha256 = digest.hexdigest()
        return FileFacts(name=manifests.data_file_name(self.role, sha256), sha256=sha256, size=size)


Announce = Callable[[str, str | None], None]
"""Told the digest of a manifest just before it becomes the current one, and of the one that it follows."""


def digest_of(manifest: bytes) -> str:
    """What tells a version from every other one: the sha256 of its manifest, in hexadecimal."""
    return hashlib.sha256(manifest).hexdigest()


def commit(folder: Path, blobs: Sequence[Blob], manifest: bytes, announce: Announce | None = None) -> None:
    """Make `manifest` the current one, all or nothing; the caller holds the lock.

    Raises
    ------
    OSError
        If the disk refuses; what was current stays current.
    """
    _remove_leftovers(folder)
    try:
        for blob in blobs:
            if not _is_there(folder, blob.facts):
                write_whole(folder, blob.facts.name, blob.chunks)
        _sync(folder)
        current = read_manifest(folder)
        if announce is not None:
            announce(digest_of(manifest), None if current is None else digest_of(current))
        if current != manifest:
            _keep_current(folder)
            write_whole(folder, MANIFEST, [manifest])  # the commit point
            _sync(folder)
    finally:
        # After a success what nobody refers to any more, after a failure what nobody refers to yet.
        _remove_unreferenced(folder)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One save at a time: waits for another process or thread that saves into `folder`."""
    import fcntl  # not on Windows, where loading must still work

    file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | _NO_FOLLOW, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def read_manifest(folder: Path, number: int | None = None) -> bytes | None:
    """The bytes of the current manifest, or of an earlier one; None where there is none.

    Raises
    ------
    ArtifactError
        If it is no plain file, or too large to be one.
    """
    name = MANIFEST if number is None else _version_name(number)
    try:
        with _open(folder, name) as file:
            size = os.fstat(file.fileno()).st_size
            if size > manifests.LARGEST_MANIFEST:
                raise ArtifactError(
                    f"{name} has {size:,} bytes, too many for a manifest; restore it from a copy."
                )
            return file.read()
    except FileNotFoundError:
        return None


def earlier_versions(folder: Path) -> list[int]:
    """Numbers of the kept earlier manifests, oldest first."""
    found = (_VERSION.fullmatch(name) for name in _names(folder))
    numbers = {int(match[1]): match[0] for match in found if match}
    return sorted(number for number, name in numbers.items() if name == _version_name(number))


def current_version(folder: Path) -> int:
    """The number that the current manifest has or will have once it is an earlier one."""
    earlier = earlier_versions(folder)
    if not earlier:
        return 1
    # A save that was cut off between its last two steps has kept a copy of what is still current.
    is_copy = read_manifest(folder, earlier[-1]) == read_manifest(folder)
    return earlier[-1] if is_copy else earlier[-1] + 1


def forget_earlier(folder: Path) -> None:
    """Remove every earlier manifest, and the files that only they name; the caller holds the lock.

    A copy of the current one stays under its number, so that the next one does not count from 1 again.
    """
    _keep_current(folder)
    current = current_version(folder)
    for number in earlier_versions(folder):
        if number != current:
            (folder / _version_name(number)).unlink()
    _remove_unreferenced(folder)
    _sync(folder)


def manifest_name(folder: Path, number: int) -> str:
    """The file that holds the manifest of a version, which may not be there."""
    return MANIFEST if number == current_version(folder) else _version_name(number)


def is_unfinished(folder: Path) -> bool:
    """Whether `folder` holds nothing but what a save that was cut off left there."""
    names = _names(folder)
    return LOCK in names and all(
        name == LOCK or _is_leftover(name) or manifests.is_data_file_name(name) for name in names
    )


@contextmanager
def open_data(folder: Path, facts: FileFacts, *, verify: bool) -> Iterator[BufferedReader]:
    """A data file, opened and checked.

    Raises
    ------
    ArtifactError
        If it is missing, no plain file, or has not the size or (if `verify`) the digest of the manifest.
    """
    try:
        file = _open(folder, facts.name)
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{facts.name} is missing from {folder}. Restore the folder from a copy or fit again."
        ) from error
    with file:
        size = os.fstat(file.fileno()).st_size
        if size != facts.size:
            _refuse(folder, facts.name, f"it has {size:,} bytes where {facts.size:,} are due")
        if verify and hashlib.file_digest(file, "sha256").hexdigest() != facts.sha256:
            _refuse(folder, facts.name, "its sha256 is not the one in the manifest")
        file.seek(0)
        yield file


def mapped(file: BufferedReader) -> memoryview:
    """The bytes of an open file, read-only, mapped: pages are read when used and shared by processes."""
    return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _open(folder: Path, name: str) -> BufferedReader:
    """Open a plain file of the folder itself: no symbolic link, no pipe, no device."""
    path = folder / name
    if path.is_symlink():
        _refuse(folder, name, "it is a symbolic link")
    number = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | _NO_FOLLOW)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        _refuse(folder, name, "it is no plain file")
    return os.fdopen(number, "rb")


def draft_name(name: str) -> str:
    """What a file is called while it is written."""
    return f".{name}.tmp"


def write_whole(folder: Path, name: str, chunks: Iterable[Buffer]) -> None:
    """Write, force to disk, then give the file its name: under it there is never a part of it."""
    temporary = folder / draft_name(name)
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o666)
    try:
        for chunk in chunks:
            rest = memoryview(chunk)
            while rest:
                rest = rest[os.write(file, rest) :]
        os.fsync(file)
    finally:
        os.close(file)
    temporary.replace(folder / name)


def _is_there(folder: Path, facts: FileFacts) -> bool:
    """Whether the file is there and whole; a damaged one is written again."""
    try:
        with open_data(folder, facts, verify=True):
            return True
    except ArtifactError:
        return False


def _keep_current(folder: Path) -> None:
    current = read_manifest(folder)
    if current is None:
        return
    number = current_version(folder)
    if number not in earlier_versions(folder):
        write_whole(folder, _version_name(number), [current])
        saved = (folder / MANIFEST).stat().st_mtime_ns  # when the version came about, not its copy
        os.utime(folder / _version_name(number), ns=(saved, saved))


def _remove_unreferenced(folder: Path) -> None:
    """Drop manifests beyond those kept, data files that no kept manifest names, and leftovers."""
    _remove_leftovers(folder)
    earlier = earlier_versions(folder)
    for number in earlier[:-VERSIONS_KEPT]:
        (folder / _version_name(number)).unlink()
    kept = [read_manifest(folder)] + [read_manifest(folder, number) for number in earlier[-VERSIONS_KEPT:]]
    # By the bytes: a manifest that cannot be understood still protects its files.
    referenced = {name for text in kept if text is not None for name in manifests.data_file_names_in(text)}
    for name in _names(folder):
        if manifests.is_data_file_name(name) and name not in referenced:
            (folder / name).unlink()


def _remove_leftovers(folder: Path) -> None:
    for name in _names(folder):
        if _is_leftover(name):
            (folder / name).unlink()


def _is_leftover(name: str) -> bool:
    inner = name[1:-4] if name.startswith(".") and name.endswith(".tmp") else ""
    return inner == MANIFEST or _VERSION.fullmatch(inner) is not None or manifests.is_data_file_name(inner)


def _names(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


def _version_name(number: int) -> str:
    return f"manifest-{number:04d}.json"


def _sync(folder: Path) -> None:
    """Force the names in the folder to disk, so that a rename survives a power cut."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _refuse(folder: Path, name: str, why: str) -> NoReturn:
    raise ArtifactError(f"{name} in {folder} is damaged: {why}. Restore the folder from a copy or fit again.")
