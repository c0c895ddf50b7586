"""``tastemap recommend``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tastemap.cli import options
from tastemap.cli.output import next_step, print_json, print_table, records, say
from tastemap.errors import InvalidValueError

if TYPE_CHECKING:
    from tastemap.data import Id
    from tastemap.inference import Recommendations, Rules
    from tastemap.models.recommender import Recommender

NAME = "recommend"


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
    user: Annotated[list[str] | None, typer.Option(metavar="ID", help="A user; repeat for more.")] = None,
    users_file: Annotated[
        Path | None, typer.Option("--for", metavar="FILE", help="Table with a column of users.")
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Every user of the training data.")] = False,
    history: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Table of one person's items and ratings.")
    ] = None,
    rated: Annotated[
        list[str] | None, typer.Option(metavar="TITLE_OR_ID=5", help="Something a new person rated; repeat.")
    ] = None,
    k: options.K = 10,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write .csv, .parquet or .jsonl instead.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="An item that must not appear.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="The only items that may appear.")
    ] = None,
    where: Annotated[
        str | None, typer.Option(help='Catalog filter: "year >= 2000 and genre = Horror".')
    ] = None,
    as_json: options.Json = False,
) -> None:
    """List the best items for users, for everybody, or for a history nobody has seen before."""
    from tastemap.inference import Rules

    asked = _Asked(user, users_file, everybody, history, rated)
    asked.check()
    recommender = options.load_model(folder)
    found = _lists(recommender, asked, k, Rules(tuple(exclude or ()), only, where))
    if as_json:
        document = {"k": k, "n_users": found.n_users, "notes": list(found.notes)}
        if out is None:
            document["items"] = records(found.frame)
        else:
            document["out"] = str(out)
    if out is not None:
        from tastemap.data import write_table

        write_table(found.frame, out)
    if as_json:
        print_json(document)
        return
    for note in found.notes:
        say(note)
    if out is not None:
        say(f"Wrote {len(found.frame):,} rows, lists for {found.n_users:,} users, to {out}.")
    else:
        print_table(found.frame, digits={"score": 4, "prediction": 2})
    _suggest(folder, found)


def _lists(recommender: Recommender, asked: _Asked, k: int, rules: Rules) -> Recommendations:
    from tastemap.inference import recommend, recommend_for_history

    if asked.rated:
        return recommend_for_history(recommender, _parse_rated(recommender, asked.rated), k=k, rules=rules)
    if asked.history:
        return recommend_for_history(recommender, _read_history(recommender, asked.history), k=k, rules=rules)
    if asked.users_file:
        from tastemap.data import read_user_ids

        return recommend(recommender, read_user_ids(asked.users_file), k=k, rules=rules, strict=False)
    return recommend(recommender, asked.users, k=k, rules=rules)


def _parse_rated(recommender: Recommender, rated: list[str]) -> dict[Id, float]:
    """``TITLE_OR_ID=RATING`` by item id; the last rating of an item counts."""
    from tastemap.inference import find_item

    ratings: dict[Id, float] = {}
    for text in rated:
        name, equals, value = text.rpartition("=")
        try:
            rating = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise InvalidValueError(
                f'--rated takes TITLE_OR_ID=RATING, such as --rated "Star Wars=5". Got {text!r}.'
            )
        found = find_item(recommender, name)
        if found.others:
            say(f"{name!r}: taking the most popular of {len(found.others) + 1} matching titles.")
        ratings[recommender.items.to_id(found.item_index)] = rating
    return ratings


def _read_history(recommender: Recommender, path: Path) -> dict[Id, float]:
    """Items and ratings of one person from a table; without a rating column each item counts as liked."""
    from tastemap.data import read_history

    items, values = read_history(path)
    if values is None:
        scale = recommender.train.interactions.rating_scale
        values = [scale.high if scale else 1.0] * len(items)
    return dict(zip(items, values, strict=True))


def _suggest(folder: Path, found: Recommendations) -> None:
    if found.frame.is_empty() or "user_id" not in found.frame.columns:
        return
    row = found.frame.row(0, named=True)
    next_step(f"tastemap explain {folder} --user {row['user_id']} --item {row['item_id']}")
