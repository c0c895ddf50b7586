"""``tastemap inspect``: a page or files of charts, one sentence where it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.surfaces.conftest import Command


def test_a_page_is_written_for_several_models(
    tastemap: Command, fitted: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "inside.html"
    answer = tastemap("inspect", fitted["als"], fitted["popularity"], "--out", out)
    assert answer.status == 0
    assert f"Wrote {out}." in answer.err
    page = out.read_text()
    assert "<h1>als and popularity</h1>" in page
    assert "Film &lt;b&gt;" in page
    assert "<b>3</b>" not in page


def test_json_names_the_file_the_models_and_what_does_not_apply(
    tastemap: Command, fitted: dict[str, Path], table: Path, tmp_path: Path
) -> None:
    out = tmp_path / "inside.html"
    answer = tastemap("inspect", fitted["popularity"], "--data", table, "--out", out, "--json").json
    assert answer["files"] == [str(out)]
    assert answer["models"] == {"popularity": str(fitted["popularity"])}
    by_name = {part["name"]: part["notes"] for part in answer["parts"]}
    assert by_name["map"] == ["popularity has no item vectors."]
    assert by_name["data"] == []


def test_two_models_of_one_name_are_called_by_their_folders(
    tastemap: Command, fitted: dict[str, Path], table: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    assert tastemap("fit", table, "--model", "popularity", "-o", other).status == 0
    answer = tastemap("inspect", fitted["popularity"], other, "--out", tmp_path / "a.html", "--json")
    assert set(answer.json["models"]) == {"saved-popularity", "other"}


def test_charts_are_written_into_a_folder_of_the_name(
    tastemap: Command, fitted: dict[str, Path], tmp_path: Path
) -> None:
    answer = tastemap("inspect", fitted["popularity"], "--out", tmp_path / "charts.html", "--format", "svg")
    assert answer.status == 0
    assert {path.name for path in (tmp_path / "charts").iterdir()} == {
        "users.svg", "items.svg", "popularity-biases.svg",
    }  # fmt: skip
    assert "3 charts" in answer.err


def test_wrong_usage_is_one_sentence(tastemap: Command, fitted: dict[str, Path], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    ending = tastemap("inspect", fitted["als"], "--out", tmp_path / "page")
    assert (ending.status, "must end in .html" in ending.err) == (2, True)
    missing = tastemap("inspect", fitted["als"])
    assert missing.status == 2
    assert "--out" in missing.err
    twice = tastemap("inspect", fitted["als"], fitted["als"], "--out", page)
    assert (twice.status, "named twice" in twice.err) == (2, True)
    absent = tastemap("inspect", tmp_path / "nothing", "--out", page)
    assert absent.status == 1
    assert not page.exists()


def test_the_learning_rate_is_recorded_and_no_loss(tastemap: Command, table: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    model = tmp_path / "dot"
    assert tastemap("fit", table, "--model", "dot", "--set", "n_epochs=2", "-o", model).status == 0
    assert "learning_rate" in tastemap("info", model, "--json").json["losses"][0]
    shown = tastemap("info", model).out
    assert "train_rmse" in shown
    assert "learning_rate 0" not in shown.split("losses")[1]
