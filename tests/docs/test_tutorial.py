"""Every chapter of the tutorial runs, prints what it shows and draws the pictures that it links.

`make docs-update` writes outputs and pictures anew from what the code gives today; read the diff.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tastemap.reproduction import recipes
from tests.docs.examples import differing_lines, python_blocks, run_blocks, shown_outputs, with_outputs

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "tutorial"
IMAGES = FOLDER / "images"
INDEX = FOLDER / "README.md"
CHAPTERS = sorted(FOLDER.glob("[0-9]*.md"))
STARTS = {".png": b"\x89PNG", ".svg": b"<svg"}
LARGEST_IMAGE = 150_000  # bytes: a page of pictures should load at once


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def linked_images(page: str) -> list[str]:
    return re.findall(r"!\[[^]]+\]\(images/([^)]+)\)", page)


def check_image(path: Path) -> None:
    drawn = path.read_bytes()
    assert drawn.startswith(STARTS[path.suffix]), f"{path.name} is no {path.suffix} image"
    assert len(drawn) < LARGEST_IMAGE, f"{path.name} has {len(drawn):,} bytes"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_a_chapter_prints_what_it_shows_and_draws_its_pictures(
    chapter: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    page, drawn = text_of(chapter), tmp_path / "images"
    drawn.mkdir()
    printed = run_blocks(python_blocks(page), tmp_path)
    if request.config.getoption("--golden-update"):
        page = with_outputs(page, printed)
        chapter.write_text(page, encoding="utf-8")
        shutil.copytree(drawn, IMAGES, dirs_exist_ok=True)
    wrong = [differing_lines(*pair) for pair in zip(shown_outputs(page), printed, strict=True)]
    assert not any(wrong), "the page shows, and the code prints; if that is right, run: make docs-update"
    assert sorted(path.name for path in drawn.iterdir()) == sorted(linked_images(page))
    for path in drawn.iterdir():
        check_image(path)


def test_every_image_is_linked_once_and_every_link_has_its_image() -> None:
    linked = [name for chapter in CHAPTERS for name in linked_images(text_of(chapter))]
    assert linked
    assert sorted(linked) == sorted(path.name for path in IMAGES.iterdir())
    for name in linked:
        check_image(IMAGES / name)


def test_the_index_lists_every_chapter_in_order() -> None:
    listed = re.findall(r"\]\(([0-9][^)]*\.md)\)", text_of(INDEX))
    assert listed == [chapter.name for chapter in CHAPTERS]


def test_every_chapter_leads_to_the_next() -> None:
    for chapter, following in zip(CHAPTERS, [*CHAPTERS[1:], INDEX], strict=True):
        assert f"]({following.name})" in text_of(chapter).splitlines()[-1], chapter.name


def test_every_system_of_the_documents_is_named_by_its_recipe() -> None:
    text = "".join(text_of(chapter) for chapter in CHAPTERS)
    commands = re.findall(r"`tastemap reproduce ([^`]+)`", text)
    assert {name for command in commands for name in command.split() if name[0] == "B"} == set(recipes())


def test_the_check_sees_a_wrong_output() -> None:
    page = "Text.\n\n```python\nprint(1.25, 'films')\n```\n\nMore.\n"
    filled = with_outputs(page, ["1.25 films\n"])
    assert filled == "Text.\n\n```python\nprint(1.25, 'films')\n```\n\n```text\n1.25 films\n```\n\nMore.\n"
    assert with_outputs(filled, ["1.25 films\n"]) == filled
    (shown,) = shown_outputs(filled)
    assert differing_lines(shown, "1.26  films\n") == []
    for printed in ("1.27 films\n", "1.250 films\n", "1.25 books\n", "1.25 films\nand more\n", ""):
        assert differing_lines(shown, printed)


def test_blocks_share_one_namespace_and_a_warning_stops_them(tmp_path: Path) -> None:
    assert run_blocks(["x = 'é'\n", "print(x)\n"], tmp_path) == ["", "é\n"]
    with pytest.raises(AssertionError, match="UserWarning"):
        run_blocks(["import warnings\nwarnings.warn('look')\n"], tmp_path)
