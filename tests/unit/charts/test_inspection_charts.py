"""The charts of an inspection keep to the schema, are drawn without a browser, and have legible titles."""

from __future__ import annotations

import json
from collections.abc import Callable

import altair as alt
import numpy as np
import polars as pl
import pytest

from tastemap.charts import (
    DARK,
    LIGHT,
    PAGE,
    Chart,
    Palette,
    bias_chart,
    components_chart,
    curves_chart,
    decay_chart,
    histogram_chart,
    item_map_chart,
    line_chart,
    norms_chart,
    page_spec,
    parabolas_chart,
    png,
    predictions_chart,
    svg,
)
from tastemap.charts.labels import ABOVE, FONT_SIZE, LETTER, PADDING, place_labels, short_title

RNG = np.random.default_rng(0)
N = 60
EVIL = '<b onclick="x">\'"\\{}&'
ITEMS = pl.DataFrame(
    {
        "item_id": range(N),
        "title": [EVIL, *(f"A film of a certain length {n} ({1950 + n})" for n in range(1, N))],
        "genres": [["Drama", "War"], None, *[["Comedy"]] * (N - 2)],
        "genre": ["Drama", "other", *["Comedy", "Action"] * ((N - 2) // 2)],
        "popularity": range(N, 0, -1),
        "bias": np.linspace(1, -1, N),
        "norm": RNG.random(N),
        "x": RNG.normal(size=N),
        "y": RNG.normal(size=N),
        **{f"component_{k}": RNG.normal(size=N) for k in (1, 2, 3)},
    }
)
BINS = pl.DataFrame(
    {"group": ["all", "all", "a", "a"], "low": [1.0, 2.0] * 2, "high": [2.0, 5.0] * 2, "n": [3, 1, 1, 0],
     "share": [0.75, 0.25, 1.0, 0.0]}
)  # fmt: skip
CURVES = pl.DataFrame(
    {"phase": ["search"] * 3 + ["final"] * 2, "epoch": [1, 2, 3, 1, 2], "name": "train_rmse",
     "value": [1.0, 0.9, float("nan"), 1.0, 0.8]}
)  # fmt: skip
ROWS = pl.DataFrame({"rating": [1.0, 2.0, 2.0], "prediction": [1.5, 2.5, 1.75]})
GRID = pl.DataFrame(
    {"rating_low": [0.5, 1.5], "rating_high": [1.5, 2.5], "low": [1.0, 1.5], "high": [2.0, 2.5], "n": [1, 2],
     "share": [1.0, 1.0]}
)  # fmt: skip
RUNS = pl.DataFrame(
    {"weight_decay": [0.0, 0.0, 0.1, 0.1], "epoch": [1, 2, 1, 2], "validation_rmse": [1.0, 0.9, 1.0, 0.8]}
)
LINES = pl.DataFrame({"step": [*range(400)] * 2, "value": RNG.random(800), "line": ["a"] * 400 + ["b"] * 400})
OTHER_IDS = ITEMS.with_columns(pl.col("item_id") + 30)

CHARTS: dict[str, Callable[[Palette], Chart]] = {
    "map": lambda palette: item_map_chart(ITEMS, palette=palette),
    "map of two": lambda palette: item_map_chart(ITEMS.head(2), palette=palette),
    "map without genres": lambda palette: item_map_chart(
        ITEMS.with_columns(genre=pl.lit("other")), palette=palette
    ),
    "components": lambda palette: components_chart(ITEMS, (0.5, 0.3, 0.1), palette=palette),
    "one component": lambda palette: components_chart(ITEMS, (1.0,), palette=palette),
    "norms": lambda palette: norms_chart({"als": ITEMS}, palette=palette),
    "norms of three": lambda palette: norms_chart(
        {"als": ITEMS, "dot": ITEMS, "b": OTHER_IDS}, palette=palette
    ),
    "biases": lambda palette: bias_chart(ITEMS, palette=palette),
    "few biases": lambda palette: bias_chart(ITEMS.head(3), palette=palette),
    "histograms": lambda palette: histogram_chart({"ratings": BINS, "mean": BINS}, by="job", palette=palette),
    "no groups": lambda palette: histogram_chart({"ratings": BINS.head(2)}, by="job", palette=palette),
    "curves": lambda palette: curves_chart(CURVES, title="RMSE", palette=palette),
    "predictions": lambda palette: predictions_chart(ROWS, GRID, palette=palette),
    "lines": lambda palette: line_chart(LINES, x="step", title="error", palette=palette),
    "parabolas": lambda palette: parabolas_chart(palette=palette),
    "decay": lambda palette: decay_chart(RUNS, palette=palette),
}


@pytest.fixture(params=CHARTS, ids=[name.replace(" ", "-") for name in CHARTS])
def draw(request: pytest.FixtureRequest) -> Callable[[Palette], Chart]:
    return CHARTS[request.param]


def test_every_chart_keeps_to_the_schema_and_survives_json(draw: Callable[[Palette], Chart]) -> None:
    spec = json.loads(json.dumps(draw(LIGHT).to_dict(validate=True), allow_nan=False))
    alt.Chart.from_dict(spec, validate=True)


def test_every_chart_is_drawn_as_png_and_svg(draw: Callable[[Palette], Chart]) -> None:
    assert png(draw(DARK), scale=1.0).startswith(b"\x89PNG")
    drawn = svg(draw(LIGHT))
    assert drawn.startswith("<svg")
    assert "<b onclick" not in drawn


def test_every_page_specification_names_no_address(draw: Callable[[Palette], Chart]) -> None:
    spec = page_spec(draw(PAGE))
    assert "://" not in json.dumps(spec)
    assert spec.get("width", "container") == "container"


def _rows(chart: Chart, field: str) -> list[dict[str, object]]:
    sets: dict[str, list[dict[str, object]]] = page_spec(chart)["datasets"]
    return next(list(rows) for rows in sets.values() if rows and field in rows[0])


def test_a_genre_has_the_same_color_and_shape_in_every_chart() -> None:
    scales = []
    for chart in (CHARTS["map"](LIGHT), CHARTS["components"](LIGHT)):
        encoding = chart.to_dict()["layer"][0]["encoding"]
        scales.append([encoding[name]["scale"] for name in ("color", "shape")])
    assert scales[0] == scales[1]
    color, shape = scales[0]
    assert color["domain"] == ["Action", "Comedy", "Drama", "other"]
    assert len(set(color["range"])) == len(set(shape["range"][:3])) + 1 == 4


def test_figures_that_are_not_finite_are_no_points() -> None:
    values = [row["value"] for row in _rows(CHARTS["curves"](LIGHT), "line")]
    assert values.count(None) == 1


def test_the_ends_of_a_leaderboard_are_drawn_and_its_middle_is_not() -> None:
    rows = _rows(bias_chart(ITEMS, k=3), "bias")
    assert [row["title"] for row in rows] == [*ITEMS["title"].head(3), *ITEMS["title"].tail(3)]


def test_models_are_matched_by_the_ids_of_their_items() -> None:
    rows = _rows(CHARTS["norms of three"](LIGHT), "norm_0")
    assert len(rows) == N + 60
    assert all(row["norm_0"] == row["norm_1"] for row in rows)


def test_one_brush_serves_all_panels() -> None:
    spec = CHARTS["norms of three"](LIGHT).to_dict()
    (brush,) = spec["params"]
    assert brush["name"] == "brush"
    assert len(brush["views"]) == 3


def test_labels_do_not_cover_one_another_and_stay_inside() -> None:
    width, height = 640, 560
    placed = place_labels(ITEMS, "x", "y", width=width, height=height, limit=40)
    assert 5 < len(placed) <= 40
    low, high = ITEMS["x"].min(), ITEMS["x"].max()
    assert isinstance(low, float)
    assert isinstance(high, float)
    bottom, top = ITEMS["y"].min(), ITEMS["y"].max()
    assert isinstance(bottom, float)
    assert isinstance(top, float)
    boxes = []
    for x, y, label in placed.rows():
        center = PADDING + (x - low) / (high - low) * (width - 2 * PADDING)
        middle = height - PADDING - (y - bottom) / (top - bottom) * (height - 2 * PADDING) - ABOVE
        half = LETTER * len(label) / 2
        boxes.append((center - half, center + half, middle - FONT_SIZE / 2, middle + FONT_SIZE / 2))
    assert all(left >= 0 and right <= width and above >= 0 for left, right, above, _ in boxes)
    for place, (left, right, above, below) in enumerate(boxes):
        for other_left, other_right, other_above, other_below in boxes[:place]:
            assert right <= other_left or other_right <= left or below <= other_above or other_below <= above


def test_the_first_items_get_their_labels_first() -> None:
    together = pl.DataFrame({"title": ["First (1990)", "Second (1991)"], "x": [0.0, 0.0], "y": [0.0, 0.0]})
    apart = pl.DataFrame({"title": ["Left", "Right"], "x": [-1.0, 1.0], "y": [0.0, 0.0]})
    placed = place_labels(pl.concat([together, apart]), "x", "y", width=300, height=300)
    assert placed["label"].to_list() == ["First", "Left", "Right"]


@pytest.mark.parametrize(
    ("title", "wanted"),
    [("Heat (1995)", "Heat"), ("(1941)", "(1941)"), ("1984", "1984"), ("x" * 30, "x" * 23 + "…")],
)
def test_a_label_is_a_title_without_its_year_cut_where_it_is_long(title: str, wanted: str) -> None:
    assert short_title(title) == wanted


def test_a_chart_of_ten_thousand_items_holds_them_once() -> None:
    n = 10_000
    many = ITEMS.sample(n, with_replacement=True, seed=0)
    spec = page_spec(item_map_chart(many))
    sizes = sorted(len(rows) for rows in spec["datasets"].values())
    assert sizes[-1] == n
    assert sum(sizes) < n + 100


def test_a_long_axis_names_about_ten_numbers() -> None:
    drawn = svg(line_chart(LINES, x="step", title="error"))
    assert [f">{number}<" in drawn for number in (0, 20, 50, 100, 350, 400)] == [
        True,
        False,
        True,
        True,
        True,
        True,
    ]


def test_every_parabola_reaches_the_top_or_the_edge() -> None:
    rows = pl.DataFrame(_rows(parabolas_chart(), "line"))
    ends = rows.group_by("line", maintain_order=True).agg(pl.col("value").max(), pl.col("x").max())
    assert ends["value"].to_list() == pytest.approx([4.0, 5.0, 5.0, 5.0, 5.0])
    assert ends["x"][0] == 2.0
