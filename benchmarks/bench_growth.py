"""How seconds of an epoch and peak memory grow with ratings, users, items and d, and the exponents.

Made-up ratings in the proportions of ml-25m, users and items growing with the rows; reading the file is part of
the peak memory. An exponent of 1 is growth in proportion. Then, for ``ials`` and so many million rows, one of
users, items and d grows alone. Seconds are the least of the epochs after the first, and of several rounds in
which all sizes take turns: others use the machine too, for minutes at a time, and nothing makes an epoch quick.

Run: python benchmarks/bench_growth.py [--millions 1 3 10 30 100] [--axes-at 10] [--models ials] [--rounds 1]
100 million ratings need some 10 GB of memory and 1 GB of disk.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from _run import keep, machine, options, our_versions, processor_times, run_ours, stolen_since

from tastemap.data.generate import SHAPES, Blueprint, write_generated

SETTINGS: dict[str, dict[str, object]] = {"ials": {"n_factors": 64}, "als": {"n_factors": 32}}
N_EPOCHS = 4
"""The first is left out: it touches memory for the first time."""
FIT_EPOCHS = 5
"""Of a whole fit: reading and so many epochs."""

AXIS_MODEL = "ials"
WIDTHS = (16, 32, 64, 128)
SHARES = (0.25, 1.0, 4.0)
"""Of the users, or items, that the proportions of ml-25m give."""


def blueprint(millions: float) -> Blueprint:
    """So many million ratings in the proportions of ml-25m."""
    whole = SHAPES["ml-25m"]
    share = millions * 1_000_000 / whole.n_rows
    return Blueprint(round(millions * 1_000_000), round(whole.n_users * share), round(whole.n_items * share))


def exponent(points: list[dict[str, Any]], figure: str, of: str = "n_rows") -> float | None:
    """The slope of a straight line through the points, both axes logarithmic."""
    if len(points) < 2:
        return None
    sizes, values = (np.log([one[name] for one in points]) for name in (of, figure))
    return round(float(np.polyfit(sizes, values, 1)[0]), 2)


def measure(model: str, shape: Blueprint, settings: Mapping[str, object], path: Path) -> dict[str, Any]:
    """Some epochs of one model, in a process of its own, on a file of that shape."""
    spec = {"source": str(path), "model": model, "settings": settings, "n_epochs": N_EPOCHS, "seed": 0}
    before = processor_times()
    answer = run_ours(spec | {"keep": "nothing"})
    epoch_s = min(answer["iteration_s"][1:])
    return {
        "n_rows": shape.n_rows,
        "n_users": shape.n_users,
        "n_items": shape.n_items,
        "n_factors": settings["n_factors"],
        "epoch_s": round(epoch_s, 3),
        "millions_a_second": round(shape.n_rows / epoch_s / 1e6, 2),
        "load_s": answer["load_s"],
        "fit_s": round(answer["load_s"] + FIT_EPOCHS * epoch_s, 3),
        "peak_gb": round(answer["peak_mb"] / 1024, 3),
        "stolen": stolen_since(before),
    }


def along_axes(millions: float) -> Iterator[tuple[str, dict[str, Any]]]:
    """What grows alone, and a point of it."""
    usual = blueprint(millions)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ratings.parquet"
        write_generated(path, usual, rng=0)
        for width in WIDTHS:
            yield "n_factors", measure(AXIS_MODEL, usual, {"n_factors": width}, path)
        for axis in ("n_users", "n_items"):
            for share in SHARES:
                shape = replace(usual, **{axis: round(getattr(usual, axis) * share)})
                write_generated(path, shape, rng=0)
                yield axis, measure(AXIS_MODEL, shape, SETTINGS[AXIS_MODEL], path)


def quicker(points: list[dict[str, Any]], point: dict[str, Any], of: str) -> list[dict[str, Any]]:
    """The points with another one, or with the quicker one of two of the same size."""
    others = [one for one in points if one[of] != point[of]]
    least = min([point, *(one for one in points if one[of] == point[of])], key=lambda one: one["epoch_s"])
    return sorted([*others, least], key=lambda one: one[of])


def add(entry: dict[str, Any], point: dict[str, Any], of: str) -> None:
    """Add a point to those of a model or an axis, and reckon the exponents anew."""
    entry["points"] = quicker(entry.get("points", []), point, of)
    for figure in ("epoch_s", "fit_s", "peak_gb"):
        entry[f"exponent_of_{figure}"] = exponent(entry["points"], figure, of)


def main() -> None:
    """Measure every size with every model, then the axes; the record is kept after each."""
    parser = options(__doc__, "growth.json")
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 3, 10, 30, 100])
    parser.add_argument("--models", nargs="+", choices=sorted(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--axes-at", type=float, default=10, help="million rows; 0 leaves the axes out")
    given = parser.parse_args()
    record: dict[str, Any] = {"n_epochs": N_EPOCHS, "rounds": given.rounds, "settings": SETTINGS}
    record |= {"machine": machine(), "versions": our_versions(), "models": {}, "axes": {}}
    for millions in given.millions * given.rounds:
        with tempfile.TemporaryDirectory() as folder:
            path, shape = Path(folder) / "ratings.parquet", blueprint(millions)
            write_generated(path, shape, rng=0)
            for model in given.models:
                point = measure(model, shape, SETTINGS[model], path)
                add(record["models"].setdefault(model, {}), point, "n_rows")
                print(model, point, flush=True)
                keep(given.out, record)
    for axis, point in chain.from_iterable(
        along_axes(given.axes_at) for _ in range(given.rounds if given.axes_at else 0)
    ):
        add(record["axes"].setdefault(axis, {}), point, axis)
        print(axis, point, flush=True)
        keep(given.out, record)


if __name__ == "__main__":
    main()
