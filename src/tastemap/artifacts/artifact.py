"""Save, load and look at artifacts: the public functions of this folder."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

from tastemap.artifacts import arrow_guard, store, strict_json, tables, tensors
from tastemap.artifacts import contents as packing
from tastemap.artifacts import manifest as manifests
from tastemap.artifacts.checks import check
from tastemap.artifacts.contents import Contents
from tastemap.artifacts.manifest import SUFFIXES, Manifest
from tastemap.artifacts.shards import shards, whole_role
from tastemap.errors import ArtifactError, check_path
from tastemap.models.recommender import Recommender, check_recommender


def save(recommender: Recommender, folder: str | Path, *, announce: store.Announce | None = None) -> Path:
    """Save a recommender as a folder; what was saved there before becomes an earlier version.

    Nothing or everything happens: the last step is one rename. The same recommender gives the same
    bytes, and saving it again changes nothing. Postal codes of users and durations of the evaluation
    are left out.

    Parameters
    ----------
    recommender : Recommender
    folder : str or Path
        A new folder, an empty one, or an artifact. Missing parents are made.
    announce : callable, optional
        Called with the digests of the new and the current manifest when nobody else may save any more and
        nothing has changed yet; what it raises ends the save.

    Returns
    -------
    Path : the folder.

    Raises
    ------
    ArtifactError
        If `folder` is something else than that, the recommender holds what the format lacks, or the
        disk refuses; what was there before stays and loads.

    Notes
    -----
    At most five earlier versions are kept. Another save into the same folder is waited for.
    Needs the bytes of the tables in memory, those of the arrays not a second time.
    *Stability: stable.*
    """
    check_recommender(recommender)
    check_path("folder", folder)
    folder = Path(folder)
    ensure_writable(folder)
    contents = packing.pack(recommender)
    blobs = _blobs(contents)
    manifest = packing.describe(recommender, {blob.role: blob.facts for blob in blobs})
    check(manifest, contents)
    text = manifests.encode(manifest)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with store.locked(folder):
            ensure_writable(folder)
            store.commit(folder, blobs, text, announce)
    except OSError as error:
        raise ArtifactError(
            f"Could not save into {folder}: {error.strerror or error}. {_what_is_current(folder, text)}"
        ) from error
    return folder


def load(folder: str | Path, *, version: int | None = None, verify: bool = True) -> Recommender:
    """Load a recommender. Nothing is executed; arrays are mapped, read-only, and shared by processes.

    Parameters
    ----------
    folder : str or Path
    version : int, optional
        One of :func:`versions`; default: the current one.
    verify : bool, default True
        Compare every file and the data fingerprint with the manifest, which reads all bytes. Without
        it sizes, shapes, bounds and finiteness are checked all the same.

    Returns
    -------
    Recommender

    Raises
    ------
    ArtifactError
        If there is no artifact, it needs a newer Tastemap, or anything in it is missing, damaged or
        not understood; one sentence says what.

    Notes
    -----
    Do not shorten the files of an artifact while it is loaded: a mapped page that is gone ends the process.
    :func:`save` never does. *Stability: stable.*
    """
    check_path("folder", folder)
    folder = Path(folder)
    manifest, contents = _read_consistently(folder, version, verify)
    check(manifest, contents)
    recommender = packing.unpack(manifest, contents)
    if verify and recommender.train.fingerprint != manifest.data.fingerprint:
        raise ArtifactError(
            f"The data in {folder} has not the fingerprint in its manifest. Restore the folder from a copy or "
            "fit again."
        )
    return recommender


def versions(folder: str | Path) -> list[int]:
    """Numbers of the versions that can be loaded, oldest first; the last is the current one.

    Raises
    ------
    ArtifactError
        If `folder` is no artifact.

    Notes
    -----
    *Stability: stable.*
    """
    folder = Path(folder)
    _manifest_bytes(folder, None)
    current = store.current_version(folder)
    return [number for number in store.earlier_versions(folder) if number != current] + [current]


def info(folder: str | Path, *, version: int | None = None) -> dict[str, object]:
    """The manifest as data, losses and sizes; of the data files all sizes are checked, the losses are read.

    Returns
    -------
    dict
        Every field of the manifest, besides ``losses`` (a dict an epoch), ``version`` (this one's number),
        ``versions`` (all numbers), ``size`` (bytes of this version) and ``size_on_disk`` (of all files).

    Raises
    ------
    ArtifactError
        If `folder` is no artifact, a file is missing or has another size than in the manifest, or the
        manifest or the table of losses is not understood.

    Notes
    -----
    *Stability: caller-stable.*
    """
    folder = Path(folder)
    manifest = _manifest(folder, version)
    numbers = versions(folder)
    facts: dict[str, object] = manifest.model_dump(mode="json")
    for file_facts in manifest.files.values():
        with store.open_data(folder, file_facts, verify=False):  # checks the size
            pass
    with store.open_data(folder, manifest.files["losses"], verify=True) as file:
        arrow_guard.check(store.mapped(file), manifest.files["losses"].name)
        losses = tables.decode(file, manifest.files["losses"].name)
    return facts | {
        "losses": losses.to_dicts(),
        "version": numbers[-1] if version is None else version,
        "versions": numbers,
        "size": sum(file.size for file in manifest.files.values()),
        "size_on_disk": sum(entry.stat().st_size for entry in folder.iterdir() if entry.is_file()),
    }


def is_artifact(folder: str | Path) -> bool:
    """Whether `folder` holds an artifact, of this or a newer format; says nothing about damage.

    *Stability: stable.*
    """
    try:
        text = store.read_manifest(Path(folder))
        return text is not None and strict_json.decode(text, store.MANIFEST).get("format") == manifests.FORMAT
    except (ArtifactError, OSError):
        return False


def ensure_writable(folder: str | Path) -> None:
    """Refuse early what :func:`save` would refuse after a long fit.

    Raises
    ------
    ArtifactError
        If `folder` exists, is not empty and is no artifact: only an artifact is overwritten.

    Notes
    -----
    *Stability: caller-stable.*
    """
    folder = Path(folder)
    if not os.path.lexists(folder):
        parent = next(one for one in folder.absolute().parents if one.exists())
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            what = "not writable" if parent.is_dir() else "a file"
            raise ArtifactError(f"{folder} cannot be made: {parent} is {what}; name another place with -o.")
        return
    if not folder.is_dir():
        raise ArtifactError(f"{folder} is a file; give a new folder, or the folder of an artifact.")
    try:
        text = store.read_manifest(folder)
        unused = text is None and (not any(folder.iterdir()) or store.is_unfinished(folder))
    except OSError as error:
        raise ArtifactError(f"Could not look into {folder}: {error.strerror or error}.") from error
    if unused:
        return
    if text is None or not is_artifact(folder):
        raise ArtifactError(
            f"{folder} is not empty and no artifact. Only an artifact is overwritten; give a new folder."
        )
    manifests.decode(text, f"{store.MANIFEST} in {folder}")


def _blobs(contents: Contents) -> list[store.Blob]:
    blobs = [
        store.Blob(shard, tensors.encode(held))
        for role, arrays in contents.tensors.items()
        for shard, held in shards(role, arrays)
    ]
    for role, frame in contents.tables.items():
        blobs.append(store.Blob(role, [tables.encode(frame, role.replace("_", " "))]))
    return blobs


def _read_consistently(folder: Path, version: int | None, verify: bool) -> tuple[Manifest, Contents]:
    """A manifest with its files; again if saves have meanwhile pushed out the version that was being read."""
    while True:
        manifest = _manifest(folder, version)
        try:
            return manifest, _read(folder, manifest, verify)
        except ArtifactError:
            if version is not None or _manifest(folder, None) == manifest:
                raise
        except OSError as error:
            raise ArtifactError(
                f"Could not read {folder}: {error.strerror or error}. Check its permissions."
            ) from error


def _read(folder: Path, manifest: Manifest, verify: bool) -> Contents:
    contents = Contents({}, {})
    with ExitStack() as stack:
        for role, facts in manifest.files.items():
            file = stack.enter_context(store.open_data(folder, facts, verify=verify))
            whole = whole_role(role)
            if SUFFIXES[whole] == "safetensors":
                contents.add_shard(whole, tensors.decode(store.mapped(file), facts.name))
            else:
                arrow_guard.check(store.mapped(file), facts.name)
                contents.tables[role] = tables.decode(file, facts.name)
    return contents


def _manifest(folder: Path, version: int | None) -> Manifest:
    text = _manifest_bytes(folder, version)
    return manifests.decode(text, f"{store.MANIFEST if version is None else f'version {version}'} in {folder}")


def _manifest_bytes(folder: Path, version: int | None) -> bytes:
    try:
        current = store.read_manifest(folder)
        if current is None:
            _no_artifact(folder)
        if version is None or version == store.current_version(folder):
            return current
        earlier = store.read_manifest(folder, version) if version in store.earlier_versions(folder) else None
    except OSError as error:
        _no_artifact(folder, error)
    if earlier is None:
        listed = ", ".join(map(str, versions(folder)))
        raise ArtifactError(f"{folder} has no version {version}; there are {listed}.")
    return earlier


def _no_artifact(folder: Path, error: OSError | None = None) -> NoReturn:
    if error is not None:
        found = f"it cannot be read ({error.strerror})" if folder.exists() else "there is no such folder"
    elif any(folder.iterdir()):
        names = sorted(entry.name for entry in folder.iterdir())
        found = f"it holds {', '.join(names[:3])}, but no {store.MANIFEST}"
    else:
        found = "the folder is empty"
    raise ArtifactError(
        f"{folder} is no artifact: {found}. Save one with `tastemap fit ... -o FOLDER`."
    ) from error


def _what_is_current(folder: Path, text: bytes) -> str:
    """What a reader finds after a failure, for the sentence."""
    found = store.read_manifest(folder) if folder.is_dir() else None
    if found == text:
        return "The artifact itself was saved; only old files could not be removed."
    if found is None:
        return "Nothing was saved; make room or choose another folder, and save again."
    return "The artifact that was there is unharmed; make room or choose another folder, and save again."
