"""ml-100k out of the wheel of RecBole, for machines that reach a package index but not GroupLens."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from tastemap.data.movielens import GENRES_100K, RENAMED_GENRES

REQUIREMENT = "recbole==1.2.1"
FOLDER = "recbole/dataset_example/ml-100k/ml-100k"
TIMEOUT_S = 150
"""For pip as a whole; the wheel has 2 MB."""

UNKNOWN_TITLE = {"unkonwn": "unknown"}  # codespell:ignore unkonwn


def download_wheel(folder: Path) -> Path:
    """Let pip put the wheel into `folder`, so that the user's own index settings apply.

    Raises
    ------
    OSError
        If pip cannot do it; says why in a few words.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet"]
    command += [
        "--no-input",
        "--disable-pip-version-check",
        "--retries",
        "1",
        "--dest",
        str(folder),
        REQUIREMENT,
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise OSError(f"pip took more than {TIMEOUT_S} s") from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise OSError(f"pip could not download it: {lines[-1].strip() if lines else 'no reason given'}")
    wheels = sorted(folder.glob("*.whl"))
    if not wheels:
        raise OSError("pip reported success but left no wheel")
    return wheels[0]


def unpack_wheel(wheel: Path, folder: Path) -> None:
    """Write ``u.data``, ``u.item`` and ``u.user`` in GroupLens' layout.

    ``u.data`` is the same byte for byte. ``u.item`` gets titles with years and one genre vocabulary, but no
    release dates and addresses, which the wheel does not hold; ``u.user`` gets no zip codes.

    Raises
    ------
    KeyError, ValueError
        If the wheel does not hold these tables in the expected form.
    """
    with zipfile.ZipFile(wheel) as archive:
        tables = {ending: archive.read(f"{FOLDER}.{ending}") for ending in ("inter", "item", "user")}
    (folder / "u.data").write_bytes(tables["inter"].partition(b"\n")[2])
    items = [_item_line(*row) for row in _rows(tables["item"], 4)]
    (folder / "u.item").write_text("".join(items), encoding="latin-1", newline="\n")
    users = ["|".join((user, age, sex, job, "")) + "\n" for user, age, sex, job, _ in _rows(tables["user"], 5)]
    (folder / "u.user").write_text("".join(users), encoding="latin-1", newline="\n")


def _rows(table: bytes, width: int) -> list[list[str]]:
    lines = [line.split("\t") for line in table.decode("utf-8").splitlines()[1:]]
    if any(len(line) != width for line in lines):
        raise ValueError(f"a table of the wheel does not have {width} columns")
    return lines


def _item_line(item_id: str, title: str, year: str, genres: str) -> str:
    """One line of ``u.item``: ``id|title (year)|||`` and 19 flags."""
    if title in UNKNOWN_TITLE:
        title = UNKNOWN_TITLE[title]
    else:
        title = f"{title} ({year})"
    named = {RENAMED_GENRES.get(genre, genre) for genre in genres.split()}
    if not named <= set(GENRES_100K):
        raise ValueError(f"unknown genres in the wheel: {sorted(named - set(GENRES_100K))}")
    flags = "|".join("1" if genre in named else "0" for genre in GENRES_100K)
    return f"{item_id}|{title}||||{flags}\n"
