"""``tastemap similar``."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from tastemap.cli import options
from tastemap.cli.output import next_step, print_json, print_table, records, say
from tastemap.plurals import plural

NAME = "similar"
EXAMPLE = 'tastemap similar my-model "Toy Story (1995)"'


def command(
    folder: options.Folder,
    item: Annotated[str, typer.Argument(metavar="ITEM", help="An id, a title, or a part of a title.")],
    measure: Annotated[Literal["cosine", "dot"], typer.Option(help="How items are compared.")] = "cosine",
    k: options.K = 10,
    min_common: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="Leave out items with fewer users in common with ITEM."),
    ] = 5,
    by: Annotated[
        Literal["id", "title"] | None, typer.Option(help="Read ITEM as an id or as a title only.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """List the items most similar to an item."""
    from tastemap.inference import find_item, item_titles, similar_items

    recommender = options.load_model(folder)
    found = find_item(recommender, item, by=by)
    item_id, title = recommender.items.to_id(found.item_index), item_titles(recommender)[found.item_index]
    neighbors = similar_items(recommender, item_id, measure=measure, k=k, min_common_users=min_common, by="id")
    if as_json:
        print_json(
            {
                "item_id": item_id,
                "title": title,
                "measure": measure,
                "other_matches": list(found.others),
                "min_common_users": min_common,
                "left_out": neighbors.left_out,
                "notes": list(neighbors.notes),
                "items": records(neighbors.frame),
            }
        )
        return
    if found.others:
        listed = "; ".join(found.others[:10])
        more = " …" if len(found.others) > 10 else ""
        say(f"{plural(len(found.others), 'other match', 'other matches')} for {item!r}: {listed}{more}")
    for note in neighbors.notes:
        say(note)
    print_table(neighbors.frame, title=f"Most similar to {title or item_id} by {measure} ({recommender.name})")
    next_step("recommend", folder, "--rated", f"{title or item_id}=5")
