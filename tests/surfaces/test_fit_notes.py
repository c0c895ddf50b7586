"""What fit remarks on, since it can be done and is hardly meant; and what it refuses because of the data."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.surfaces.conftest import Command


def test_fit_says_that_features_match_nothing(tastemap: Command, table: Path, tmp_path: Path) -> None:
    features = tmp_path / "other.csv"
    features.write_text("item_id,title\nx1,One\nx2,Two\n", encoding="utf-8")
    arguments = ("fit", table, "--model", "bias", "-o", tmp_path / "m", "--item-features", features)
    said = "0 of 40 items have a row in other.csv; check its ids."
    assert said in tastemap(*arguments).err
    assert said in tastemap(*arguments, "--json").json["notes"]


def test_fit_remarks_on_more_factors_than_items_and_info_repeats_it(
    tastemap: Command, table: Path, tmp_path: Path
) -> None:
    arguments = ("fit", table, "--model", "als", "-o", tmp_path / "m", "--set", "n_factors=50")
    said = "n_factors 50 is above the number of items, 40: more than 40 adds nothing."
    assert said in tastemap(*arguments).err
    assert said in tastemap(*arguments, "--json").json["notes"]
    assert said in " ".join(tastemap("info", tmp_path / "m").out.split())


@pytest.mark.parametrize("model", ["als", "gibbs"])
def test_a_rating_model_without_ratings_could_do_with_other_data(
    tastemap: Command, tmp_path: Path, model: str
) -> None:
    (tmp_path / "clicks.csv").write_text("user_id,item_id\n1,1\n1,2\n2,1\n", encoding="utf-8")
    for command in (("fit", "-o", tmp_path / "m"), ("plan",)):
        answer = tastemap(command[0], tmp_path / "clicks.csv", "--model", model, *command[1:])
        assert answer.status == 1
        assert "the data has no rating column" in answer.err
