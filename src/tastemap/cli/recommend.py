"""``tastemap recommend``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tastemap.cli import engine, newcomer, options
from tastemap.cli.output import next_step, print_json, print_table, records, say, to_terminal
from tastemap.plurals import plural

if TYPE_CHECKING:
    from tastemap.inference import Recommendations, Rules
    from tastemap.models.recommender import Recommender

NAME = "recommend"
EXAMPLE = 'tastemap recommend my-model --rated "Star Wars (1977)=5" -k 5'
LISTS_ON_A_TERMINAL = 5
"""Lists of users who were not named one by one that a terminal is shown; a pipe and a file get all."""


@dataclass(frozen=True)
class _Asked:
    """For whom lists are wanted: exactly one of these."""

    users: list[str] | None
    users_file: Path | None
    everybody: bool
    history: Path | None
    rated: list[str] | None

    def check(self) -> None:
        given = [self.users, self.users_file, self.everybody, self.history, self.rated]
        if sum(bool(one) for one in given) != 1:
            raise options.UsageError("Say for whom: exactly one of --user, --for, --all, --history, --rated.")


def command(
    folder: options.Folder,
    user: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="A user of the training data; give it again for more users."),
    ] = None,
    users_file: Annotated[
        Path | None, typer.Option("--for", metavar="FILE", help="Table with a column of users.")
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Every user of the training data.")] = False,
    history: newcomer.History = None,
    rated: newcomer.Rated = None,
    k: options.K = 10,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="FILE_OR_URL",
            help="Write .csv, .tsv, .parquet or .jsonl, or with --table a database, instead of printing.",
        ),
    ] = None,
    table: options.Table = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="TITLE_OR_ID", help="An item that must not appear; give it again for more."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TITLE_OR_ID", help="An item that may appear, and no other; give it again for more."
        ),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(metavar="FILTER", help='Items to choose from: "year >= 2000 and genre = Horror".'),
    ] = None,
    pin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TITLE_OR_ID", help="An item that stands first; give it again for more, in order."
        ),
    ] = None,
    min_support: Annotated[
        int, typer.Option(metavar="N", min=0, help="Leave out items with fewer training interactions.")
    ] = 0,
    diversity: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="From 0, the best items, to 1, the least alike.")
    ] = 0.0,
    on: engine.Name = None,
    master: engine.Master = None,
    conf: engine.Conf = None,
    as_json: options.Json = False,
) -> None:
    """List the best items for users or for a new person.

    Say for whom by exactly one of --user, --for, --all, --history and --rated.
    """
    from tastemap.inference import Rules

    asked = _Asked(user, users_file, everybody, history, rated)
    asked.check()
    others = {"user": user, "for": users_file, "history": history, "rated": rated, "table": table}
    spark = engine.Engine.of(on, master, conf, **others)
    options.check_out(out, table)
    recommender = options.load_model(folder)
    excluded, allowed, pinned = (
        None if names is None else [options.named_item(recommender, name) for name in names]
        for names in (exclude, only, pin)
    )
    rules = Rules(excluded or (), allowed, where, min_support, pinned or (), diversity)
    if spark is not None:
        spark.write_lists(folder, recommender, out, k, rules, as_json=as_json)
        return
    found = _lists(recommender, asked, k, rules)
    if out is not None:
        options.write_out(found.frame if table is None else found.frame.drop("pinned"), out, table)
    if as_json:
        place = {"items": records(found.frame)} if out is None else options.place_of(out, table)
        print_json({"k": k, "n_users": found.n_users, "notes": list(found.notes), **place})
        return
    for note in found.notes:
        say(note)
    if out is not None:
        lists = f"{plural(len(found.frame), 'row')}, lists for {plural(found.n_users, 'user')}"
        say(f"Wrote {lists}, to {options.place_in_words(out, table)}.")
    elif len(found.frame):
        _show(found, all_of_them=user is not None or not to_terminal())
    _suggest(folder, found, asked)


def _lists(recommender: Recommender, asked: _Asked, k: int, rules: Rules) -> Recommendations:
    from tastemap.inference import recommend, recommend_for_history

    if asked.rated or asked.history:
        ratings = newcomer.ratings_of(recommender, asked.rated, asked.history)
        return recommend_for_history(recommender, ratings, k=k, rules=rules)
    if asked.users_file:
        from tastemap.data import read_user_ids

        return recommend(recommender, read_user_ids(asked.users_file), k=k, rules=rules, strict=False)
    return recommend(recommender, asked.users, k=k, rules=rules)


def _show(found: Recommendations, *, all_of_them: bool) -> None:
    frame = found.frame if found.frame["pinned"].any() else found.frame.drop("pinned")
    if not all_of_them and found.n_users > LISTS_ON_A_TERMINAL:
        first = frame["user_id"].unique(maintain_order=True).head(LISTS_ON_A_TERMINAL)
        frame = frame.filter(frame["user_id"].is_in(first.to_list()))
        say(f"The first {LISTS_ON_A_TERMINAL} of {plural(found.n_users, 'list')}; --out lists.csv writes all.")
    print_table(frame, digits={"score": 4, "prediction": 2})


def _suggest(folder: Path, found: Recommendations, asked: _Asked) -> None:
    if found.frame.is_empty():
        return
    row = found.frame.row(0, named=True)
    if "user_id" in row:
        whom = ["--user", row["user_id"]]
    else:
        whom = newcomer.arguments_of(asked.rated, asked.history)
    next_step("explain", folder, *whom, "--item", row["item_id"])
