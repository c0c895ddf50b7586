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


def test_charts_are_never_written_into_a_saved_model(tastemap: Command, fitted: dict[str, Path]) -> None:
    model = fitted["popularity"]
    before = sorted(model.iterdir())
    for out in (model, model.with_name(model.name + ".png")):
        answer = tastemap("inspect", model, "--out", out, "--format", "png")
        assert (answer.status, "must not name a saved model" in answer.err) == (2, True)
    assert sorted(model.iterdir()) == before


def test_what_cannot_be_is_said_before_anything_is_laid_out(
    tastemap: Command, fitted: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    place = tastemap("inspect", fitted["als"], "--out", tmp_path / "file" / "a.html")
    assert (place.status, "is no folder" in place.err, "Laying out" in place.err) == (1, True, False)
    rows = tmp_path / "events.csv"
    rows.write_text("user,item\n" + "".join(f"{user},{item}\n" for user in range(9) for item in range(4)))
    implicit = tmp_path / "implicit"
    assert tastemap("fit", rows, "--model", "ials", "-o", implicit).status == 0
    decay = tastemap("inspect", implicit, "--weight-decay", "--out", tmp_path / "a.html")
    assert (decay.status, "needs data with ratings" in decay.err) == (2, True)
    assert "Laying out" not in decay.err


def test_four_items_without_features_make_a_page_with_a_map_by_components(
    tastemap: Command, tmp_path: Path
) -> None:
    rows = tmp_path / "events.csv"
    rows.write_text("user,item\n" + "".join(f"{user},{item}\n" for user in range(9) for item in range(4)))
    model, page = tmp_path / "model", tmp_path / "new" / "a.html"
    assert tastemap("fit", rows, "--model", "ials", "--set", "n_factors=3", "-o", model).status == 0
    assert tastemap("inspect", model, "--out", page).status == 0
    assert "Too few items for t-SNE, 4" in page.read_text()


@pytest.mark.parametrize("make", ["empty", "file", "unknown format"])
def test_a_wrong_folder_or_format_is_one_sentence(
    tastemap: Command, fitted: dict[str, Path], tmp_path: Path, make: str
) -> None:
    place = tmp_path / "place"
    if make == "empty":
        place.mkdir()
    elif make == "file":
        place.write_text("x")
    else:
        place = fitted["als"]
    form = "pdf" if make == "unknown format" else "html"
    answer = tastemap("inspect", place, "--out", tmp_path / "a.html", "--format", form)
    assert (answer.status, form == "pdf") in ((1, False), (2, True))
    assert answer.err.startswith("Error: ")
