"""``tastemap rate``: answers typed at the terminal, the list they give, and the file they are kept in."""

from __future__ import annotations

import io
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

import polars as pl
import pytest

from tastemap.cli.main import run
from tastemap.errors import DataError
from tests.surfaces.conftest import Command

Typist = Callable[..., None]


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch) -> Typist:
    """Set what the person types, line by line."""

    def type_lines(*lines: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))

    return type_lines


def test_ratings_become_a_list_with_reasons(tastemap: Command, fitted: dict[str, Path], types: Typist) -> None:
    types("5", "", "1", "q")
    answer = tastemap("rate", fitted["als"], "-k", 3, "--json")
    assert answer.status == 0
    document = answer.json
    assert [row["rating"] for row in document["ratings"]] == [5.0, 1.0]
    rated = {row["item_id"] for row in document["ratings"]}
    assert len(document["items"]) == 3
    for row in document["items"]:
        assert row["item_id"] not in rated
        assert {reason["item_id"] for reason in row["reasons"]} <= rated


def test_the_list_is_that_of_recommend_for_the_same_ratings(
    tastemap: Command, fitted: dict[str, Path], types: Typist, tmp_path: Path
) -> None:
    kept = tmp_path / "mine.csv"
    types("5", "2", "q")
    first = tastemap("rate", fitted["als"], "--save", kept, "-k", 4, "--json").json
    assert pl.read_csv(kept).columns == ["item_id", "rating"]
    again = tastemap("recommend", fitted["als"], "--history", kept, "-k", 4, "--json").json
    assert [row["item_id"] for row in first["items"]] == [row["item_id"] for row in again["items"]]


def test_a_history_is_extended_and_not_asked_again(
    tastemap: Command, fitted: dict[str, Path], types: Typist, tmp_path: Path
) -> None:
    kept = tmp_path / "mine.csv"
    types("5", "q")
    tastemap("rate", fitted["als"], "--save", kept)
    types("3", "q")
    tastemap("rate", fitted["als"], "--history", kept, "--save", kept)
    assert pl.read_csv(kept)["rating"].to_list() == [5.0, 3.0]
    assert pl.read_csv(kept)["item_id"].n_unique() == 2


def test_a_title_is_found_by_a_part_of_it(tastemap: Command, fitted: dict[str, Path], types: Typist) -> None:
    titles = [row["title"] for row in tastemap("recommend", fitted["als"], "--user", 1, "--json").json["items"]]
    types(f"/{titles[-1]}", "1", "4", "q")
    answer = tastemap("rate", fitted["als"], "--json")
    assert f"1  {titles[-1]}" in answer.err
    assert [row["rating"] for row in answer.json["ratings"]] == [4.0]


def test_an_answer_outside_the_scale_is_asked_for_again(
    tastemap: Command, fitted: dict[str, Path], types: Typist
) -> None:
    types("9", "great", "4", "q")
    answer = tastemap("rate", fitted["als"], "--json")
    assert answer.err.count("is no answer: rate from 1 to 5") == 2
    assert [row["rating"] for row in answer.json["ratings"]] == [4.0]


@pytest.mark.parametrize("lines", [(), ("q",), ("", "q")])
def test_without_a_rating_there_is_a_sentence_and_no_list(
    tastemap: Command, fitted: dict[str, Path], types: Typist, lines: tuple[str, ...]
) -> None:
    types(*lines)
    answer = tastemap("rate", fitted["als"])
    assert answer.status == 1
    assert "Nothing was rated" in answer.err


PROMPT = re.compile(r"(\d+)/(\d+)  (.+?): ")


def prompts(err: str) -> list[tuple[int, int, str]]:
    """Number, count and title of each question."""
    return [(int(number), int(count), title) for number, count, title in PROMPT.findall(err)]


