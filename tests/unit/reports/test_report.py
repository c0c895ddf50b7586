"""The page holds what it must, loads nothing, runs nothing that came with the data, and repeats itself."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from tastemap.errors import InvalidValueError, TastemapError
from tastemap.evaluation.records import Difference, Estimate, EvaluationRecord, ModelResult
from tastemap.reports import ExampleList, ensure_page, evaluation_report, write_report
from tests.records import COUNTS, PROTOCOL, movie_record, result

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def _text(record: EvaluationRecord) -> str:
    return evaluation_report(
        record,
        examples=[ExampleList("als for 42", ("Alien (1979): 5",), (("Heat", "Alien"),))],
        command="tastemap evaluate 'my data.csv' --models als --seed 42",
    )


@pytest.fixture(scope="module")
def text() -> str:
    return _text(movie_record(5))


@pytest.fixture(scope="module")
def soup(text: str) -> BeautifulSoup:
    return BeautifulSoup(text, "html.parser")


def _table(soup: BeautifulSoup, caption: str) -> list[list[str]]:
    """The cells of the table whose caption starts so."""
    captions = [found for found in soup.select("caption") if found.get_text().startswith(caption)]
    assert captions, f"no table with a caption that starts with {caption!r}"
    table = captions[0].parent
    assert table is not None
    return [[cell.get_text(" ", strip=True) for cell in row.select("th, td")] for row in table.select("tr")]


def test_one_heading_of_the_first_rank_names_the_data(soup: BeautifulSoup) -> None:
    assert [heading.get_text() for heading in soup.select("h1")] == ["ml-100k"]


def test_the_heading_of_a_test_of_a_fitted_model_names_the_model_too() -> None:
    record = movie_record()
    fitted = replace(
        record, models=record.models[:3], data="new", protocol=replace(record.protocol, split="test")
    )
    page = BeautifulSoup(evaluation_report(fitted), "html.parser")
    assert [heading.get_text() for heading in page.select("h1")] == ["als on new"]
    assert fitted.title == "als on new"
    assert replace(fitted, models=record.models[:2]).title == "new"


def test_thousands_are_set_apart_by_commas_everywhere(soup: BeautifulSoup) -> None:
    assert "80,000" in soup.select_one("dl.facts").get_text()  # type: ignore[union-attr]
    assert not re.search(r"\d\u202f\d", soup.get_text())


def test_headings_never_skip_a_rank(soup: BeautifulSoup) -> None:
    ranks = [int(heading.name[1]) for heading in soup.select("h1, h2, h3, h4")]
    assert all(after - before <= 1 for before, after in pairwise(ranks))


def test_the_parts_of_the_page_are_linked_and_there(soup: BeautifulSoup) -> None:
    names = [str(link["href"])[1:] for link in soup.select("nav a")]
    assert names == [
        "ratings", "lists", "slices", "beyond", "examples", "reading", "settings", "reproduce",
    ]  # fmt: skip
    assert all(soup.find(id=name) is not None for name in names)


def test_the_verdict_stands_before_the_results(soup: BeautifulSoup, text: str) -> None:
    said = soup.select_one(".verdict")
    assert said is not None
    assert "als predicts ratings best" in said.get_text()
    assert text.index('class="verdict"') < text.index('id="ratings"')


def test_every_figure_of_the_record_is_in_a_table(soup: BeautifulSoup) -> None:
    rows = _table(soup, "Predicted ratings")
    assert rows[1][:2] == ["als", "0.913 best 0.905–0.921"]
    assert rows[3][0] == "bias baseline"
    assert _table(soup, "Ranked lists")[1][0] == "ials"
    assert _table(soup, "Coverage")[1][1] == "0.317"


def test_differences_folds_and_slices_have_tables_too(soup: BeautifulSoup) -> None:
    pairs = _table(soup, "Paired differences in RMSE")
    assert ["dot − als", "+0.0015 (−0.0010 to +0.0040)", "not clear"] in pairs
    assert len(_table(soup, "RMSE of each fold")[1]) == 6
    assert len(_table(soup, "RMSE by user activity")[1]) == 5


def test_every_chart_has_words_a_drawing_and_a_specification(soup: BeautifulSoup) -> None:
    charts = soup.select(".chart")
    assert len(charts) == 2 + 4 + 2 + 16
    names = [str(chart["data-spec"]) for chart in charts]
    assert len(set(names)) == len(names)
    for chart in charts:
        assert len(str(chart["aria-label"])) > 20
        assert chart["role"] == "img"
        assert chart.select_one("svg") is not None
        holder = soup.find(id=str(chart["data-spec"]))
        assert isinstance(holder, Tag)
        assert json.loads(holder.get_text())["width"] == "container"


def test_the_page_loads_nothing(text: str, soup: BeautifulSoup) -> None:
    for element in soup.select("[src], [href], [srcset], [action], [data], [poster]"):
        assert element.name == "a"
        assert str(element["href"]).startswith("#")
    assert not soup.select("link, iframe, object, embed, base, form")
    styles = "".join(style.get_text() for style in soup.select("style"))
    assert "@import" not in text.split("<script>")[0]
    assert "url(" not in styles
    assert not re.search(r"""(?:fill|stroke|filter|clip-path)="url\((?!#)""", text)


