"""What a page shows of models, part by part: here how they were fitted and what they predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl

from tastemap.charts import Chart, Palette, curves_chart, predictions_chart
from tastemap.data import Dataset
from tastemap.inspection import predicted_against_actual, prediction_grid, training_curves
from tastemap.models.recommender import Recommender
from tastemap.reports.markup import Markup, tag
from tastemap.reports.page import table_block
from tastemap.reports.pictures import Picture
from tastemap.reports.wording import listed, number

Models = Mapping[str, Recommender]
N_LISTED = 10
_PHASES = "Search: fitted to a part of the rows; final: to all."
_MARKED = " The dashed line marks the epoch that was chosen."


@dataclass(frozen=True)
class Block:
    """Something under a heading of its own: a picture, a table, or a sentence on why there is none."""

    title: str
    pictures: Sequence[Picture] = ()
    tables: Sequence[Markup] = ()
    sentences: Sequence[str] = ()


@dataclass(frozen=True)
class Part:
    """A part of the page."""

    name: str
    title: str
    lede: str
    blocks: Sequence[Block]


def training_part(models: Models) -> Part:
    """Losses and learning rates."""
    kinds = {"figure": None, "component": "loss", "rate": "learning rate"}

    def of(label: str, recommender: Recommender) -> Block:
        curves = training_curves(recommender)
        if not len(curves):
            return Block(label, sentences=[f"{label} is fitted in one step, so there are no curves."])
        pictures = []
        for kind, title in kinds.items():
            rows = curves.filter(pl.col("kind") == kind)
            names = rows["name"].unique(maintain_order=True).to_list()
            if len(names):
                said = listed([_spelled(name) for name in names])
                ends = "; ".join(_ends(rows, name) for name in names)
                chosen = _chosen(rows)
                caption = f"{said[0].upper()}{said[1:]} by epoch. {_PHASES}{_MARKED if chosen else ''}"
                figure = names[-1].removeprefix("validation_").partition("_of_")[0]  # not the baseline's
                draw = partial(_draw_curves, rows, title or _spelled(figure), chosen)
                pictures.append(Picture(f"{label}-{kind}", caption, f"{label}: {ends}.", draw))
        return Block(label, pictures)

    lede = (
        "How the figures moved from epoch to epoch. A gap that opens between training and validation is what "
    )
    lede += "the model has learned by heart."
    return Part("training", "While it was fitted", lede, [of(*pair) for pair in models.items()])


def predictions_part(models: Models, data: Dataset | None) -> Part:
    """Predicted against actual ratings."""
    lede = "The cells of a perfect model would lie on the dashed line. Dots are mean predictions: they are "
    lede += "flatter than the line, since a careful prediction of an uncertain rating lies near the mean."
    return Part(
        "predictions", "Predicted and given", lede, [_predictions(*pair, data) for pair in models.items()]
    )


def _predictions(label: str, recommender: Recommender, data: Dataset | None) -> Block:
    if recommender.objective == "ranking":
        return Block(label, sentences=[f"{label} ranks; it predicts no ratings."])
    if data is None and (recommender.validation is None or not len(recommender.validation)):
        return Block(label, sentences=[f"{label} came with no validation rows; give data to predict."])
    rows = predicted_against_actual(recommender, data)
    grid = prediction_grid(rows)
    rmse = float(np.sqrt((rows["error"].to_numpy() ** 2).mean()))
    source = "the validation rows that were saved" if data is None else data.name
    said = f"{len(rows):,} ratings of {source}; RMSE {number(rmse)}."
    picture = Picture(
        f"{label}-predictions", f"{said} Stronger blue: more of the rows with this rating.", f"{label}: {said}",
        lambda palette: predictions_chart(rows, grid, palette=palette),
    )  # fmt: skip
    n_unsure = int((rows["known"] != "both").sum())
    notes = []
    if n_unsure:
        notes.append(
            f"Of {n_unsure / len(rows):.1%} of these rows {label} does not know the user, the item or both: "
            "their predictions are the mean and what the known side adds."
        )
    shown = rows[:: max(1, len(rows) // N_LISTED)].head(N_LISTED)
    cells = [
        [
            cell(row["title"]),
            cell(row["user_id"]),
            cell(f"{row['rating']:g}"),
            cell(number(row["prediction"], 2)),
        ]
        for row in shown.iter_rows(named=True)
    ]
    table = table_block("Some of them", ["Item", "User", "Given", "Predicted"], cells, f"{label}: predictions")
    return Block(label, [picture], [table], notes)


def _draw_curves(rows: pl.DataFrame, title: str, chosen: int | None, palette: Palette) -> Chart:
    return curves_chart(rows, title=title, chosen=chosen, palette=palette)


def _chosen(rows: pl.DataFrame) -> int | None:
    """The last epoch of the final fit, where a search has chosen it."""
    epochs = rows.filter(pl.col("phase") == "final")["epoch"].to_list()
    return max(epochs) if epochs and rows["phase"].n_unique() == 2 else None


def _ends(rows: pl.DataFrame, name: str) -> str:
    values = rows.filter(pl.col("name") == name)["value"]
    return f"{_spelled(name)} from {values[0]:.4g} to {values[-1]:.4g}"


def _spelled(name: str) -> str:
    return name.replace("_", " ").replace("rmse", "RMSE").replace("ndcg", "NDCG")


def cell(text: object) -> Markup:
    """A plain cell of a table."""
    return tag("td", str(text))
