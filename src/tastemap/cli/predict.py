"""``tastemap predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tastemap.cli import options
from tastemap.cli.output import next_step, print_json, say
from tastemap.plurals import plural

NAME = "predict"
EXAMPLE = "tastemap predict my-model pairs.csv --out predictions.csv"


def command(
    folder: options.Folder,
    pairs: Annotated[Path, typer.Argument(metavar="PAIRS", help="Table with columns of users and items.")],
    out: Annotated[
        str,
        typer.Option(
            metavar="FILE_OR_URL", help="Where to write: .csv, .parquet or .jsonl, or with --table a database."
        ),
    ],
    table: options.Table = None,
    user_col: options.UserCol = None,
    item_col: options.ItemCol = None,
    level: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Share of ratings between `lower` and `upper`, if the model has them; default: 0.95.",
        ),
    ] = None,
    at_least: Annotated[
        float | None,
        typer.Option(
            metavar="R", help="Add the chance of a rating of at least R, within the scale, if the model can."
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Predict the rating of each (user, item) row of a table.

    Rows stay in their order, with their other columns. Every row is answered: an unknown or empty id
    contributes zero, and the column `known` says which sides (both, user, item, none) the model knows.
    Models that know how sure they are (gibbs) add an interval: `lower` and `upper`.
    """
    from tastemap.data import read_pairs
    from tastemap.inference import predict_table

    options.check_out(out, table)
    recommender = options.load_model(folder)
    asked = read_pairs(pairs, user_col=user_col, item_col=item_col)
    frame = predict_table(recommender, asked, level=level, at_least=at_least)
    options.write_out(frame, out, table)
    known = dict(frame["known"].value_counts().iter_rows())
    n_empty = int((asked["user_id"].is_null() | asked["item_id"].is_null()).sum())
    if as_json:
        print_json(
            {**options.place_of(out, table), "n_rows": len(frame), "known": known, "n_empty_ids": n_empty}
        )
        return
    counted = ", ".join(f"{count:,} {side}" for side, count in sorted(known.items()))
    place = options.place_in_words(out, table)
    say(f"Wrote {plural(len(frame), 'row')} to {place}{f'; known sides: {counted}' if counted else ''}.")
    if n_empty:
        say(f"{plural(n_empty, 'row')} with an empty user or item id: taken as unknown.")
    if recommender.objective == "ranking":
        say(f"{recommender.name} ranks items and predicts no stars: see the column score.")
    both = frame.filter(frame["known"] == "both")
    if len(both):
        next_step("explain", folder, "--user", both["user_id"][0], "--item", both["item_id"][0])
    else:
        next_step("recommend", folder, "--user", recommender.users.to_id(0))
