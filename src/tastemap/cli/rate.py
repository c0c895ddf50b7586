"""``tastemap rate``: questions at the terminal, then a list with reasons."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tastemap.cli import newcomer, options
from tastemap.cli.dialog import Dialog
from tastemap.cli.output import next_step, print_cells, print_json, records, say
from tastemap.errors import DataError, TastemapError
from tastemap.plurals import plural

if TYPE_CHECKING:
    from tastemap.data import Id
    from tastemap.models.recommender import Recommender

NAME = "rate"
EXAMPLE = "tastemap rate my-model --save my-ratings.csv"
REASONS = 2


def command(
    folder: options.Folder,
    questions: Annotated[int, typer.Option(min=1, metavar="N", help="Items asked about at most.")] = 10,
    history: newcomer.History = None,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the ratings, for --history: .csv, .tsv, .parquet or .jsonl."),
    ] = None,
    k: options.K = 10,
    as_json: options.Json = False,
) -> None:
    """Rate a few items and get a list with reasons.

    Answer with a rating, Enter for an item you do not know, /words to search for an item, u to undo, q to end.
    """
    if save is not None:
        _check_place(save)
    recommender = options.load_model(folder)
    rated = newcomer.ratings_of(recommender, None, history) if history is not None else {}
    dialog = Dialog(recommender, rated)
    dialog.ask(questions)
    ratings = dialog.ratings
    if not ratings:
        raise TastemapError("Nothing was rated, so there is no list; rate at least one item.")
    failure = _save(recommender, ratings, save) if save is not None else None
    document = _document(recommender, ratings, k)
    kept = ["--history", save] if save is not None and failure is None else _as_options(ratings)
    if as_json and failure is None:
        print_json(document)
    elif not as_json:
        _show(recommender, document)
    if failure is not None or not as_json:
        next_step("recommend", folder, *kept, "-k", k)
    if failure is not None:
        raise DataError(f"--save: {failure.message}", **document) from failure


def _check_place(path: Path) -> None:
    """Refuse a place that cannot be written before anybody has answered a question."""
    from tastemap.data.writing import OUT_ENDINGS

    if path.suffix.lower() not in OUT_ENDINGS:
        raise options.UsageError(f"--save must end in {', '.join(OUT_ENDINGS)}. Got {path.name!r}.")
    if path.is_dir():
        raise options.UsageError(f"--save must name a file. {path} is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise options.UsageError(
            f"--save must lie in a folder that exists. Got {path}; make {path.parent} or name another."
        )
    if not os.access(path.parent, os.W_OK):
        raise options.UsageError(
            f"--save must lie in a folder that can be written to. Got {path}; name another place."
        )


def _save(recommender: Recommender, ratings: dict[Id, float], path: Path) -> DataError | None:
    """Write the ratings; what went wrong is returned, so that the list can be shown before it is said."""
    import polars as pl

    from tastemap.data import write_table

    ids = recommender.items.take(recommender.items.indices(list(ratings)))
    try:
        write_table(pl.DataFrame([ids, pl.Series("rating", list(ratings.values()))]), path)
    except DataError as error:
        return error
    say(f"Wrote {plural(len(ratings), 'rating')} to {path}.")
    return None


def _document(recommender: Recommender, ratings: dict[Id, float], k: int) -> dict[str, Any]:
    """The list with its reasons, as ``--json`` prints it."""
    from tastemap.inference import explain_for_history, recommend_for_history

    found = recommend_for_history(recommender, ratings, k=k)
    rows = records(found.frame)
    for row in rows:
        reasons = explain_for_history(recommender, ratings, row["item_id"]).reasons
        row["reasons"] = records(reasons.filter(reasons["contribution"] > 0.0).head(REASONS))
    rated = [{"item_id": id, "rating": rating} for id, rating in ratings.items()]
    return {"k": k, "ratings": rated, "notes": list(found.notes), "items": rows}


def _show(recommender: Recommender, document: dict[str, Any]) -> None:
    for note in document["notes"]:
        say(note)
    figure = "prediction" if recommender.objective == "rating" else "score"
    cells = [
        [str(row["rank"]), row["title"] or str(row["item_id"]), f"{row[figure]:.2f}", _because(row["reasons"])]
        for row in document["items"]
    ]
    title = f"Your list, by {recommender.name}, from {plural(len(document['ratings']), 'rating')}"
    print_cells(["rank", "title", figure, "because of"], cells, right={"rank", figure}, title=title)


def _because(reasons: list[dict[str, Any]]) -> str:
    return "; ".join(reason["title"] or str(reason["item_id"]) for reason in reasons)


def _as_options(ratings: dict[Id, float]) -> list[str]:
    return [word for id, rating in ratings.items() for word in ("--rated", f"{id}={rating:g}")]
