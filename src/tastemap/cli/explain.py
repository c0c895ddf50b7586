"""``tastemap explain``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tastemap.cli import newcomer, options
from tastemap.cli.output import next_step, print_cells, print_json, records
from tastemap.plurals import plural

if TYPE_CHECKING:
    from tastemap.inference import Explanation

NAME = "explain"
EXAMPLE = "tastemap explain my-model --user 196 --item 50"


def command(
    folder: options.Folder,
    item: Annotated[str, typer.Option(metavar="ID", help="An item id, a title or a part of a title.")],
    user: Annotated[str | None, typer.Option(metavar="ID", help="A user of the training data.")] = None,
    history: newcomer.History = None,
    rated: newcomer.Rated = None,
    k: Annotated[int, typer.Option("-k", min=1, metavar="N", help="Reasons shown; --json has all.")] = 10,
    as_json: options.Json = False,
) -> None:
    """Say why an item has its score: baseline + reasons + remainder.

    Say for whom by exactly one of --user, --history and --rated. The strongest reasons come first, for or
    against the item.
    """
    from tastemap.inference import explain, explain_for_history, find_item

    if sum(bool(one) for one in (user, history, rated)) != 1:
        raise options.UsageError("Say for whom: exactly one of --user, --history, --rated.")
    recommender = options.load_model(folder)
    item_id = recommender.items.to_id(find_item(recommender, item).item_index)
    whom: dict[str, object] = {}
    if user is not None:
        user_id = recommender.users.to_id(recommender.users.index(user))
        whom, found = {"user_id": user_id}, explain(recommender, user_id, item_id)
    else:
        found = explain_for_history(recommender, newcomer.ratings_of(recommender, rated, history), item_id)
    if as_json:
        print_json({**whom, **_document(found)})
        return
    name = f"user {user}" if user is not None else "these ratings"
    _show(found, k, title=f"{found.title or f'Item {found.item_id}'} for {name}, by {recommender.name}")
    _suggest(folder, user, rated, history)


def _show(found: Explanation, k: int, *, title: str) -> None:
    """Reasons, then the sums they enter, down to the score."""
    reasons, left = found.reasons.head(k), found.reasons.slice(k)
    rows = [
        [str(row["item_id"]), row["title"] or "", f"{row['rating']:g}", _signed(row["contribution"])]
        for row in reasons.iter_rows(named=True)
    ]
    sums = [("baseline", _signed(found.baseline))]
    if len(left):
        sums.insert(0, (plural(len(left), "more reason"), _signed(float(left["contribution"].sum()))))
    # leave-one-out differences need not add up
    rest = "remainder" if found.additive else "what reasons share"
    sums += [(rest, _signed(found.remainder)), ("sum = score", f"{found.score:.4f}")]
    if found.prediction is not None:
        sums.append(("prediction, in stars", f"{found.prediction:.2f}"))
    rows += [[""] * 4, *(["", label, "", value] for label, value in sums)]
    right = {"rating", "contribution"} | ({"item_id"} if reasons["item_id"].dtype.is_numeric() else set())
    names = ["item_id", "title", "rating", "contribution"]
    if reasons["title"].null_count() == len(reasons):
        # The sums need a column for their names, which is that of the ids then.
        names, rows = ["item_id", *names[2:]], [[row[0] or row[1], *row[2:]] for row in rows]
        right -= {"item_id"}
    print_cells(names, rows, right=right, title=title)


def _signed(value: float) -> str:
    return f"{round(value, 4) + 0.0:+.4f}"  # adding 0.0 makes a plus of minus zero


def _suggest(folder: Path, user: str | None, rated: list[str] | None, history: Path | None) -> None:
    whom = ["--user", user] if user is not None else newcomer.arguments_of(rated, history)
    next_step("recommend", folder, *whom, "-k", 10)


def _document(found: Explanation) -> dict[str, object]:
    return {
        "item_id": found.item_id,
        "title": found.title,
        "score": found.score,
        "prediction": found.prediction,
        "baseline": found.baseline,
        "reasons": records(found.reasons),
        "remainder": found.remainder,
        "additive": found.additive,
    }