@pytest.fixture(scope="module")
def untitled(table: Path) -> Path:
    """A model whose items have text ids and no titles."""
    source, folder = table.with_name("untitled.csv"), table.with_name("saved-untitled")
    frame = pl.read_csv(table).with_columns(item_id=pl.format("i-{}", "item_id"))
    frame.filter(pl.col("item_id").is_in([f"i-{item}" for item in range(20)])).write_csv(source)
    assert run(["fit", str(source), "--model", "als", "-o", str(folder), "--json"]) == 0
    return folder


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("out.txt", "--save must end in .csv, .tsv, .parquet, .jsonl. Got 'out.txt'"),
        ("nodir/out.csv", "--save must lie in a folder that exists"),
        ("folder.csv", "--save must name a file"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_before_the_first_question(
    tastemap: Command, fitted: dict[str, Path], types: Typist, tmp_path: Path, place: str, reason: str
) -> None:
    (tmp_path / "folder.csv").mkdir()
    types("4", "5", "3", "q")
    answer = tastemap("rate", fitted["als"], "--save", tmp_path / place)
    assert answer.status == 2
    assert reason in answer.err
    assert not prompts(answer.err)


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise DataError("Could not write mine.csv: No space left on device.")

    monkeypatch.setattr("tastemap.data.write_table", fail)


@pytest.mark.usefixtures("full_disk")
def test_ratings_that_cannot_be_written_are_shown_with_their_list(
    tastemap: Command, fitted: dict[str, Path], types: Typist, tmp_path: Path
) -> None:
    types("4", "q")
    answer = tastemap("rate", fitted["als"], "--save", tmp_path / "mine.csv", "-k", 3)
    assert answer.status == 1
    assert "Your list, by als, from 1 rating" in answer.out
    assert re.search(
        r"Next: tastemap recommend .* --rated \d+=4 -k 3\nError: --save: .*No space left", answer.err
    )


@pytest.mark.usefixtures("full_disk")
def test_json_of_a_failed_write_is_one_error_that_holds_ratings_and_list(
    tastemap: Command, fitted: dict[str, Path], types: Typist, tmp_path: Path
) -> None:
    types("4", "q")
    answer = tastemap("rate", fitted["als"], "--save", tmp_path / "mine.csv", "-k", 3, "--json")
    details = answer.json["error"]["details"]
    assert [row["rating"] for row in details["ratings"]] == [4.0]
    assert len(details["items"]) == 3


def test_what_a_search_has_led_to_is_not_asked_about_and_another_item_is(
    tastemap: Command, fitted: dict[str, Path], types: Typist
) -> None:
    types(*[""] * 3)
    first, second, third = (title for _, _, title in prompts(tastemap("rate", fitted["als"]).err)[:3])
    types(f"/{first}", "1", "4", f"/{third}", "1", "5", "", "")
    answer = tastemap("rate", fitted["als"], "--questions", 3, "--json")
    asked = prompts(answer.err)
    assert [title for _, _, title in asked[:3]] == [first, second, second]
    assert third not in {title for _, _, title in asked}
    assert len({title for _, _, title in asked}) == 4
    assert [number for number, _, _ in asked] == [1, 1, 1, 2, 3]
    assert [row["rating"] for row in answer.json["ratings"]] == [4.0, 5.0]


def test_the_counter_counts_the_items_there_are(tastemap: Command, untitled: Path, types: Typist) -> None:
    types("/i-7", "1", "4", *["3"] * 30)
    asked = prompts(tastemap("rate", untitled, "--questions", 30).err)
    assert asked[0][1] == 20
    assert asked[-1][:2] == (19, 19)


def test_more_questions_are_asked_than_items_are_compared_at_once(
    tastemap: Command, untitled: Path, types: Typist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tastemap.inference.questions.CANDIDATES", 5)
    types("3", "q")
    assert prompts(tastemap("rate", untitled, "--questions", 12).err)[0][1] == 12


def test_items_without_titles_are_found_by_their_ids(tastemap: Command, untitled: Path, types: Typist) -> None:
    types("/i-1", "1", "4", "/I-13", "1", "2", "q")
    answer = tastemap("rate", untitled, "--json")
    assert answer.json["ratings"][-1] == {"item_id": "i-13", "rating": 2.0}
    assert "  1  item i-1\n" in answer.err  # the exact id comes first


def test_an_exact_id_is_found_where_there_are_titles(
    tastemap: Command, fitted: dict[str, Path], types: Typist
) -> None:
    types("/17", "1", "4", "q")
    assert tastemap("rate", fitted["als"], "--json").json["ratings"] == [{"item_id": 17, "rating": 4.0}]


def test_a_search_without_words_asks_for_words(
    tastemap: Command, fitted: dict[str, Path], types: Typist
) -> None:
    types("/", "/zzz", "4", "q")
    err = tastemap("rate", fitted["als"]).err
    assert "Type words of a title, or an id, after the slash" in err
    assert "No title or id matches 'zzz'" in err


def test_a_wrong_number_after_a_search_is_asked_for_again_and_q_ends_there_too(
    tastemap: Command, fitted: dict[str, Path], types: Typist
) -> None:
    types("4", "/film", "12", "1", "q")
    answer = tastemap("rate", fitted["als"], "--json")
    assert "More items match; add words" in answer.err
    assert "'12' is no answer: type a number from 1 to 9" in answer.err
    assert len(answer.json["ratings"]) == 1


def test_answers_are_undone_one_by_one(tastemap: Command, fitted: dict[str, Path], types: Typist) -> None:
    types("u", "5", "", "u", "u", "1", "/17", "1", "2", "/17", "1", "3", "u", "q")
    answer = tastemap("rate", fitted["als"], "--json")
    assert "There is nothing to undo." in answer.err
    numbers = [number for number, _, _ in prompts(answer.err)]
    assert numbers[:6] == [1, 1, 2, 3, 2, 1]
    ratings = {row["item_id"]: row["rating"] for row in answer.json["ratings"]}
    assert sorted(ratings.values()) == [1.0, 2.0]
    assert ratings[17] == 2.0


def test_undoing_a_search_for_a_skipped_item_keeps_it_skipped(
    tastemap: Command, untitled: Path, types: Typist
) -> None:
    types("")
    first = prompts(tastemap("rate", untitled).err)[0][2]
    types("", f"/{first.removeprefix('item ')}", "1", "2", "u", "4", "q")
    asked = prompts(tastemap("rate", untitled).err)
    assert [title for _, _, title in asked].count(first) == 1


def test_after_all_items_nothing_is_asked(
    tastemap: Command, untitled: Path, types: Typist, tmp_path: Path
) -> None:
    history = tmp_path / "all.csv"
    history.write_text("item_id,rating\n" + "".join(f"i-{item},{1 + item % 5}\n" for item in range(20)))
    types()
    assert "There is no item left to ask about." in tastemap("rate", untitled, "--history", history).err


@pytest.mark.parametrize("last", ["ctrl-c", "ctrl-d"])
def test_leaving_by_a_key_at_a_terminal_keeps_what_was_typed(fitted: dict[str, Path], last: str) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "tastemap", "rate", str(fitted["als"]), "-k", "3"]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        read_until(process.stderr, b"1/10 ")
        os.write(ours, b"4\n")
        read_until(process.stderr, b"2/10 ")
        read_until(process.stderr, b": ")
        if last == "ctrl-c":
            process.send_signal(signal.SIGINT)
        else:
            os.write(ours, b"\x04")
        out, err = process.stdout.read().decode(), process.stderr.read().decode()
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0
    assert "Your list, by als, from 1 rating" in out
    assert err.startswith("\n")  # the list starts on a line of its own
    assert re.search(r"--rated \d+=4", err)


def read_until(stream: IO[bytes], text: bytes) -> None:
    """Read byte by byte until `text` has come."""
    seen = b""
    while not seen.endswith(text):
        byte = stream.read(1)
        assert byte, seen.decode()
        seen += byte