def test_the_policy_allows_the_pages_own_style_and_scripts_by_hash_and_nothing_else(
    soup: BeautifulSoup,
) -> None:
    meta = soup.select_one("meta[http-equiv=Content-Security-Policy]")
    assert meta is not None
    policy = dict(part.strip().split(" ", 1) for part in str(meta["content"]).split(";"))
    assert policy["default-src"] == "'none'"
    assert "unsafe" not in str(meta["content"])
    scripts = [script for script in soup.select("script") if not script.has_attr("type")]
    assert policy["script-src"].split() == [_hash(script.get_text()) for script in scripts]
    assert policy["style-src"] == _hash("".join(style.get_text() for style in soup.select("style")))


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_markup_in_names_is_text(soup: BeautifulSoup) -> None:
    record = movie_record()
    als = replace(record.models[2], model=EVIL, settings={EVIL: EVIL})
    evil = replace(
        record,
        data=EVIL,
        models=(*record.models[:2], als),
        differences=(Difference(EVIL, "bias", "rmse", -0.03, -0.04, -0.02),),
        slices=(replace(record.slices[0], by=EVIL, label=EVIL, figures={EVIL: {"rmse": 0.9}}),),
        notes=(EVIL,),
    )
    example = ExampleList(EVIL, (EVIL,), ((EVIL, EVIL),))
    page = BeautifulSoup(evaluation_report(evil, examples=[example]), "html.parser")
    assert page.h1 is not None
    assert page.h1.get_text() == EVIL
    assert not page.select("img, [onerror]")
    executable = [script for script in page.select("script") if not script.has_attr("type")]
    assert [script.get_text() for script in executable] == [
        script.get_text() for script in soup.select("script") if not script.has_attr("type")
    ]


def test_the_same_record_gives_the_same_bytes(text: str) -> None:
    assert _text(movie_record(5)) == text


def test_how_long_a_model_took_leaves_no_trace(text: str) -> None:
    record = movie_record(5)
    slower = replace(record, models=tuple(replace(row, fit_s=99.125, predict_s=77.5) for row in record.models))
    assert _text(slower) == text


def test_the_command_seed_version_and_fingerprint_are_there(soup: BeautifulSoup) -> None:
    command = soup.select_one("#reproduce code")
    assert command is not None
    assert command.get_text() == "tastemap evaluate 'my data.csv' --models als --seed 42"
    rest = soup.select_one("#reproduce")
    assert rest is not None
    assert "9f2c1a7be0" in rest.get_text()
    assert "may not be redistributed" in rest.get_text()


def test_without_a_command_none_is_made_up() -> None:
    page = BeautifulSoup(evaluation_report(movie_record()), "html.parser")
    assert page.select("#reproduce")
    assert not page.select("#reproduce code")


