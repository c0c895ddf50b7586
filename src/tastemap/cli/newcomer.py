"""People who are not in the training data: known by ratings on the command line or in a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tastemap.cli import options
from tastemap.cli.output import say
from tastemap.errors import DataError, InvalidValueError

if TYPE_CHECKING:
    from tastemap.data import Id
    from tastemap.models.recommender import Recommender

Rated = Annotated[
    list[str] | None,
    typer.Option(metavar="TITLE_OR_ID=5", help="Something a new person rated; give it once for each item."),
]
History = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Table of a new person's items and ratings; without ratings: liked."),
]


def ratings_of(recommender: Recommender, rated: Sequence[str] | None, history: Path | None) -> dict[Id, float]:
    """The ratings of a newcomer by item id, from ``--rated`` or else from ``--history``."""
    if rated:
        return _parse(recommender, rated)
    assert history is not None, "one of the two is given"
    return _read(recommender, history)


def arguments_of(rated: Sequence[str] | None, history: Path | None) -> list[str]:
    """The options that name the same newcomer again."""
    if rated:
        return [word for text in rated for word in ("--rated", text)]
    return ["--history", str(history)]


def _parse(recommender: Recommender, rated: Sequence[str]) -> dict[Id, float]:
    """``TITLE_OR_ID=RATING``; the last rating of an item counts."""
    from tastemap.inference import find_item

    ratings: dict[Id, float] = {}
    for text in rated:
        name, equals, value = text.rpartition("=")
        try:
            rating = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise options.UsageError(
                f'--rated takes TITLE_OR_ID=RATING, such as --rated "Star Wars=5". Got {text!r}.'
            )
        found = find_item(recommender, name)
        if found.others:
            say(f"{name!r}: taking the most popular of {len(found.others) + 1} matching titles.")
        ratings[recommender.items.to_id(found.item_index)] = rating
    return ratings


def _read(recommender: Recommender, path: Path) -> dict[Id, float]:
    """A table; without a rating column each item counts as liked."""
    from tastemap.data import read_history
    from tastemap.inference import fold_in

    items, values = read_history(path)
    if values is None:
        scale = recommender.train.interactions.rating_scale
        values = [scale.high if scale else 1.0] * len(items)
    ratings = dict(zip(items, values, strict=True))
    try:
        fold_in(recommender, ratings)
    except InvalidValueError as error:  # here it is the file that is wrong, not the command
        raise DataError(f"{path.name}: {error.message}") from error
    return ratings
