"""The guide of the explorer names every page, and pictures are there and shown."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tastemap.inference.similar import MIN_COMMON_USERS
from tastemap.inspection.item_map import LARGEST_MAP
from tastemap.service.answers.items import ENOUGH_USERS
from tastemap.service.guard.scopes import LOGIN
from tastemap.service.pages import PAGES
from tastemap.service.pages.item import FEWEST_RATERS
from tastemap.service.settings import ServiceSettings

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "explorer.md").read_text(encoding="utf-8")
STATIC = ROOT / "src" / "tastemap" / "service" / "static"
README = ROOT / "README.md"
SHOWING = [README, *sorted((ROOT / "docs").rglob("*.md"))]
PICTURES = {path.resolve() for path in (ROOT / "docs" / "images").iterdir()}
IMAGE = re.compile(
    r"!\[(?P<said>[^\]]*)\]\((?P<file>[^)\s]+)\)|<img src=\"(?P<source>[^\"]+)\"[^>]* alt=\"(?P<alt>[^\"]*)\""
)


def shown(page: Path) -> dict[Path, str]:
    """The pictures that a page shows, and what it says to those who do not see them."""
    found = IMAGE.finditer(page.read_text(encoding="utf-8"))
    return {
        (page.parent / (one["file"] or one["source"])).resolve(): one["said"] or one["alt"] or ""
        for one in found
    }


def test_both_ways_to_show_a_picture_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text('![A b](c.png) <img src="d.png" width="2" alt="E f">', encoding="utf-8")
    assert shown(page) == {tmp_path / "c.png": "A b", tmp_path / "d.png": "E f"}


def test_every_picture_is_shown_by_some_page() -> None:
    assert PICTURES
    assert PICTURES - {picture for page in SHOWING for picture in shown(page)} == set()


@pytest.mark.parametrize("page", [page for page in SHOWING if shown(page)], ids=lambda page: page.name)
def test_every_picture_that_a_page_shows_is_there_and_has_words(page: Path) -> None:
    assert [str(picture) for picture in shown(page) if not picture.is_file()] == []
    assert [str(picture) for picture, said in shown(page).items() if not said] == []


def test_the_readme_and_the_guide_show_the_explorer() -> None:
    assert len(PICTURES & set(shown(README))) == 2
    assert set(shown(ROOT / "docs" / "explorer.md")) == PICTURES


def test_the_script_takes_every_picture() -> None:
    script = (ROOT / "scripts" / "write_screenshots.py").read_text(encoding="utf-8")
    assert {f"{name}.png" for name in re.findall(r"Shot\(\"([\w-]+)\"", script)} == {
        picture.name for picture in PICTURES
    }


def test_every_page_and_its_twin_are_named() -> None:
    table = dict(re.findall(r"^\| `(/[^`]*)` \| `(/[^`]*)` \|", GUIDE, re.MULTILINE))
    assert table == {page.path: page.twin_path for page in PAGES}
    before = GUIDE.split("## Every page as JSON")[0]
    assert [page.path for page in PAGES if not re.search(rf"`{re.escape(page.path)}[?`]", before)] == []
    assert f"`{LOGIN}`" in GUIDE


def test_figures_of_the_guide_are_those_of_the_code() -> None:
    text = " ".join(GUIDE.split())
    assert f"items with fewer than {MIN_COMMON_USERS} are not listed" in text
    assert f"those with fewer than {ENOUGH_USERS} stand apart" in text
    assert f"It needs {FEWEST_RATERS} users of the item" in text
    assert f"Of more than {LARGEST_MAP:,} items" in text
    hours = ServiceSettings.model_fields["session_s"].default / 3600
    assert f"The login lasts {hours:g} hours" in text


def test_the_keys_of_the_map_are_those_of_its_script() -> None:
    script = (STATIC / "map-camera.js").read_text(encoding="utf-8")
    table = GUIDE.split("| keys on the map |")[1].split("\n\n")[0]
    named = {key for row in table.splitlines()[2:] for key in re.findall(r"`([^`]+)`", row)}
    taken = set(re.findall(r"\"?(Arrow\w+|Enter|[+=0-])\"?: \(\) =>", script))
    assert {key for key in taken if not key.startswith("Arrow")} - {"="} == named - {"Escape"}
    assert "Escape" in named
    assert "| arrows |" in table


def test_extras_that_pages_install_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for page in SHOWING:
        named = re.findall(r"pip install '(?:tastemap|\.)\[([\w,]+)\]'", page.read_text(encoding="utf-8"))
        assert {extra for one in named for extra in one.split(",")} <= set(extras), page.name
    installed = README.read_text(encoding="utf-8").split("## Install")[1].split("##")[0]
    listed = {extra for one in re.findall(r"'\.\[([\w,]+)\]'", installed) for extra in one.split(",")}
    assert listed == set(extras) - {"postgres"}  # the other name of sql
