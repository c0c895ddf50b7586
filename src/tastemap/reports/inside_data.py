"""The parts of an inspection that are about data: who rated what, and what weight decay does to a fit."""

from __future__ import annotations

import numpy as np
import polars as pl

from tastemap.charts import decay_chart, histogram_chart, parabolas_chart
from tastemap.data import Dataset
from tastemap.inspection import (
    best_rated,
    genre_counts,
    histogram,
    item_statistics,
    most_rated,
    user_statistics,
    weight_decay_runs,
)
from tastemap.inspection.histograms import group_column
from tastemap.progress import Progress
from tastemap.reports.inside import Block, Part
from tastemap.reports.markup import Markup, tag
from tastemap.reports.page import table_block
from tastemap.reports.pictures import Picture
from tastemap.reports.wording import number
from tastemap.rng import Rng

_DECAY_FIGURES = (
    ("training", "train_rmse", "On the rows that were fitted, no decay is best."),
    ("validation", "validation_rmse", "On held-out rows some decay is better, and too much is worse again."),
    ("norms", "item_norm", "The mean length of item vectors: decay keeps them short."),
)


def data_part(data: Dataset) -> Part:
    """Histograms of users and items, and the items at the top."""
    users, items = user_statistics(data), item_statistics(data)
    genres = "genres" if items["genres"].null_count() < len(items) else None
    blocks = [
        Block("Users", [_histograms("user", users, "n_ratings", group_column(users))]),
        Block("Items", [_histograms("item", items, "popularity", genres)]),
    ]
    tables = [_items("The most rated items", most_rated(data))]
    if not data.interactions.is_implicit:
        tables.append(_items("The best rated items, of those with more than 20 ratings", best_rated(data)))
    counts = genre_counts(data)
    if len(counts):
        cells = [[tag("th", genre, scope="row"), tag("td", f"{n:,}")] for genre, n in counts.rows()]
        table = table_block("Items of each genre, in the whole catalog", ["Genre", "Items"], cells, "Genres")
        tables.append(tag("details", tag("summary", "Items of each genre"), table))
    lede = (
        f"{data.name}: {data.interactions.summary}. Gray bars are shares of all; choose a group to see how it "
    )
    lede += "differs."
    return Part("data", "The data", lede, [*blocks, Block("At the top", tables=tables)])


def _histograms(what: str, statistics: pl.DataFrame, counted: str, by: str | None) -> Picture:
    figures = {f"interactions of one {what}": histogram(statistics, counted, by=by)}
    if statistics["mean_rating"].null_count() < len(statistics):
        figures[f"mean rating of one {what}"] = histogram(statistics, "mean_rating", by=by)
    group = "genre" if by == "genres" else by or "group"
    median = float(np.median(statistics[counted].to_numpy()))
    choose = f" Choose by {group}, from the list or by a click on a bar." if by else ""
    return Picture(
        f"{what}s",
        f"Shares of {len(statistics):,} {what}s.{choose}",
        f"Histograms of {what}s; half of the {len(statistics)} {what}s have {median:g} interactions or more.",
        lambda palette: histogram_chart(figures, by=group, palette=palette),
        controls=True,
    )


def _items(caption: str, frame: pl.DataFrame) -> Markup:
    rows = [
        [
            tag("th", row["title"], scope="row"),
            tag("td", ", ".join(row["genres"] or []), class_="text"),
            tag("td", f"{row['popularity']:,}"),
            tag("td", number(row["mean_rating"], 2) if row["mean_rating"] is not None else "–"),
        ]
        for row in frame.iter_rows(named=True)
    ]
    head = ["Item", tag("th", "Genres", scope="col", class_="text"), "Interactions", "Mean rating"]
    return table_block(caption, head, rows, caption)


def decay_part(data: Dataset, rng: Rng, progress: Progress) -> Part:
    """Parabolas, and runs of ``dot`` with several decays."""
    progress.note("Fitting dot with several weight decays …")
    runs = weight_decay_runs(data, rng=rng, progress=progress)
    last = runs.group_by("weight_decay", maintain_order=True).last()
    said = "; ".join(
        f"decay {decay:g}: train {train:.3f}, validation {validation:.3f}"
        for decay, train, validation in last.select("weight_decay", "train_rmse", "validation_rmse").rows()
    )
    pictures = [
        Picture(
            f"decay-{name}",
            caption,
            f"Runs of dot by weight decay, at the end: {said}.",
            lambda palette, figure=figure: decay_chart(runs, figure=figure, palette=palette),  # type: ignore[misc]
        )
        for name, figure, caption in _DECAY_FIGURES
    ]
    parabolas = Picture(
        "parabolas",
        "a x² for rising a: the larger the coefficient, the sharper the valley.",
        "Parabolas of rising steepness; a small step in x changes the steep ones most.",
        lambda palette: parabolas_chart(palette=palette),
    )
    rows = [[tag("td", f"{value:.4g}") for value in row] for row in last.drop("epoch").rows()]
    head = ["Weight decay", "RMSE, train", "RMSE, validation", "Mean length"]
    table = table_block("After the last epoch", head, rows, "Weight decay")
    lede = (
        "A model with large weights can follow every row it was fitted to. Weight decay shrinks all weights a "
    )
    lede += "little at each step, so that only what many rows agree on stays large."
    blocks = [
        Block("Why large weights overfit", [parabolas]),
        Block("The same model, four decays", pictures, [table]),
    ]
    return Part("decay", "Weight decay", lede, blocks)
