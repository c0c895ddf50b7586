"""``tastemap explain``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tastemap.cli import options
from tastemap.cli.output import next_step, print_json, print_table, records, say

if TYPE_CHECKING:
    from tastemap.inference import Explanation

NAME = "explain"


def command(
    folder: options.Folder,
    user: Annotated[str, typer.Option(metavar="ID", help="A user of the training data.")],
    item: Annotated[str, typer.Option(metavar="ID", help="An item id, or a title.")],
    k: Annotated[int, typer.Option("-k", min=1, help="Reasons to show; --json has them all.")] = 10,
    as_json: options.Json = False,
) -> None:
    """Say why ITEM has its score for USER: baseline + reasons + remainder = score."""
    from tastemap.inference import explain, find_item

    recommender = options.load_model(folder)
    user_id = recommender.users.to_id(recommender.users.index(user))
    item_id = recommender.items.to_id(find_item(recommender, item).item_index)
    found = explain(recommender, user_id, item_id)
    if as_json:
        print_json({"user_id": user_id, **_document(found)})
        return
    name = found.title or str(found.item_id)
    print_table(found.reasons.head(k), title=f"Why user {user_id} might like {name} ({recommender.name})")
    contributions = found.reasons["contribution"].to_numpy()
    shown, rest = float(contributions[:k].sum()), float(contributions[k:].sum())
    say(
        f"baseline {found.baseline:+.4f}   reasons above {shown:+.4f}   "
        f"{len(contributions[k:])} more {rest:+.4f}"
    )
    stars = f", a prediction of {found.prediction:.2f} stars" if found.prediction is not None else ""
    say(f"remainder {round(found.remainder, 4) + 0.0:+.4f}   sum = score {found.score:.4f}{stars}")
    next_step(f"tastemap recommend {folder} --user {user} -k 10")


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
