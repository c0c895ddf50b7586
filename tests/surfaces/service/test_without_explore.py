"""The explorer where altair, vl-convert and scikit-learn cannot be imported."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import tastemap
from tastemap.evaluation import evaluate
from tastemap.training import fit, with_evaluation
from tests.toys import checkerboard, planted, with_features

OPTIONAL = ("altair", "vl_convert", "sklearn")
COMMAND = "pip install 'tastemap[explore]'"
PAGES = ("/", "/for-you", "/item?id=1", "/user?id=1", "/map", "/data", "/training", "/report")
LOOKING = ("/data", "/training", "/report", "/report?against=1")

VISIT = """
import json, sys, time
from pathlib import Path
from fastapi.testclient import TestClient
from tastemap.service.app import create_app
from tastemap.service.pages.looking import vega_release
from tastemap.service.settings import ServiceSettings

found = {}
app = create_app(ServiceSettings.of(folder=Path(sys.argv[1])))
with TestClient(app, base_url="http://localhost") as client:
    for path in [*sys.argv[2:], f"/static/vega-{vega_release()}.js"]:
        answer = client.get(path)
        while 'class="soon"' in answer.text:  # what is missing is known once the process of the charts says so
            time.sleep(0.05)
            answer = client.get(path)
        found["vega" if "vega" in path else path] = answer.status_code, answer.text
    layout = client.get("/map.json?layout=tsne").json()
    while layout["state"] == "working":
        time.sleep(0.05)
        layout = client.get("/map.json?layout=tsne").json()
    found["tsne"] = 200, json.dumps(layout)
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Seen:
    """The status and the text of each path."""

    answers: dict[str, tuple[int, str]]

    def text(self, path: str) -> str:
        """What a path answered, which it did."""
        status, text = self.answers[path]
        assert status == 200, text[:500]
        return text


def twin_of(path: str) -> str:
    """Where the data of a page lies."""
    name, mark, query = path.partition("?")
    return f"{'/home' if name == '/' else name}.json{mark}{query}"


def seen(model: Path, folder: Path, *paths: str) -> Seen:
    """All paths of a service over a model, in a process that lacks the optional packages."""
    for name in OPTIONAL:
        (folder / "blocked" / name).mkdir(parents=True)
        text = f"raise ModuleNotFoundError('No module named {name}', name='{name}')\n"
        (folder / "blocked" / name / "__init__.py").write_text(text)
    ways = [str(folder / "blocked"), *filter(None, [os.environ.get("PYTHONPATH")])]
    around = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(ways),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    asked = [*paths, *(twin_of(path) for path in paths)]
    command = [sys.executable, "-c", VISIT, str(model), *asked]
    done = subprocess.run(command, env=around, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Seen(json.loads(done.stdout))


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """A rating model with an evaluation, version 2 after a version 1."""
    folder = tmp_path_factory.mktemp("without")
    settings: dict[str, object] = {"n_factors": 2, "n_epochs": 4}
    data = with_features(planted())
    record = evaluate(data, ["als"], settings={"als": settings}, n_draws=10)
    made = with_evaluation(fit(data, "als", settings=settings, rng=0), record.as_json())
    tastemap.save(replace(made, seed=1), folder / "model")
    tastemap.save(made, folder / "model")
    return seen(folder / "model", folder, *PAGES, "/report?against=1")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Implicit feedback by counts: no titles, no vectors, no losses, no evaluation."""
    folder = tmp_path_factory.mktemp("bare")
    tastemap.save(fit(checkerboard(), "popularity", rng=0), folder / "model")
    return seen(folder / "model", folder, *PAGES)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_and_twin_answers(films: Seen, bare: Seen, path: str) -> None:
    for one in (films, bare):
        assert "<h1" in one.text(path)
        assert isinstance(json.loads(one.text(twin_of(path))), dict)


@pytest.mark.parametrize("path", LOOKING)
def test_pages_that_look_inside_have_tables_instead_of_charts(films: Seen, path: str) -> None:
    text = films.text(path)
    assert "<tbody><tr>" in re.sub(r">\s+<", "><", text)
    assert "data-spec" not in text
    assert "static/vega-" not in text


@pytest.mark.parametrize("path", LOOKING)
def test_the_sentence_names_what_brings_the_charts(films: Seen, path: str) -> None:
    assert COMMAND in films.text(path).replace("&#39;", "'")


def test_tables_stand_open_where_there_are_no_charts(films: Seen) -> None:
    for path in ("/data", "/training"):
        assert "<details open>" in films.text(path)


def test_the_report_has_the_figures_of_every_model_and_of_both_versions(films: Seen) -> None:
    text = films.text("/report?against=1")
    told = json.loads(films.text("/report.json?against=1"))
    for row in told["evaluation"]["models"]:
        assert f">{row['model']}" in text
    assert told["comparison"]["sentences"]
    assert told["comparison"]["sentences"][0].split(".")[0][:20] in text


def test_the_map_keeps_its_main_directions_and_says_what_brings_neighborhoods(films: Seen) -> None:
    found = json.loads(films.text("tsne"))
    assert (found["state"], found["x"]) == ("failed", None)
    assert found["sentence"] == f"t-SNE needs scikit-learn, which is not installed. Run: {COMMAND}"
    tsne, pca = json.loads(films.text("/map.json"))["layouts"]
    assert tsne["name"] == "tsne"
    assert (pca["state"], len(pca["x"]), len(pca["y"])) == ("ready", 40, 40)


def test_a_model_without_vectors_has_no_map_whatever_is_installed(bare: Seen) -> None:
    assert "No map of this model" in bare.text("/map")
    assert json.loads(bare.text("tsne"))["state"] == "absent"


def test_the_script_of_charts_is_not_there(films: Seen) -> None:
    assert films.answers["vega"][0] == 404
