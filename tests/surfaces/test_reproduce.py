"""``tastemap reproduce``: what it prints, writes and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tastemap.reproduction import Recipe
from tests.surfaces.conftest import Command

SETTINGS = {"n_factors": 2, "n_epochs": 2, "batch_size": 64}


@pytest.fixture
def toy(table: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """The only recipe there is: two epochs on toy data, on two splits."""
    pytest.importorskip("torch")
    figures = [{"measure": "test_mse", "printed": 0.5, "reason": "A toy."}, {"measure": "train_mse"}]
    made = Recipe.model_validate(
        {
            "id": "B12",
            "document": "003",
            "title": "Toy",
            "data": str(table),
            "seeds": [0, 1],
            "notes": "Nothing but a toy.",
            "runs": [{"model": "dot", "settings": SETTINGS, "figures": figures}],
        }
    )
    monkeypatch.setattr("tastemap.reproduction.recipe.recipes", lambda: {"B12": made})
    return made


@pytest.mark.usefixtures("toy")
def test_a_recipe_is_trained_on_every_split_and_judged(tastemap: Command) -> None:
    answer = tastemap("reproduce", "--json")
    assert answer.status == 0
    first, second = answer.json["findings"]
    assert (first["recipe"], first["figure"], first["printed"]) == ("B12", "test MSE", 0.5)
    assert len(first["values"]) == 2
    assert first["ours"] == pytest.approx(sum(first["values"]) / 2)
    assert (first["verdict"], first["reason"]) == ("differs", "A toy.")
    assert second["verdict"] == "no figure"


@pytest.mark.usefixtures("toy")
def test_quick_takes_one_split(tastemap: Command) -> None:
    first = tastemap("reproduce", "b12", "--quick", "--json").json["findings"][0]
    assert len(first["values"]) == 1
    assert first["spread"] is None


@pytest.mark.usefixtures("toy")
def test_the_table_shows_the_documents_figure_beside_ours(tastemap: Command) -> None:
    answer = tastemap("reproduce")
    assert answer.status == 0
    assert "Toy" in answer.out
    assert "0.5" in answer.out
    assert " ± " in answer.out
    assert "B12: 2 splits" in answer.err


@pytest.mark.usefixtures("toy")
def test_the_page_says_how_each_figure_came_about(tastemap: Command, tmp_path: Path) -> None:
    out = tmp_path / "page.md"
    assert tastemap("reproduce", "--quick", "--out", out).status == 0
    page = out.read_text(encoding="utf-8")
    assert "| B12 | Toy | test MSE | 0.5 |" in page
    assert "## B12: Toy" in page
    assert "Nothing but a toy." in page
    assert "`n_factors=2`" in page


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize(("place", "said"), [("file/page.md", "is no folder"), (".", "must name a file")])
def test_a_place_that_takes_no_page_is_refused_before_anything_is_trained(
    tastemap: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, said: str
) -> None:
    (tmp_path / "file").write_text("x")
    trained: list[object] = []

    def train(*asked: object, **_: object) -> list[object]:
        trained.append(asked)
        return []

    monkeypatch.setattr("tastemap.reproduction.reproduce", train)
    answer = tastemap("reproduce", "--quick", "--out", tmp_path / place)
    assert answer.status in (1, 2)
    assert answer.err.startswith("Error: --out ")
    assert said in answer.err
    assert not trained


@pytest.mark.usefixtures("toy")
def test_a_folder_that_is_missing_is_made_for_the_page(tastemap: Command, tmp_path: Path) -> None:
    out = tmp_path / "new" / "page.md"
    assert tastemap("reproduce", "--quick", "--out", out).status == 0
    assert [file.name for file in out.parent.iterdir()] == ["page.md"]


@pytest.mark.usefixtures("toy")
def test_the_table_is_shown_though_the_page_cannot_be_written_in_the_end(
    tastemap: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tastemap.data.writing.tempfile.mkstemp", full)
    answer = tastemap("reproduce", "--quick", "--out", tmp_path / "page.md")
    assert answer.status == 1
    assert "Toy" in answer.out
    assert "--out" in answer.err
    assert "No space left on device" in answer.err
    assert "Wrote" not in answer.err


def test_quick_promises_one_split_whatever_the_recipe_has(tastemap: Command) -> None:
    shown = tastemap("reproduce", "--help").out
    assert "One split only." in shown
    assert "three" not in shown


def test_the_list_says_what_each_recipe_is_in_order_and_trains_nothing(tastemap: Command) -> None:
    rows = tastemap("reproduce", "--list", "--json").json["recipes"]
    assert [row["recipe"] for row in rows] == [f"B{number}" for number in range(1, 21)]
    assert rows[11]["model"] == "dot"
    shown = tastemap("reproduce", "B3", "--list").out
    assert "ml-latest-small-2016" in shown
    assert "B12" not in shown


def test_all_recipes_are_named_in_order_where_none_is_near(tastemap: Command) -> None:
    assert "Known: B1, B2, B3, B4" in tastemap("reproduce", "nonsense").err


def test_an_unknown_recipe_is_wrong_usage_and_near_ones_are_named(tastemap: Command) -> None:
    answer = tastemap("reproduce", "B200")
    assert answer.status == 2
    assert "Unknown recipe 'B200'. Did you mean B20" in answer.err


def test_large_is_refused_where_no_recipe_has_such_a_run(tastemap: Command) -> None:
    answer = tastemap("reproduce", "B12", "--large")
    assert answer.status == 2
    assert "B1, B2 and B3 have one" in answer.err
