"""The page of an inspection shows what applies to each model, loads nothing and runs nothing from the data."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from bs4 import BeautifulSoup

from tastemap.data import Catalog, load
from tastemap.errors import InvalidValueError, TastemapError
from tastemap.models.recommender import Recommender
from tastemap.reports import inspect_models, inspection_report, write_charts, write_inspection
from tastemap.reports.inside import Part
from tastemap.training import fit
from tests.toys import planted

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def recommender(model: str, **settings: object) -> Recommender:
    data = planted(n_users=40, n_items=24)
    catalog = pl.DataFrame(
        {
            "item_id": data.interactions.items.ids,
            "title": [EVIL, *(f"Film {n} ({1970 + n})" for n in range(1, 24))],
            "genres": [[EVIL], *[["Drama", "War"] if n % 2 else ["Comedy"] for n in range(1, 24)]],
        }
    )
    users = pl.DataFrame({"user_id": data.interactions.users.ids, "occupation": [EVIL, "a"] * 20})
    return fit(replace(data, catalog=Catalog(catalog), user_features=users), model, settings=settings, rng=0)


@pytest.fixture(scope="module")
def models() -> dict[str, Recommender]:
    return {
        "als": recommender("als", n_factors=4, n_epochs=3),
        EVIL: recommender("als", n_factors=3, n_epochs=2),
        "ease": recommender("ease"),
        "popularity": recommender("popularity"),
        "bias": recommender("bias"),
    }


@pytest.fixture(scope="module")
def parts(models: dict[str, Recommender]) -> list[Part]:
    return inspect_models(models)


@pytest.fixture(scope="module")
def text(models: dict[str, Recommender], parts: list[Part]) -> str:
    return inspection_report(models, parts)


@pytest.fixture(scope="module")
def soup(text: str) -> BeautifulSoup:
    return BeautifulSoup(text, "html.parser")


def _pictures(part: Part) -> list[str]:
    return [picture.name for block in part.blocks for picture in block.pictures]


def _sentences(part: Part) -> list[str]:
    return [sentence for block in part.blocks for sentence in block.sentences]


def test_each_model_gets_what_applies_and_a_sentence_for_the_rest(parts: list[Part]) -> None:
    by_name = {part.name: part for part in parts}
    assert list(by_name) == [
        "data", "training", "predictions", "biases", "map", "components", "norms", "neighbors",
    ]  # fmt: skip
    assert _pictures(by_name["biases"]) == ["als-biases", f"{EVIL}-biases", "popularity-biases", "bias-biases"]
    assert _sentences(by_name["biases"]) == ["ease has no item biases."]
    for name in ("map", "components"):
        assert _pictures(by_name[name]) == [f"als-{name}", f"{EVIL}-{name}"]
    for name in ("map", "components", "norms"):
        assert _sentences(by_name[name]) == [
            f"{model} has no item vectors." for model in ("ease", "popularity", "bias")
        ]
    assert _pictures(by_name["norms"]) == ["norms"]
    tables = {block.title: len(block.tables) for block in by_name["neighbors"].blocks}
    assert tables == {"als": 6, EVIL: 6, "ease": 6, "popularity": 0, "bias": 0}
    assert _sentences(by_name["predictions"]) == [
        "ease ranks; it predicts no ratings.",
        "popularity ranks; it predicts no ratings.",
        "bias came with no validation rows; give data to predict.",
    ]
    assert len(_sentences(by_name["training"])) == 3


def test_other_data_is_shown_and_predicted(models: dict[str, Recommender]) -> None:
    shown = inspect_models({"bias": models["bias"]}, data=planted(n_users=30, n_items=24))
    assert "of 30 users" in shown[0].lede
    assert _pictures(shown[2]) == ["bias-predictions"]
    assert _sentences(shown[2]) == []


def test_predictions_say_how_many_of_them_are_of_unknown_users_or_items(models: dict[str, Recommender]) -> None:
    known = models["bias"].train.interactions.frame().select("user_id", "item_id", "rating")[:3]
    rows = pl.concat([known, known[:1].with_columns(user_id=pl.lit(-1, known["user_id"].dtype))])
    shown = inspect_models({"bias": models["bias"]}, data=load(rows))
    assert _sentences(shown[2]) == [
        "Of 25.0% of these rows bias does not know the user, the item or both: their predictions are the mean "
        "and what the known side adds."
    ]


def test_the_page_loads_nothing(text: str, soup: BeautifulSoup) -> None:
    for element in soup.select("[src], [href], [srcset], [action], [data], [poster]"):
        address = str(element.get("src") or element.get("href") or element.get("srcset"))
        assert address.startswith(("#", "data:image/png;base64,")), element.name
    assert not soup.select("link, iframe, object, embed, base, form")
    page = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert not re.findall(r"https?://(?!www\.w3\.org/)", page)


def test_markup_in_titles_genres_and_names_is_text(soup: BeautifulSoup) -> None:
    assert soup.h1 is not None
    assert EVIL in soup.h1.get_text()
    assert not soup.select("[onerror]")
    assert all(str(image["src"]).startswith("data:") for image in soup.select("img"))
    scripts = [script.get_text() for script in soup.select("script") if not script.has_attr("type")]
    assert len(scripts) == 5  # Vega, and those for symbols, charts, maps and neighbors
    assert not any("alert(1)" in script for script in scripts)


def test_every_chart_has_words_and_a_specification_of_its_own(soup: BeautifulSoup, parts: list[Part]) -> None:
    charts = soup.select(".chart, .plot")
    assert len(charts) == sum(len(_pictures(part)) for part in parts)
    names = [str(chart["data-spec"]) for chart in charts]
    assert len(set(names)) == len(names)
    for chart in charts:
        assert len(str(chart["aria-label"])) > 20
        holder = soup.find(id=str(chart["data-spec"]))
        assert holder is not None
        assert json.loads(holder.get_text())


def test_large_charts_have_an_image_that_stands_in(soup: BeautifulSoup) -> None:
    assert len(soup.select(".chart[data-renderer=canvas]")) == 1
    assert len(soup.select(".plot")) == 4
    for holder in soup.select(".chart[data-renderer=canvas], .plot"):
        assert holder["role"] == "group"
        assert holder.select_one("svg") is None
        assert len(holder.select("img.still[alt]")) == 1


def test_headings_and_links_hold_together(soup: BeautifulSoup, parts: list[Part]) -> None:
    assert [str(link["href"])[1:] for link in soup.select("nav a")] == [part.name for part in parts]
    assert all(soup.find(id=part.name) is not None for part in parts)


def test_the_same_models_give_the_same_bytes(models: dict[str, Recommender], text: str) -> None:
    assert inspection_report(models, inspect_models(models)) == text


@pytest.mark.parametrize(("form", "start"), [("png", b"\x89PNG"), ("svg", b"<svg")])
def test_every_chart_becomes_a_file(parts: list[Part], tmp_path: Path, form: str, start: bytes) -> None:
    chosen = [part for part in parts if part.name in ("data", "biases")]
    files = write_charts(chosen, tmp_path / "charts", form)  # type: ignore[arg-type]
    assert sorted(path.name for path in files) == sorted(path.name for path in (tmp_path / "charts").iterdir())
    assert {"users." + form, "items." + form, "als-biases." + form} <= {path.name for path in files}
    assert all(path.read_bytes().startswith(start) for path in files)


def test_charts_are_not_written_where_a_file_is_in_the_way(parts: list[Part], tmp_path: Path) -> None:
    (tmp_path / "charts").write_text("x")
    with pytest.raises(TastemapError, match="Choose another place"):
        write_charts(parts[:1], tmp_path / "charts", "png")


def test_a_page_is_written_to_a_file(models: dict[str, Recommender], parts: list[Part], tmp_path: Path) -> None:
    one = {"bias": models["bias"]}
    path = write_inspection(
        one, [part for part in parts if part.name == "biases"], tmp_path / "a" / "page.html"
    )
    assert path.read_text().startswith("<!doctype html>")


def test_there_must_be_a_model() -> None:
    with pytest.raises(InvalidValueError, match="at least one"):
        inspect_models({})


def test_weight_decay_is_a_part_of_real_runs(models: dict[str, Recommender]) -> None:
    pytest.importorskip("torch")
    shown = inspect_models({"bias": models["bias"]}, weight_decay=True)
    assert _pictures(shown[-1]) == ["parabolas", "decay-training", "decay-validation", "decay-norms"]
    assert BeautifulSoup(shown[-1].blocks[1].tables[0], "html.parser").select("tbody tr").__len__() == 4
