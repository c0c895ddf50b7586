"""``gibbs`` beside myFM on the five official folds of ml-100k: RMSE, seconds and intervals.

Three forms: ``plain`` knows ids alone; ``histories`` which items a user has rated and who has rated an item
as well; ``features`` also age, sex, occupation, year and genres. The clock runs from the data in memory to
the predictions of all test rows, on two threads; ours includes decomposing the features, myFM's matrices are
made before. Every round times each fit once, ours and theirs by turns; ours in this process, compiled before.
All predictions are clipped to the scale. Ours are saved and loaded outside the clock, and the loaded model is
scored.

``short`` are so few sweeps that ours is as good as 200 of myFM. Their number was chosen where a fifth of the
training parts of folds 1 and 3 was held out, and was then raised once, from 60 to 80, after one look at a test
fold (60 gave 0.8790 on u3). So it is not wholly independent of the test folds.

Intervals are of 95 %, from ``calibration_parts``: held in five equal bins of the users by training ratings,
and their width beside that of an interval of constant width, from as many parts (CV+): as it is, cut at the
scale, and moved to whole stars as well.

Run: make peers && python benchmarks/bench_gibbs.py [--quick] [--rounds 3]
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from _run import keep, machine, options, our_versions, peer_versions, run_peer
from _saved import from_saved

from tastemap.data import Dataset, load
from tastemap.inference import predict
from tastemap.inference.intervals import spread_of_pairs
from tastemap.inference.predict import score_pairs
from tastemap.linalg.types import Int32Array
from tastemap.metrics.rating import rmse
from tastemap.models.gibbs_held_out import parts, without
from tastemap.models.recommender import Recommender
from tastemap.models.side_features import column_matrix
from tastemap.training import fit
from tastemap.training.registry import get, make_config

LOW, HIGH = 1.0, 5.0
LEVEL = 0.95
PARTS = 4
BINS = 5
FEATURES: dict[str, tuple[str, ...]] = {
    "user_features": ("age", "sex", "occupation"),
    "item_features": ("year", "genres"),
}
OURS: dict[str, dict[str, object]] = {
    "plain": {"implicit_history": False},
    "histories": {},
    "histories, short": {"n_epochs": 80},
    "features": dict(FEATURES),
}
THEIRS = {
    "plain": {"form": "plain", "n_iter": 400},
    "histories": {"form": "histories", "n_iter": 200},
    "features": {"form": "features", "n_iter": 200},
}
RANK = 10
"""Of myFM, as its own examples for this data have it."""


def known_rows(train: Dataset, test: Dataset) -> tuple[Int32Array, Int32Array]:
    """Indices of the test rows' users and items in the training part, -1 where it has none."""
    rows, learned = test.interactions, train.interactions
    users = learned.users.indices(rows.users.ids)[rows.user_index]
    return users.astype(np.int32), learned.items.indices(rows.items.ids)[rows.item_index].astype(np.int32)


def ours(train: Dataset, test: Dataset, settings: dict[str, object]) -> tuple[float, float]:
    """Seconds of one fit with its predictions, and the RMSE of what is loaded once it was saved."""
    users, items = known_rows(train, test)
    config = make_config("gibbs", settings)
    start = time.perf_counter()
    *_, last = get("gibbs").epochs(train, config, rng=np.random.default_rng(0))  # type: ignore[misc]
    last.model.link.apply(score_pairs(last.model, users, items))
    seconds = time.perf_counter() - start
    fitted = Recommender(last.model, "gibbs", "rating", config, config, 0, train, losses=pl.DataFrame())
    model = from_saved(fitted).model
    predicted = model.link.apply(score_pairs(model, users, items))
    return seconds, float(rmse(test.interactions.values, predicted))


