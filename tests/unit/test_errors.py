from __future__ import annotations

from pathlib import Path

import pytest

from tastemap.data import load
from tastemap.errors import SourceNotFoundError, did_you_mean

IDS = range(894, 944)
MODELS = ["als", "bias", "dot", "ease", "ials", "popularity"]
FILMS = ["Star Wars (1977)", "Star Trek (1979)", "Stargate (1994)", "Toy Story (1995)", "Police Story (1985)"]


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        (9999, IDS, ""),
        ("mf", MODELS, ""),
        ("svd", MODELS, ""),
        ("alss", MODELS, " Did you mean als or ials?"),
        ("factors", ["n_factors", "n_epochs", "patience"], " Did you mean n_factors?"),
        ("Star Wras", FILMS, " Did you mean Star Wars (1977)?"),
        ("toy story", FILMS, " Did you mean Toy Story (1995)?"),
    ],
)
def test_only_names_that_may_be_meant_are_suggested(name: object, known: list[object], hint: str) -> None:
    assert did_you_mean(name, known) == hint


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("nosuch.csv", None),
        ("rating.csv", "ratings.csv"),
        ("ratings", "ratings.csv"),
        ("ml100k", "ml-100k"),
    ],
)
def test_a_file_that_is_not_there_is_compared_by_its_name_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str, hint: str | None
) -> None:
    for name in ("ratings.csv", "shop.csv", "ok.csv", "predictions.csv"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    for source in (asked, tmp_path / asked):
        with pytest.raises(SourceNotFoundError) as raised:
            load(source)
        said = str(raised.value)
        assert ("Did you mean" in said) == (hint is not None)
        assert hint is None or hint in said.partition("Did you mean")[2].partition("?")[0]