def test_settings_are_folded_away_one_model_each(soup: BeautifulSoup) -> None:
    summaries = [summary.get_text() for summary in soup.select("#settings summary")]
    assert summaries[0] == "popularity (ranking)"
    assert len(summaries) == 6


_POINT = Estimate(0.4, 0.4, 0.4, (0.4,))
_NONE = Estimate(float("nan"), float("nan"), float("nan"))


def _toy(*models: ModelResult, differences: tuple[Difference, ...] = (), data: str = "x") -> EvaluationRecord:
    return EvaluationRecord(data, "f", False, PROTOCOL, COUNTS, models, differences)


def _with(name: str, **metrics: Estimate) -> ModelResult:
    found = {key.replace("_at_", "@"): estimate for key, estimate in metrics.items()}
    return ModelResult(name, "ranking", False, {}, found, 0, 0)


_ODD = {
    "ranking only": _toy(result("popularity", ndcg=0.2, is_baseline=True), result("ials", ndcg=0.3)),
    "one model": _toy(result("als", rmse=0.9)),
    "no models": _toy(),
    "no metrics": _toy(_with("m")),
    "zero-width intervals": _toy(
        _with("a", ndcg_at_10=_POINT), _with("b", ndcg_at_10=_POINT),
        differences=(Difference("a", "b", "ndcg@10", 0.0, 0.0, 0.0),),
    ),
    "unknown metric": _toy(_with("m", charm=_POINT)),
    "not a number": _toy(_with("m", rmse=_NONE), result("als", rmse=0.9)),
    "twelve models with long names": _toy(
        *(result(f"a-model-with-a-long-name-{n}", rmse=0.9 + n / 100, ndcg=0.1 + n / 100) for n in range(12)),
        data="x" * 200,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", _ODD)
def test_odd_records_make_a_page_with_a_verdict(name: str) -> None:
    page = BeautifulSoup(evaluation_report(_ODD[name]), "html.parser")
    assert page.select_one(".verdict p") is not None
    assert "nan" not in " ".join(found.get_text() for found in page.select("main table, main p, main dl"))
    drawn = bool(page.select(".chart"))
    assert bool([script for script in page.select("script") if not script.has_attr("type")]) == drawn
    lede = page.select_one(".lede")
    assert lede is not None
    assert lede.get_text().startswith("No model was measured." if name == "no models" else "Measured: ")
    if name == "ranking only":
        assert page.find(id="ratings") is None
    if name == "unknown metric":
        assert page.find(id="other") is not None


def test_a_report_is_written_whole_and_replaces_an_older_one(tmp_path: Path) -> None:
    target = tmp_path / "new" / "report.html"
    record = EvaluationRecord("x", "f", False, PROTOCOL, COUNTS, ())
    assert write_report(record, target) == target
    write_report(replace(record, data="y"), target)
    assert target.read_text(encoding="utf-8") == evaluation_report(replace(record, data="y"))
    assert [path.name for path in target.parent.iterdir()] == ["report.html"]


def test_a_failed_write_leaves_the_older_report_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "report.html"
    target.write_text("older", encoding="utf-8")

    def refuse(self: Path, other: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(TastemapError, match="No space left"):
        write_report(EvaluationRecord("x", "f", False, PROTOCOL, COUNTS, ()), target)
    assert target.read_text(encoding="utf-8") == "older"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_folder_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="path must name a file"):
        write_report(movie_record(), tmp_path)


@pytest.mark.parametrize("place", ["taken/report.html", "taken/deeper/report.html"])
def test_a_page_below_a_file_is_refused_with_a_sentence_before_and_when_it_is_written(
    tmp_path: Path, place: str
) -> None:
    (tmp_path / "taken").write_text("a file")
    for refused in (ensure_page, lambda path: write_report(movie_record(), path)):
        with pytest.raises(TastemapError, match=r"taken is no folder\. Choose another place"):
            refused(tmp_path / place)


def test_a_place_that_is_free_is_left_as_it_was(tmp_path: Path) -> None:
    ensure_page(tmp_path / "new" / "report.html")
    assert not list(tmp_path.iterdir())