def write_fold(folder: Path, train: Dataset, test: Dataset) -> None:
    """The arrays that myFM's script reads."""
    rows, (users, items) = train.interactions, known_rows(train, test)
    arrays = {
        "train_users": rows.user_index,
        "train_items": rows.item_index,
        "train_values": rows.values,
        "test_users": users,
        "test_items": items,
        "user_columns": column_matrix(train.user_feature_columns(FEATURES["user_features"])) > 0,
        "item_columns": column_matrix(train.item_features(FEATURES["item_features"])) > 0,
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


def theirs(python: Path, folder: Path, test: Dataset, spec: dict[str, object]) -> tuple[float, float]:
    """The same of myFM, in a process of its own."""
    answer = run_peer(python, "myfm_folds", {"folder": str(folder), "rank": RANK, "seed": 0, **spec})
    predicted = np.clip(np.load(folder / "predictions.npy"), LOW, HIGH)
    return answer["fit_s"], float(rmse(test.interactions.values, predicted))


def intervals(train: Dataset, test: Dataset) -> dict[str, Any]:
    """Coverage and width of one fold; rows of unknown users or items have no interval and are left out."""
    users, items = known_rows(train, test)
    known = (users >= 0) & (items >= 0)
    users, items, ratings = users[known], items[known], test.interactions.values[known]
    start = time.perf_counter()
    recommender = fit(train, "gibbs", settings={"calibration_parts": PARTS}, rng=0)
    seconds = time.perf_counter() - start
    recommender = from_saved(recommender)
    ids = train.interactions.users.ids.gather(users), train.interactions.items.ids.gather(items)
    found = predict(recommender, *ids, level=LEVEL)
    lower, upper, predicted = (found[name].to_numpy() for name in ("lower", "upper", "prediction"))
    spread = spread_of_pairs(recommender, users, items, predicted)
    assert spread is not None, "gibbs knows how sure it is"
    any_low, any_high = replace(spread, ratings=spread.ratings[:0]).interval(LEVEL)
    reach = constant_reach(train)
    low, high = np.clip(predicted - reach, LOW, HIGH), np.clip(predicted + reach, LOW, HIGH)
    star_low, star_high = np.minimum(np.ceil(low), predicted), np.maximum(np.floor(high), predicted)
    inside = (lower <= ratings + 1e-6) & (ratings <= upper + 1e-6)
    activity = train.interactions.by_user.row_lengths
    width, before = float(np.mean(upper - lower)), float(np.mean(any_high - any_low))
    return {
        "fit_s": round(seconds, 2),
        "held": round(float(inside.mean()), 4),
        "held_in_bins": [round(share, 4) for share in shares_in_bins(inside, users, activity)],
        "held_by_constant": round(float(np.mean(np.abs(predicted - ratings) <= reach)), 4),
        "held_by_constant_in_bins": [
            round(share, 4) for share in shares_in_bins(np.abs(predicted - ratings) <= reach, users, activity)
        ],
        "width": round(width, 4),
        "width_between_ratings": round(before, 4),
        "share_of_constant": round(width / (2.0 * reach), 4),
        "share_of_constant_cut": round(width / float(np.mean(high - low)), 4),
        "share_of_constant_cut_to_stars": round(width / float(np.mean(star_high - star_low)), 4),
        "share_between_ratings_of_constant": round(before / (2.0 * reach), 4),
        "share_between_ratings_of_constant_cut": round(before / float(np.mean(high - low)), 4),
    }


def constant_reach(train: Dataset) -> float:
    """What 95 % of the errors of training rows stay within, each predicted by a fit without its part."""
    rows, errors = train.interactions, []
    for held in parts(len(rows), PARTS, np.random.default_rng(0)):
        model = from_saved(fit(without(train, held), "gibbs", rng=0)).model
        predicted = model.link.apply(score_pairs(model, rows.user_index[held], rows.item_index[held]))
        errors.append(np.abs(predicted - rows.values[held]))
    return float(np.quantile(np.concatenate(errors), LEVEL))


def shares_in_bins(inside: Any, users: Int32Array, activity: Any) -> list[float]:
    """The share of rows inside for each of five equally large bins of the test users, from rare to busy."""
    asked = np.unique(users)
    ordered = asked[np.argsort(activity[asked], kind="stable")]
    number = np.empty(len(activity), np.int64)
    number[ordered] = np.arange(len(ordered)) * BINS // len(ordered)
    return [float(inside[number[users] == one].mean()) for one in range(BINS)]


def add(figures: dict[str, Any], name: str, fold: str, seconds: float, error: float) -> None:
    """One more timing of a fit whose error is the same each time."""
    row = figures.setdefault(name, {"rmse": {}, "fit_s": {}})
    row["rmse"][fold] = round(error, 4)
    row["fit_s"].setdefault(fold, []).append(round(seconds, 2))


def summed(row: dict[str, Any]) -> dict[str, Any]:
    """Means over the folds: of the RMSE, of the smallest and of the median time of a fold."""
    times = row["fit_s"].values()
    return {
        **row,
        "mean_rmse": round(statistics.mean(row["rmse"].values()), 4),
        "min_s": round(statistics.mean(min(own) for own in times), 2),
        "median_s": round(statistics.mean(statistics.median(own) for own in times), 2),
    }


def printed(record: dict[str, Any], folds: Iterable[str]) -> str:
    """Markdown tables, as docs/models/gibbs.md has them."""
    folds = list(folds)
    lines = ["| | " + " | ".join(folds) + " | mean | s a fold |", "|---|" + "---|" * (len(folds) + 2)]
    for name, row in record["fits"].items():
        cells = [f"{row['rmse'][fold]:.4f}" for fold in folds]
        lines.append(f"| {name} | {' | '.join(cells)} | {row['mean_rmse']:.4f} | {row['min_s']:g} |")
    rows = record["intervals"]
    if rows:
        lines += ["", "| intervals | held | in bins of users | width | of constant | cut | cut, to stars |"]
        lines += ["|---|" + "---|" * 6]
    for fold, one in rows.items():
        bins = " ".join(f"{100 * share:.1f}" for share in one["held_in_bins"])
        shares = [one[f"share_of_constant{kind}"] for kind in ("", "_cut", "_cut_to_stars")]
        cells = [f"{100 * one['held']:.1f} %", bins, *(f"{x:.3f}" for x in (one["width"], *shares))]
        lines.append(f"| {fold} | {' | '.join(cells)} |")
    return "\n".join(lines)


def mean_of_bins(rows: Iterable[dict[str, Any]]) -> list[float]:
    """Coverage in each bin, averaged over the folds."""
    columns = zip(*(one["held_in_bins"] for one in rows), strict=True)
    return [round(statistics.mean(own), 4) for own in columns]


def main() -> None:
    """Measure fold by fold; the record is kept after each."""
    parser = options(__doc__, "gibbs.json")
    parser.add_argument("--quick", action="store_true", help="folds 1 and 3 alone")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ours-only", action="store_true", help="no peer: for figures of quality alone")
    parser.add_argument("--without-intervals", action="store_true")
    given = parser.parse_args()
    os.environ.setdefault("TASTEMAP_THREADS", "2")
    folds = ["u1", "u3"] if given.quick else [f"u{number}" for number in range(1, 6)]
    record: dict[str, Any] = {
        "machine": machine(),
        "versions": our_versions(),
        "peer_versions": {} if given.ours_only else peer_versions(given.peers_python, "myfm", "numpy"),
        "rounds": given.rounds,
        "ours": json.loads(json.dumps(OURS)),
        "myfm": {"rank": RANK, **THEIRS},
        "fits": {},
        "intervals": {},
    }
    figures: dict[str, Any] = {}
    first = load("ml-100k:u1.train"), load("ml-100k:u1.test")
    ours(*first, {**FEATURES, "n_epochs": 3, "burn_in": 1})  # compiles
    for fold in folds:
        train, test = load(f"ml-100k:{fold}.train"), load(f"ml-100k:{fold}.test")
        with tempfile.TemporaryDirectory() as name:
            write_fold(Path(name), train, test)
            for _ in range(given.rounds):
                for label, settings in OURS.items():
                    add(figures, label, fold, *ours(train, test, settings))
                    if label in THEIRS and not given.ours_only:
                        found = theirs(given.peers_python, Path(name), test, THEIRS[label])
                        add(figures, f"myFM, {label}", fold, *found)
        if not given.without_intervals:
            record["intervals"][fold] = intervals(train, test)
        record["fits"] = {name: summed(row) for name, row in figures.items()}
        done = list(figures["plain"]["rmse"])
        keep(given.out, record)
        print(fold, flush=True)
    if record["intervals"]:
        record["held_in_bins"] = mean_of_bins(record["intervals"].values())
    if not given.ours_only:
        slow, quick = record["fits"]["myFM, histories"], record["fits"]["histories, short"]
        record["times_faster_than_myfm"] = round(slow["median_s"] / quick["median_s"], 2)
        print("myFM's time over that of the short fit:", record["times_faster_than_myfm"])
    keep(given.out, record)
    print(printed(record, done))
    print("bins, mean of folds:", record.get("held_in_bins"))


if __name__ == "__main__":
    main()
