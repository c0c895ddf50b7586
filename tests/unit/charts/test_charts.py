"""Charts build, keep to the schema, survive JSON, and can be drawn without a browser."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import altair as alt
import pytest

from tastemap.charts import (
    DARK,
    LIGHT,
    PAGE,
    Chart,
    Row,
    difference_chart,
    dot_chart,
    fold_chart,
    interval_chart,
    javascript_bundle,
    page_spec,
    png,
    span,
    svg,
)

ROWS = [
    Row("als", 0.913, 0.905, 0.921, "0.913", "0.913 (0.905–0.921)", folds=(0.91, 0.916)),
    Row("bias", 0.943, 0.935, 0.951, "0.943", "0.943 (0.935–0.951)", hollow=True, folds=(0.94, 0.946)),
]
CHARTS: dict[str, Chart] = {
    "intervals": interval_chart(ROWS, title="RMSE"),
    "dots": dot_chart(ROWS, domain=(0.9, 1.0)),
    "differences": difference_chart([Row("als", -0.03, -0.034, -0.026, "−0.030")], title="RMSE"),
    "folds": fold_chart(ROWS, title="RMSE"),
    "dark": interval_chart(ROWS, title="RMSE", palette=DARK),
    "page": interval_chart(ROWS, title="RMSE", palette=PAGE),
    "one point": interval_chart([Row("als", 0.9, 0.9, 0.9, "0.900")], title="RMSE"),
    "no rows": interval_chart([], title="RMSE"),
    "not finite": interval_chart(
        [Row("als", 0.9, math.nan, math.nan, "0.900"), Row("b", math.nan, 0, 0, "–")], title="x"
    ),
    "twelve long names": interval_chart(
        [Row(f"a name far too long for its axis, number {n}", n, n - 1, n + 1, str(n)) for n in range(12)],
        title="RMSE",
    ),
    "odd names": interval_chart(
        [Row('a"\'\\<b>{}[0]&', 1.0, 0.5, 1.5, "1"), Row("", 1.0, 0.5, 1.5, "1")], title="x"
    ),
}  # fmt: skip


@pytest.fixture(params=CHARTS, ids=[name.replace(" ", "-") for name in CHARTS])
def chart(request: pytest.FixtureRequest) -> Chart:
    return CHARTS[request.param]


def _data(chart: Chart, field: str) -> list[dict[str, object]]:
    """The rows of the chart's data set that has `field`."""
    sets: dict[str, list[dict[str, object]]] = page_spec(chart)["datasets"]
    return next(rows for rows in sets.values() if rows and field in rows[0])


def test_every_chart_keeps_to_the_schema_and_survives_json(chart: Chart) -> None:
    spec = chart.to_dict(validate=True)
    assert alt.Chart.from_json(json.dumps(spec)).to_dict() == spec


def test_every_chart_is_drawn_as_png_and_svg(chart: Chart) -> None:
    assert png(chart, scale=1.0).startswith(b"\x89PNG")
    assert svg(chart).startswith("<svg")


def test_an_svg_has_the_paper_that_is_asked_for() -> None:
    chart = interval_chart(ROWS, title="RMSE")
    assert 'fill="linen"' in svg(chart, background="linen")
    assert 'fill="linen"' not in svg(chart)


def test_a_page_specification_fills_its_container_and_names_no_address(chart: Chart) -> None:
    spec = page_spec(chart)
    assert spec["width"] == "container"
    assert "://" not in json.dumps(spec)


def test_rows_without_a_figure_are_left_out_and_infinite_intervals_become_points() -> None:
    (only,) = _data(CHARTS["not finite"], "shape")
    assert (only["name"], only["low"], only["high"]) == ("als", 0.9, 0.9)


def test_hollow_rows_differ_in_shape_and_not_only_in_color() -> None:
    model, baseline = _data(CHARTS["intervals"], "shape")
    assert (model["shape"], baseline["shape"]) == ("circle", "diamond")
    assert (model["fill"], baseline["fill"]) == (LIGHT.accent, LIGHT.paper)


def test_rows_stand_in_the_order_given() -> None:
    backwards = interval_chart(ROWS[::-1], title="RMSE")
    orders = [layer["encoding"]["y"]["sort"] for layer in backwards.to_dict()["layer"]]
    assert orders == [["bias", "als"]] * 3


def test_a_difference_chart_always_shows_zero() -> None:
    layer = CHARTS["differences"].to_dict()["layer"][0]
    assert layer["encoding"]["x"]["scale"]["domain"] == [-0.034, 0.0]


def test_a_fold_chart_has_a_stroke_for_each_finite_fold() -> None:
    chart = fold_chart([Row("als", 0.9, 0.9, 0.9, "", folds=(0.8, math.nan, 1.0))], title="RMSE")
    assert [row["fold"] for row in _data(chart, "fold")] == [1, 3]


def test_small_multiples_share_the_axis_they_are_given() -> None:
    assert CHARTS["dots"].to_dict()["layer"][0]["encoding"]["x"]["scale"]["domain"] == [0.9, 1.0]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([2.0, 1.0, math.nan, math.inf], (1.0, 2.0)),
        ([2.0, 2.0], (1.9, 2.1)),
        ([0.0], (-0.5, 0.5)),
        ([], (0.0, 1.0)),
    ],
)
def test_span_covers_finite_values_and_is_never_a_point(
    values: list[float], wanted: tuple[float, float]
) -> None:
    assert span(values) == pytest.approx(wanted)


def test_the_bundle_cannot_end_its_script_element() -> None:
    bundle = javascript_bundle().casefold()
    assert "vegaembed" in bundle
    assert "</script" not in bundle
    assert "<!--" not in bundle


@pytest.mark.parametrize("missing", ["altair", "vl_convert"])
def test_without_the_extra_the_error_names_the_command_that_installs_it(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from tastemap.errors import MissingExtraError\n"
        "try:\n    import tastemap.reports\n"
        "except MissingExtraError as error:\n    print(error)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert missing in found.stdout
    assert "pip install 'tastemap[explore]'" in found.stdout
